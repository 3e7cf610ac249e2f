"""A folder of records that was typed must be there; the default may be empty or absent."""

import pytest
import typer.main
from typer.testing import CliRunner

from bench.cli import app

CELL = "T1:comcl:eyeq-twin:0.7"
READERS = {
    "table": (),
    "status": (),
    "claims": (),
    "compare": ("comcl", "resnet50"),
    "audit": (),
    "figures": (),
    "report": (),
    "explain": (CELL,),
    "export": ("--out", "b.zip"),
    "rerun": (CELL,),
    "sensitivity": ("--only-report",),
}
EMPTY = ("table", "status", "claims", "audit", "report", "explain", "sensitivity")
"""Of those, what has something to say without any record; the others exit with 2."""


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no folder")
    return lambda name, *words: CliRunner().invoke(app, [name, *READERS[name], *words])


def test_every_command_that_reads_records_is_tried_here():
    commands = typer.main.get_group(app).commands
    readers = {n for n, c in commands.items() if "records" in {p.name for p in c.params}}
    assert readers == set(READERS)


@pytest.mark.parametrize("name", READERS)
def test_a_typed_folder_that_is_absent_exits_2_and_names_it(bench, tmp_path, name):
    result = bench(name, "--records", "absent")
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("bench: --records absent: there is no such folder")
    assert result.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", READERS)
def test_a_file_is_no_folder_of_records(bench, name):
    result = bench(name, "--records", "file")
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("bench: --records file: this is a file")


@pytest.mark.parametrize("name", EMPTY)
def test_without_records_the_next_command_is_named(bench, name):
    result = bench(name)
    assert result.exit_code == 0, result.output
    assert "bench " in result.stdout


@pytest.mark.parametrize("name", sorted(set(READERS) - set(EMPTY)))
def test_what_needs_records_says_so_without_them(bench, name):
    result = bench(name)
    assert result.exit_code == 2, result.output
    assert "bench " in result.stderr.removeprefix("bench: ")


@pytest.mark.parametrize("name", EMPTY)
def test_a_typed_folder_that_is_there_and_empty_is_an_empty_state(bench, tmp_path, name):
    (tmp_path / "empty").mkdir()
    assert bench(name, "--records", "empty").exit_code == 0


def test_the_folder_of_a_study_must_be_there_too(bench):
    result = bench("report", "--study", "absent")
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("bench: --study absent: there is no such folder")


@pytest.mark.parametrize("name", ["table", "figures", "sensitivity"])
@pytest.mark.parametrize("out", ["file", "file/deep"])
def test_a_file_where_a_folder_is_to_be_written_is_refused(bench, name, out):
    result = bench(name, "--out", out)
    assert result.exit_code == 2, result.output
    assert result.stderr == f"bench: --out {out}: file is a file; give another folder\n"


@pytest.mark.parametrize("name", ["report", "export"])
def test_a_folder_where_a_file_is_to_be_written_is_refused(bench, tmp_path, name):
    result = bench(name, "--out", str(tmp_path))
    assert result.exit_code == 2, result.output
    assert "this is a folder; give the name of a file in it" in result.stderr


@pytest.mark.parametrize("option", ["--results", "--cache"])
def test_runs_are_not_written_below_a_file(bench, tmp_path, option):
    words = ["run", "--method", "resnet50", "--dataset", "eyeq-twin", option, "file/deep"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2, result.output
    assert result.stderr == f"bench: {option} file/deep: file is a file; give another folder\n"
