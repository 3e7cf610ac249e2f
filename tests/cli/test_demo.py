"""`make demo`: its lines are commands that work, its study is current, and its two runs learn."""

import json
import os
import re
import shlex
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pandas as pd
import pytest
import typer.main
from packaging.requirements import Requirement
from paths import ROOT, STUDIES
from traced_records import traced_run
from typer.testing import CliRunner

from bench.cli import app
from bench.evaluation import gates
from bench.protocol.presets import named, named_protocol
from bench.reporting.results.records import load
from bench.reporting.tracing.explain import changed
from bench.roster import METHODS

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_group(app).commands
BOTH = ("resnet50", "comcl")
SEEDS = (0, 1)
STUDY = STUDIES / "demo"
PICTURE = "figures/eyeq-twin/seeds-kappa.svg"
THREADS = "engine.threads"


def printed_by(target):
    """The lines of a target that stands alone, as make would run them, without `@`."""
    dry = ["make", "--dry-run", "--always-make", "--no-print-directory", target]
    return subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def commands_of(page):
    """The words after `bench` of each line that runs it, or tells a reader to."""
    lines = re.findall(r"^(?:echo \"  )?\.venv/bin/bench (.*?)(?: {3,}.*)?\"?$", page, re.MULTILINE)
    return [shlex.split(line) for line in lines]


def faults_of(study):
    """What of the study that `make demo` shows first is missing or of yesterday."""
    runs = load(study).to_dict("records") if study.is_dir() else []
    if not runs:
        return ["absent"]
    cells = {(run["method"], run["lq_ratio"], run["seed"]) for run in runs}
    found = [f"not run: {cell}" for cell in WANTED if cell not in cells]
    for run in runs:
        if (run["method"], run["lq_ratio"], run["seed"]) not in WANTED:
            found.append(f"not of it: {run['method']} {run['lq_ratio']} {run['seed']}")
        if run["state"] != "done":
            found.append(f"stale: {run['id']}")
        if run["protocol_name"] != "laptop" or {*changed(run["protocol"], "laptop")} - {THREADS}:
            found.append(f"not of today's preset laptop: {run['id']}")
        if not run["trained"]:
            found.append(f"not trained: {run['id']}")
    return found if (study / PICTURE).is_file() else [*found, f"no picture {PICTURE}"]


WANTED = [(method, "native", seed) for method in BOTH for seed in SEEDS]


@pytest.fixture
def small_study(tmp_path):
    """Records as the study has them."""
    for method, ratio, seed in WANTED:
        traced_run(tmp_path, method, ratio, seed, dataset="eyeq-twin", kappa=0.7 + 0.01 * seed)
    (tmp_path / PICTURE).parent.mkdir(parents=True)
    (tmp_path / PICTURE).write_text("<svg/>")
    return tmp_path


def test_the_study_that_the_demo_shows_is_there_and_current():
    assert faults_of(STUDY) == []


def test_a_current_study_has_no_faults(small_study):
    assert faults_of(small_study) == []


def test_a_study_that_is_absent_stale_or_of_another_preset_is_found(small_study, tmp_path):
    assert faults_of(tmp_path / "nowhere") == ["absent"]
    twin = "eyeq-twin"
    traced_run(small_study, "resnet50", "native", 0, dataset=twin, method_version=0)
    traced_run(small_study, "comcl", "0.7", 0, dataset=twin)
    traced_run(small_study, "comcl", "native", 1, dataset=twin, protocol="smoke")
    (small_study / PICTURE).unlink()
    kinds = [fault.partition(":")[0] for fault in faults_of(small_study)]
    assert sorted(kinds) == [
        f"no picture {PICTURE}",
        "not of it",
        "not of today's preset laptop",
        "stale",
    ]


def test_every_line_of_the_demo_is_a_command_that_there_is(monkeypatch):
    monkeypatch.chdir(ROOT)
    lines = commands_of(printed_by("demo"))
    assert [name for name, *_ in lines] == ["table", "sweep", "table", "explain", "run", "sweep"]
    for name, *words in lines:
        if STUDY.is_dir() or str(STUDY.relative_to(ROOT)) not in words:
            COMMANDS[name].make_context(name, list(words))
    assert str((STUDY / PICTURE).relative_to(ROOT)) in printed_by("demo")


def test_the_demo_needs_no_tool_that_checks_code():
    demo, test = printed_by("demo"), printed_by("test")
    assert "[dev]" not in demo and "--editable ." in demo
    assert "[dev]" in test and "--editable ." in test  # the same environment, and more


def test_readme_and_makefile_name_the_same_targets_and_sizes():
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets
    said = {size for sizes in SIZES.values() for size in sizes}
    assert set(re.findall(r"([\d.]+) GB", README)) <= said


def test_the_gigabytes_that_the_demo_announces_are_those_of_this_environment():
    """A tenth off is still what a reader was told; versions move on."""
    sizes = installed()
    torch = "CUDA" if any(name.startswith("nvidia-cudnn") for name in sizes) else "CPUs"
    _, on_disk = SIZES[torch]
    assert sum(sizes.values()) / 1e9 == pytest.approx(float(on_disk), rel=0.1)
    assert printed_by("demo").index(on_disk) < printed_by("demo").index("pip install")


SIZES = {
    torch: (download, on_disk)
    for download, on_disk, torch in re.findall(
        r"([\d.]+) GB to download and ([\d.]+) GB on disk with torch for (\w+)", MAKEFILE
    )
}
"""Kind of torch -> gigabytes to download and on disk, as the Makefile says before it installs."""


def installed():
    """Package -> bytes of its files, for this project and all that it needs at run time."""
    sizes, todo = {}, [("comcl-bench", "")]
    for name, extra in todo:  # grows while it is read
        found = distribution(name)
        files = [Path(str(file.locate())) for file in found.files or ()]
        sizes[found.metadata["Name"]] = sum(f.stat().st_size for f in files if f.is_file())
        for line in found.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                wanted = [(needed.name, each) for each in sorted(needed.extras) or ("",)]
                todo += [each for each in wanted if each not in todo]
    return sizes


@pytest.mark.parametrize("method", BOTH)
def test_the_preset_serves_both_methods_small_and_says_that_it_proves_nothing(method):
    settings = named("demo")
    assert method in METHODS
    assert settings.engine.threads == 1  # two runs side by side on two cores
    assert settings.data.twin_train + settings.data.twin_test <= 1500
    assert "no evidence" in named_protocol("demo")
    assert named_protocol("laptop") == "protocol laptop"


@pytest.mark.skipif("BENCH_LONG" not in os.environ, reason="takes minutes; set BENCH_LONG=1")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", BOTH)
def test_a_run_of_the_demo_has_learnt_and_beats_the_majority(method, seed, cache, tmp_path):
    words = ["run", "--method", method, "--dataset", "eyeq-twin", "--protocol", "demo"]
    words += ["--seed", str(seed), "--results", str(tmp_path), "--cache", str(cache), "--json"]
    result = CliRunner().invoke(app, [*words, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["trained"]
    rows = pd.read_parquet(Path(record["folder"]) / "predictions.parquet")
    tested = gates.gate(rows.loc[rows["split"] == "test"])
    assert tested.low > 0  # the majority's kappa, whatever answer that is
    assert tested.score == pytest.approx(record["kappa"])
