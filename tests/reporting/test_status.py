import json

import pandas as pd
import pytest

from bench.errors import NotComparable, RequestError
from bench.reporting.status import age, missing, status_lines, status_of, status_page
from bench.roster import METHODS


def state(name="done", seed=0, **changes):
    return {
        "state": name,
        "dataset": "eyeq-twin",
        "method": "resnet50",
        "lq_ratio": "0.7",
        "seed": seed,
        "id": f"{seed:012x}",
        "why": None,
        "age_seconds": None,
    } | changes


def line_of(lines, word):
    return next(line for line in lines if word in line)


def test_a_failure_says_why_and_comes_before_what_is_done():
    lines = status_lines([state(), state("failed", 1, why="loss not finite, epoch 3")])
    assert lines.index(line_of(lines, "loss not finite")) < lines.index(line_of(lines, " done "))


def test_seeds_of_one_fate_share_a_line():
    lines = status_lines([state(seed=2), state(seed=0), state(seed=1)])
    assert "0, 1, 2" in line_of(lines, "resnet50")


def test_seeds_of_two_fates_do_not():
    failures = [state("failed", 0, why="disk full"), state("failed", 1, why="killed")]
    lines = status_lines(failures)
    assert line_of(lines, "disk full") != line_of(lines, "killed")


def test_all_states_are_counted():
    names = ["done", "done", "running", "failed", "missing", "stale", "interrupted"]
    lines = status_lines([state(name, seed) for seed, name in enumerate(names)])
    assert lines[-1] == "2 done, 1 missing, 1 stale, 1 interrupted, 1 failed, 1 running"


def test_a_long_reason_is_not_cut():
    why = "a reason that is longer than any terminal " * 5
    assert why.strip() in "\n".join(status_lines([state("failed", why=why)]))


def test_a_reason_is_never_taken_for_markup():
    assert "[red]x[/]" in "\n".join(status_lines([state("failed", why="[red]x[/]")]))


def test_a_run_that_failed_before_it_was_told_its_seed_shows_none():
    lines = status_lines([state("failed", -1, lq_ratio="?", why="no such folder")])
    assert "-1" not in line_of(lines, "no such folder")


def test_without_runs_the_next_command_is_named():
    assert "bench run --method resnet50" in "\n".join(status_lines([]))


def test_a_terminal_gets_colours_and_a_pipe_none(monkeypatch):
    states = [state("failed", why="x")]
    assert "\x1b" not in status_page(states)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" in status_page(states)


def test_json_holds_every_run():
    answer = json.loads(status_page([state(seed=0), state(seed=1)], as_json=True))
    assert [run["seed"] for run in answer["runs"]] == [0, 1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0, "0 s"), (59, "59 s"), (60, "1 min"), (7_199, "1 h"), (200_000, "2 d")],
)
def test_an_age_is_in_its_largest_unit(seconds, text):
    assert age(seconds) == text


def places(rows):
    return {(row["method"], row["lq_ratio"], row["seed"]) for row in rows}


def test_what_a_table_needs_and_nobody_has_begun_is_missing(study):
    rows = missing([], study, tables="1", datasets=["eyeq-twin"])
    assert {row["state"] for row in rows} == {"missing"}
    assert ("comcl", "1.0", 0) in places(rows)
    assert ("comcl", "0.7", 2) not in places(rows)
    assert ("resnet50", "1.0", 0) not in places(rows)
    assert ("resnet50", "1.0", 1) in places(rows)


def test_more_seeds_leave_more_missing(study):
    few = missing([], study, tables="1", datasets=["eyeq-twin"], seeds=1)
    more = missing([], study, tables="1", datasets=["eyeq-twin"], seeds=4)
    assert ("comcl", "native", 0) not in places(few)
    assert ("comcl", "native", 3) in places(more)
    assert places(few) < places(more)


@pytest.mark.parametrize("begun", ["running", "failed", "interrupted", "stale"])
def test_a_run_that_somebody_has_begun_is_not_missing(begun):
    nothing = pd.DataFrame()
    cell = ("resnet50", "0.7", 0)
    there = missing([state(begun)], nothing, tables="1", datasets=["eyeq-twin"])
    assert cell not in places(there)
    assert cell in places(missing([], nothing, tables="1", datasets=["eyeq-twin"]))


def test_a_run_of_a_study_fills_no_gap(run):
    own, of_study = run("comcl"), run("comcl", study="boxes")
    cell = ("comcl", "native", 0)
    for record, gap in ((own, False), (of_study, True)):
        rows = missing([state()], pd.DataFrame([record]), tables="1", datasets=["eyeq-twin"])
        assert (cell in places(rows)) is gap


def test_two_protocols_ask_for_one(run):
    both = pd.DataFrame([run("comcl"), run("resnet50", key="bbbb2222", protocol_name="smoke")])
    with pytest.raises(NotComparable, match="--protocol smoke"):
        missing([], both, tables="1")
    rows = missing([], both, tables="1", datasets=["eyeq-twin"], protocol="smoke")
    assert ("comcl", "native", 0) in places(rows)
    assert ("resnet50", "native", 0) not in places(rows)


def test_without_a_data_set_those_that_have_runs_count_else_the_papers_own():
    twin = missing([state()], pd.DataFrame(), tables="2")
    assert {row["dataset"] for row in twin} == {"eyeq-twin"}
    papers = missing([], pd.DataFrame(), tables="1")
    assert {row["dataset"] for row in papers} == {"eyeq", "chestxray"}


def test_a_method_that_the_roster_lacks_is_missing_with_that_reason(monkeypatch):
    monkeypatch.delitem(METHODS, "comcl")
    rows = {row["method"]: row["why"] for row in missing([], pd.DataFrame(), tables="2")}
    assert rows["comcl"] == "not in this version's roster"
    assert rows["resnet50"] == ""


def test_status_names_what_is_missing_only_when_asked(tmp_path):
    assert "missing" not in status_of(tmp_path)
    assert "missing" in status_of(tmp_path, table="3")
    assert "folder" in status_of(tmp_path, datasets=["folder"])
    assert "eyeq" not in status_of(tmp_path, datasets=["folder"])
    with pytest.raises(RequestError, match="did you mean 'folder'"):
        status_of(tmp_path, datasets=["foldr"])
    with pytest.raises(RequestError, match="--table 7"):
        status_of(tmp_path, table="7")
