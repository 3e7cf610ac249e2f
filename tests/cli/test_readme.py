"""What the README names is there: commands, options, files."""

import re

import pytest
import typer.main
from paths import ROOT

from bench.cli import app
from bench.roster import METHODS

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = typer.main.get_group(app).commands
"""Name -> command, as the command line finds it."""

# A command in code: in a fence at the start of a line, or behind a backtick; and its options.
USES = re.findall(r"(?:^|`)bench ([a-z]+)([^`\n#|]*)", README, flags=re.MULTILINE)


def test_the_readme_names_every_command():
    assert {name for name, _ in USES} == set(COMMANDS)


@pytest.mark.parametrize("name", sorted({name for name, _ in USES}))
def test_options_in_the_readme_are_those_of_their_command(name):
    there = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    named = {word for own, rest in USES if own == name for word in re.findall(r"--[a-z-]+", rest)}
    assert named <= there


def test_methods_in_the_readme_are_in_the_roster():
    named = re.findall(r"--method ([a-z][\w-]*)", README)
    assert named and set(named) <= set(METHODS)


def test_files_in_the_readme_exist():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    modules = re.findall(r"`((?:bench|comcl|baselines)/[\w/.]*)`", README)
    assert links and modules
    assert [name for name in (*links, *modules) if not (ROOT / name).exists()] == []


def test_the_readme_opens_with_question_picture_table_and_the_two_commands():
    places = [README.index(text) for text in ("?*", "![", "\n| ResNet50 |", "make demo", "\n## ")]
    assert places == sorted(places)
    assert re.search(r"make demo .*\nmake test ", README)
