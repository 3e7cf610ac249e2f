"""A sweep as it is asked for: where it runs, on how many cores, and what it answers."""

import json
import shlex

import pytest
from fake_runs import PROGRAM, fake_run

from bench.errors import RequestError
from bench.pipeline.resolve import Request
from bench.sweeps import launch, pool
from bench.sweeps.launch import split_cores, sweep
from bench.sweeps.plan import Plan, SweepRequest, words


@pytest.fixture
def asked(small_set, cache, tmp_path, tiny):
    common = Request(
        "",
        "",
        protocol="smoke",
        changes=tiny,
        data=small_set,
        results=tmp_path / "runs",
        cache=cache,
    )
    return SweepRequest(common, datasets=("folder",), methods=("resnet50", "comcl"), seeds=1)


def common_with(*changes, protocol="paper"):
    """A sweep of runs that have two threads each, unless another preset is asked for."""
    common = Request("", "", protocol=protocol, changes=changes)
    return SweepRequest(common, datasets=("eyeq-twin",))


def test_several_runs_at_a_time_split_the_cores_and_say_that_they_are_other_runs():
    messages = []
    split = split_cores(common_with("data.limit=50"), 2, 2, messages.append)
    assert split.common.changes == ("data.limit=50", "engine.threads=1")
    assert "engine.threads=1" in messages[0]
    assert "other runs" in messages[0]


@pytest.mark.parametrize(("jobs", "available"), [(1, 1), (1, 2), (2, 4), (4, 8)])
def test_where_the_protocols_threads_fit_or_one_runs_alone_nothing_is_split(jobs, available):
    messages = []
    asked = common_with()
    assert split_cores(asked, jobs, available, messages.append) == asked
    assert messages == []


def test_runs_of_laptop_have_a_core_each_so_two_at_a_time_are_the_same_runs():
    asked = common_with(protocol="laptop")
    assert split_cores(asked, 2, 2, pytest.fail) == asked


def test_threads_that_were_typed_stay_as_they_are():
    asked = common_with("engine.threads=2")
    assert split_cores(asked, 8, 2, pytest.fail) == asked


def test_more_runs_than_cores_is_refused_with_both_numbers():
    with pytest.raises(RequestError, match=r"--jobs 3: 3 runs .* on 2 cores"):
        split_cores(common_with(), 3, 2, pytest.fail)


def test_an_unknown_launcher_is_refused(asked):
    with pytest.raises(RequestError, match="--launcher ray: choose one of: local, slurm, print"):
        sweep(asked, launcher="ray")


def test_printed_lines_are_the_runs_in_order_and_nothing_else(asked):
    messages = []
    answer = sweep(asked, launcher="print", say=messages.append)
    lines = [shlex.split(line) for line in answer.text.splitlines()]
    assert [line[:4] for line in lines[:2]] == [
        ["bench", "run", "--method", "resnet50"],
        ["bench", "run", "--method", "comcl"],
    ]
    assert len(lines) == 6
    assert messages == []


def test_a_printed_line_survives_the_shell(asked, small_set):
    odd = small_set.with_name("a folder's name; with $words")
    odd.symlink_to(small_set)
    common = Request(**{**vars(asked.common), "data": odd})
    line = sweep(SweepRequest(common, datasets=("folder",)), launcher="print").text.splitlines()[0]
    assert str(odd) in shlex.split(line)
    odd.unlink()


def test_what_is_left_out_is_said_beside_the_lines(asked):
    messages = []
    common = Request(**{**vars(asked.common), "changes": (*asked.common.changes, "comcl.spl=off")})
    answer = sweep(
        SweepRequest(common, datasets=("folder",), seeds=1), launcher="print", say=messages.append
    )
    assert any("left out" in text and "resnet50" in text for text in messages)
    assert "left out" not in answer.text


def test_json_lines_are_one_object(asked):
    lines = json.loads(sweep(asked, launcher="print", as_json=True).text)["lines"]
    assert len(lines) == 6


@pytest.fixture
def faked(monkeypatch):
    monkeypatch.setattr(pool, "PROGRAM", PROGRAM)
    monkeypatch.setattr(pool, "WAIT_SECONDS", (0.05, 0.05))


def test_failures_are_told_with_their_reason_and_the_others_are_made(tmp_path, faked):
    runs = [fake_run(tmp_path, 0, end="nan", times=9), fake_run(tmp_path, 1), fake_run(tmp_path, 2)]
    launch.here(Plan((runs[1],), ()), 1, False)
    answer = launch.here(Plan(tuple(runs), ("mmcnn: not in the roster",)), 1, False)
    assert answer.failed
    assert "3 runs: 1 made, 1 found done, 1 failed" in answer.text
    assert "NonFiniteLoss: the loss is nan in epoch 3" in answer.text
    assert str(runs[0].folder / "sweep.log") in answer.text
    assert "left out: mmcnn" in answer.text


def test_a_sweep_that_went_well_has_not_failed_and_its_json_is_in_the_plans_order(tmp_path, faked):
    runs = [fake_run(tmp_path, seed, steps=9 - 3 * seed) for seed in range(3)]
    answer = launch.here(Plan(tuple(runs), ()), 3, True)
    assert not answer.failed
    told = json.loads(answer.text)["runs"]
    assert [row["id"] for row in told] == [run.spec.id for run in runs]
    assert {row["state"] for row in told} == {"done"}


def test_the_words_of_a_run_begin_with_the_command():
    request = Request("comcl", "eyeq-twin", "0.7", 2)
    assert words(request)[:5] == ["run", "--method", "comcl", "--dataset", "eyeq-twin"]
