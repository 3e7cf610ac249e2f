"""`bench sweep` and `bench status` as a user types them."""

import json

import pytest
from typer.testing import CliRunner

from bench.cli import app


@pytest.fixture
def bench(small_set, cache, tmp_path, tiny, monkeypatch):
    """Run a command in an empty folder; `bench sweep` gets the small set and tiny settings."""
    monkeypatch.chdir(tmp_path)

    def call(command, *words):
        if command == "sweep":
            words += ("--dataset", "folder", "--data", str(small_set), "--cache", str(cache))
            words += ("--protocol", "smoke")
            words += tuple(word for change in tiny for word in ("--set", change))
        return CliRunner().invoke(app, [command, *words])

    return call


def answer(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


TWO = ("--methods", "resnet50", "--ratios", "native,0.7", "--seeds", "1", "--jobs", "2")


def test_a_sweep_makes_what_is_needed_and_asked_again_finds_it(bench, tmp_path):
    first = bench("sweep", *TWO, "--json")
    assert [run["state"] for run in answer(first)["runs"]] == ["done", "done"]
    assert first.stderr.count("start  resnet50") == 2
    assert first.stderr.count("done, kappa") == 2
    again = bench("sweep", *TWO, "--json")
    assert [run["state"] for run in answer(again)["runs"]] == ["found", "found"]
    assert "start" not in again.stderr
    shown = bench("status", "--table", "1", "--dataset", "folder", "--seeds", "1")
    assert "2 done" in shown.stdout
    states = answer(bench("status", "--dataset", "folder", "--seeds", "1", "--json"))["runs"]
    missing = {(r["method"], r["lq_ratio"]) for r in states if r["state"] == "missing"}
    assert ("resnet50", "1.0") in missing
    assert ("resnet50", "0.7") not in missing
    table = bench("table", "1", "--format", "markdown")
    assert "n=1" in table.stdout


def test_a_run_that_fails_makes_the_sweep_exit_1_with_the_reason_and_the_others_go_on(bench):
    words = ("--methods", "resnet50,comcl-v1", "--ratios", "1.0", "--seeds", "1", "--jobs", "2")
    result = bench("sweep", *words)
    assert result.exit_code == 1
    assert "2 runs: 1 made, 0 found done, 1 failed" in result.stdout
    assert "failed: comcl-v1 folder 1.0 seed 0" in result.stdout
    assert "comcl.empty_level=paired_clean" in result.stdout
    assert "tried" not in result.stdout


def test_a_dry_run_starts_nothing_and_tells_runs_time_and_disk(bench, tmp_path):
    plan = answer(bench("sweep", *TWO, "--dry-run", "--json"))
    assert [run["state"] for run in plan["runs"]] == ["missing", "missing"]
    assert plan["seconds"] > 0
    assert plan["bytes"] > 0
    assert "probe" in plan["costs"][0]["source"]
    assert not (tmp_path / "results").exists()


def test_printed_lines_can_be_run_elsewhere(bench, small_set):
    result = bench("sweep", *TWO, "--launcher", "print")
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("bench run --method resnet50 --dataset folder") for line in lines)
    assert f"--data {small_set}" in lines[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--table", "9"), "--table 9"),
        (("--methods", "comlc"), "did you mean 'comcl'"),
        (("--ratios", "0.1", "--methods", "comcl"), "nothing to run: folder 0.1"),
        (("--methods", " , "), "--methods ' , ': no name in it"),
        (("--ratios", "2"), "--ratios 2: "),
        (("--launcher", "ray"), "local, slurm, print"),
    ],
)
def test_a_wrong_sweep_exits_2_and_says_the_way_out(bench, words, said):
    result = bench("sweep", *words)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert result.stdout == ""


def test_without_any_data_the_way_out_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    result = CliRunner().invoke(app, ["sweep"])
    assert result.exit_code == 2
    assert "--dataset eyeq-twin" in result.stderr


def test_status_of_an_empty_folder_names_what_a_table_needs(bench):
    assert "missing" in bench("status", "--table", "2").stdout
    assert "No runs here yet" in bench("status").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--dataset", "eyeqtwin"), "bench: no data set 'eyeqtwin': did you mean 'eyeq-twin'?"),
        (("--protocol", "lptop"), "bench: --protocol lptop: choose one of"),
        (("--points", ","), "bench: --points ',': no name in it"),
    ],
)
def test_a_wrong_study_is_refused_once_and_not_per_run(bench, words, message):
    result = bench("sensitivity", "--dry-run", *words)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith(message)
    assert result.stderr.count("did you mean") <= 1
