import json

import pytest

from bench.reporting.status import age, status_lines, status_page


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
