import json

import pytest

from bench.reporting.sweep_pages import lines_page, outcome_page, plan_page, size, submitted_page

STATE = {"dataset": "folder", "method": "comcl", "lq_ratio": "0.7", "why": "", "age_seconds": None}
STATES = [{**STATE, "state": "missing", "seed": 0, "id": "a"}]


def cost(method="comcl", **changes):
    numbers = {"runs": 4, "seconds": 90.0, "bytes": 2_000_000}
    source = "3 records (cpu, x)"
    return {"dataset": "folder", "method": method, "source": source, **numbers} | changes


def planned(costs, jobs=1, left_out=(), **more):
    return plan_page(STATES, costs, left_out, jobs=jobs, free_bytes=5 * 10**9, **more)


def test_a_plan_sums_time_over_runs_and_divides_it_by_those_at_a_time():
    costs = [cost(), cost("resnet50", runs=2, seconds=30.0)]
    assert "time: about 7 min" in planned(costs)
    assert "time: about 3 min" in planned(costs, jobs=2)
    assert "disk: about 12.0 MB stay, 5.0 GB are free" in planned(costs)


def test_a_plan_says_where_each_time_is_from():
    page = planned([cost(), cost("resnet50", source="probe: one step")])
    assert "3 records (cpu, x)" in page
    assert "probe: one step" in page


def test_what_has_no_estimate_is_said_and_not_taken_for_nothing():
    unknown = cost("mine", runs=3, seconds=None, bytes=None, source="no record, and no probe")
    page = planned([cost(), unknown])
    assert "3 runs have no estimate" in page
    assert "unknown" in page
    assert "no estimate" not in planned([cost()])


def test_a_plan_with_nothing_to_do_estimates_nothing():
    assert "time:" not in planned([])


def test_what_is_left_out_stands_in_the_plan():
    assert "left out: mmcnn" in planned([cost()], left_out=["mmcnn: not in the roster"])


def test_json_of_a_plan_has_all_of_it():
    answer = json.loads(planned([cost()], left_out=["x"], as_json=True))
    assert answer["runs"] == STATES
    assert answer["seconds"] == 360.0
    assert answer["bytes"] == 8_000_000
    assert answer["left_out"] == ["x"]
    assert answer["free_bytes"] == 5 * 10**9


def ended(state="done", why="", tries=1):
    return {
        "title": "comcl seed 0",
        "id": "a",
        "folder": "runs/a",
        "state": state,
        "why": why,
        "tries": tries,
    }


def test_an_outcome_counts_and_gives_each_reason():
    rows = [ended(), ended("found"), ended("failed", "killed by SIGKILL", 3)]
    page = outcome_page(rows, ["mmcnn: not in the roster"])
    assert page.startswith("3 runs: 1 made, 1 found done, 1 failed")
    assert "killed by SIGKILL (tried 3 times)" in page
    assert "runs/a/sweep.log" in page
    assert "left out: mmcnn" in page
    assert "failed:" not in outcome_page([ended()], [])
    assert json.loads(outcome_page(rows, [], as_json=True))["runs"] == rows


def test_lines_are_quoted_for_a_shell():
    assert lines_page([["bench", "a b"], ["bench", "$c"]]) == "bench 'a b'\nbench '$c'"
    assert lines_page([]) == ""


def test_a_submitted_array_names_job_and_logs():
    assert "Slurm job 12: 3 runs, logs in there/logs" in submitted_page("12", "there", 3)
    assert json.loads(submitted_page("12", "there", 3, as_json=True))["job"] == "12"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2.5e9, "2.5 GB")]
)
def test_sizes_are_in_the_largest_unit(number, text):
    assert size(number) == text
