"""`--help`, `-h`, `--version` and completion: a command explains itself, at once and in words."""

import os
import re
import resource
import shlex
import subprocess
import sys
import tomllib

import pytest
import typer.main
from paths import ROOT
from typer.testing import CliRunner

from bench.cli import app
from bench.commands import options, pictures
from bench.commands.version import code_version
from bench.data.datasets import SOURCES
from bench.experiments import EXPERIMENTS
from bench.protocol.presets import CHANGES
from bench.reporting.figures import FIGURES
from bench.reporting.tables.render import FORMATS
from bench.roster import METHODS
from bench.sweeps.launch import LAUNCHERS

COMMANDS = typer.main.get_group(app).commands
CHEAP = ("methods", "datasets", "protocol", "ambiguities", "audit")
"""Commands whose example reads what is committed, writes nothing and takes a few seconds."""
JARGON = re.compile(
    r"on what is there|leaves methods level|asked again|open point|\bdrawn\b|trunk|materials|"
    r"sighting|passport|\ba run's share\b|\b(an|a) (epoch|core|image|setting|run)\b,|\d if not"
)


def example(name):
    """The words after `bench` of the example that ends a command's help."""
    program, *words = shlex.split(str(COMMANDS[name].epilog).removeprefix("Example: "))
    assert program == "bench"
    return words


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_a_purpose_and_explains_each_option(name):
    command = COMMANDS[name]
    text = str(command.help)
    purpose = text.split("\n\n")[0]
    assert not JARGON.search(text)
    assert re.fullmatch(r"[A-Z][^\n]{20,}[.]", purpose)
    for parameter in command.params:
        text = getattr(parameter, "help", None) or ""
        assert re.fullmatch(r"[A-Z].{10,}[.]", text, re.DOTALL), (name, parameter.name)
        assert not JARGON.search(text), (name, parameter.name)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_ends_with_an_example_that_the_command_accepts(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    called, *words = example(name)
    assert called == name
    COMMANDS[name].make_context(name, words)


def test_a_wrong_example_would_not_be_accepted(monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(Exception, match="No such option"):
        COMMANDS["table"].make_context("table", ["--colour", "red"])


@pytest.mark.parametrize("name", CHEAP)
def test_examples_that_only_read_run(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, example(name))
    assert result.exit_code == 0, result.output
    assert result.stdout


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)])
def test_h_is_short_for_help(words):
    short, long = (CliRunner().invoke(app, [*words, flag]) for flag in ("-h", "--help"))
    assert short.exit_code == long.exit_code == 0
    assert short.stdout == long.stdout
    assert "Example: bench" in short.stdout


def test_help_takes_half_a_second_of_cpu_and_neither_torch_nor_pandas():
    code = (
        "import sys; from typer.testing import CliRunner; from bench.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "assert not {'torch', 'pandas', 'pydantic'} & set(sys.modules)\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 0.5  # about 0.3 s where nothing else runs


def test_version_is_that_of_the_code_that_runs():
    shown = CliRunner().invoke(app, ["--version"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"comcl-bench {project['version']} (Python 3.")
    assert str(ROOT / "bench") in shown.stdout


def test_version_of_a_checkout_goes_before_that_of_an_installed_release(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "comcl-bench"\nversion = "9.8.7"\n')
    assert code_version(tmp_path / "bench") == "9.8.7"
    project.write_text('[project]\nname = "another"\nversion = "9.8.7"\n')
    assert code_version(tmp_path / "bench") != "9.8.7"


def test_names_for_completion_are_those_that_there_are():
    assert options.DATASETS == tuple(SOURCES)
    assert options.PROTOCOLS == tuple(CHANGES)
    assert options.LAUNCHERS == LAUNCHERS
    assert options.TABLES == (*EXPERIMENTS, "all")
    assert set(options.FORMATS) < set(FORMATS)  # "text" is what a file of them holds
    assert pictures.NAMES == tuple(FIGURES)


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        ("run --method comcl-no", {"comcl-no-multilevel", "comcl-no-spl"}),
        ("run --method ", {*METHODS, "comcl-v3"}),
        ("run --dataset chest", {"chestxray", "chestxray-twin"}),
        ("sweep --protocol l", {"laptop", "laptop-chest"}),
        ("run --protocol p", {"paper", "pretrained"}),
        ("table --format m", {"markdown"}),
        ("clai", {"claims"}),
    ],
)
def test_the_shell_completes_names(typed, proposed):
    asks = {"_BENCH_COMPLETE": "complete_bash", "COMP_WORDS": f"bench {typed}"}
    asks["COMP_CWORD"] = str(len(typed.split(" ")))
    result = subprocess.run(
        [sys.executable, "-c", "from bench.cli import app; app(prog_name='bench')"],
        env=os.environ | asks,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert set(result.stdout.split()) == proposed, result.stderr
