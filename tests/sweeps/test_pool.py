"""The local pool with processes that stand in for runs."""

import os
import signal
import subprocess
import threading
import time

import pytest
from fake_runs import PROGRAM, RecordingDisplay, fake_run, lines

from bench import store
from bench.errors import Interrupted
from bench.sweeps import pool
from bench.sweeps.cards import to_share_out
from bench.sweeps.pool import carry_out, is_passing


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(pool, "PROGRAM", PROGRAM)
    monkeypatch.setattr(pool, "WAIT_SECONDS", (0.05, 0.05))
    monkeypatch.setattr(pool, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(pool, "ELSEWHERE_SECONDS", 0.05)


def never():
    return False


def carried_out(runs, jobs=2, interrupted=never):
    shown = RecordingDisplay()
    return carry_out(runs, jobs=jobs, display=shown, interrupted=interrupted), shown


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_all_runs_are_made_each_once(tmp_path):
    runs = [fake_run(tmp_path, seed) for seed in range(5)]
    outcomes, shown = carried_out(runs)
    assert sorted(outcome.run.spec.seed for outcome in outcomes) == [0, 1, 2, 3, 4]
    assert {(outcome.state, outcome.tries) for outcome in outcomes} == {("done", 1)}
    assert all(len(lines(run, "made.txt")) == 1 for run in runs)
    assert shown.ends[0][1].startswith("done, kappa 1.")


@pytest.mark.parametrize("jobs", [1, 3])
def test_as_many_run_at_a_time_as_asked_and_in_order(tmp_path, jobs):
    runs = [fake_run(tmp_path, seed, steps=8) for seed in range(6)]
    going, most = set(), []

    class Counting(RecordingDisplay):
        def started(self, name, log):
            super().started(name, log)
            going.add(name)
            most.append(len(going))

        def ended(self, name, text, *, final):
            going.discard(name)

    shown = Counting()
    carry_out(runs, jobs=jobs, display=shown, interrupted=never)
    assert max(most) == jobs
    assert shown.starts == [run.title for run in runs]


def test_what_is_done_starts_no_process(tmp_path):
    run = fake_run(tmp_path)
    carried_out([run])
    outcomes, shown = carried_out([run])
    assert [outcome.state for outcome in outcomes] == ["found"]
    assert shown.starts == []
    assert len(lines(run, "tries.txt")) == 1


def test_a_file_in_the_place_of_a_folder_fails_that_run_alone(tmp_path):
    blocked, free = fake_run(tmp_path), fake_run(tmp_path, 1)
    blocked.folder.parent.mkdir(parents=True)
    blocked.folder.write_text("")
    outcomes, _ = carried_out([blocked, free])
    assert [(outcome.run.spec.seed, outcome.state) for outcome in outcomes] == [
        (0, "failed"),
        (1, "done"),
    ]
    assert f"{blocked.folder} is a file" in outcomes[0].why


def test_a_reason_that_nobody_can_read_is_told_as_that(tmp_path):
    run = fake_run(tmp_path, end="broken", times=9)
    run.folder.mkdir(parents=True)
    failure = run.folder / "failure.json"
    failure.write_text("[]")
    os.utime(failure, (2**31, 2**31))  # as if the process had just written it
    (outcome,), _ = carried_out([run])
    assert (outcome.state, outcome.why) == ("failed", f"{failure} is damaged: no JSON object")


@pytest.mark.parametrize("end", ["kill", "term", "full"])
def test_what_passes_is_tried_again_and_goes_on(tmp_path, end):
    run = fake_run(tmp_path, end=end, times=2)
    (outcome,), shown = carried_out([run])
    assert (outcome.state, outcome.tries) == ("done", 3)
    assert [final for *_, final in shown.ends] == [False, False, True]
    assert len(lines(run, "made.txt")) == 1


def test_what_never_passes_fails_in_the_end_with_its_reason(tmp_path):
    (outcome,), shown = carried_out([fake_run(tmp_path, end="kill", times=99)])
    assert (outcome.state, outcome.tries) == ("failed", pool.TRIES)
    assert outcome.why == "killed by SIGKILL"
    assert shown.ends[-1][1:] == ("failed: killed by SIGKILL", True)


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("wrong", "--set x: no such setting"),
        ("nan", "NonFiniteLoss: the loss is nan in epoch 3, step 7"),
        ("broken", "OSError: [Errno 13] Permission denied: 'x'"),
    ],
)
def test_a_failure_of_its_own_making_is_told_and_not_tried_again(tmp_path, end, why):
    runs = [fake_run(tmp_path, 0, end=end, times=99), fake_run(tmp_path, 1)]
    outcomes, _ = carried_out(runs, jobs=1)
    failed, done = outcomes
    assert (failed.state, failed.tries, failed.why) == ("failed", 1, why)
    assert done.state == "done"


def test_the_reason_in_the_folder_comes_before_the_log(tmp_path):
    run = fake_run(tmp_path, end="nan", times=99)
    run.folder.mkdir(parents=True)
    failure = run.folder / "failure.json"
    store.write_json(failure, {"why": "of an earlier try"})
    os.utime(failure, (0, 0))
    (outcome,), _ = carried_out([run])
    assert outcome.why.startswith("NonFiniteLoss")
    os.utime(failure, (time.time() + 60, time.time() + 60))
    (outcome,), _ = carried_out([run])
    assert outcome.why == "of an earlier try"


@pytest.mark.parametrize(
    ("code", "why", "passing"),
    [
        (-signal.SIGKILL, "", True),
        (-signal.SIGBUS, "", True),
        (-signal.SIGSEGV, "", False),
        (-64, "", False),
        (4, "stopped", True),
        (1, "OSError: [Errno 5] Input/output error", True),
        (1, "OSError: [Errno 2] No such file or directory", False),
        (1, "the loss is not finite", False),
        (2, "OSError: [Errno 28] No space left on device", False),
    ],
)
def test_only_what_comes_from_outside_may_pass(code, why, passing):
    assert is_passing(code, why) is passing


def test_a_silent_end_on_a_full_disk_may_pass_and_on_another_not(tmp_path, monkeypatch):
    run = fake_run(tmp_path, end="nan", times=1)
    (outcome,), _ = carried_out([run])
    assert outcome.state == "failed"
    monkeypatch.setattr(pool, "ROOM_BYTES", 2**62)  # no disk has so much room
    run = fake_run(tmp_path, 1, end="nan", times=1)
    (outcome,), _ = carried_out([run])
    assert (outcome.state, outcome.tries) == ("done", 2)


def test_a_run_that_another_process_is_on_is_left_to_it(tmp_path):
    runs = [fake_run(tmp_path, 0, steps=20), fake_run(tmp_path, 1)]
    words = [*PROGRAM, *pool.words(runs[0].request)]
    with subprocess.Popen(words) as other:
        wait_for(lambda: lines(runs[0], "tries.txt"))
        outcomes, shown = carried_out(runs, jobs=1)
        assert other.wait() == 0
    assert {outcome.run.spec.seed: outcome.state for outcome in outcomes} == {0: "found", 1: "done"}
    assert shown.starts == [runs[1].title]
    assert len(shown.messages) == 1
    assert f"process {other.pid}" in shown.messages[0]
    assert len(lines(runs[0], "made.txt")) == 1


def test_a_run_whose_process_died_with_its_launcher_is_taken_over(tmp_path):
    run = fake_run(tmp_path, steps=30)
    with subprocess.Popen([*PROGRAM, *pool.words(run.request)]) as other:
        wait_for(lambda: (run.folder / "checkpoint.txt").is_file())
        other.kill()
    assert (run.folder / "claim.json").is_file()
    (outcome,), _ = carried_out([run])
    assert outcome.state == "done"
    assert len(lines(run, "tries.txt")) == 2


def test_a_stop_is_handed_on_and_checkpoints_are_waited_for(tmp_path):
    runs = [fake_run(tmp_path, seed, steps=200) for seed in range(3)]

    def both_have_begun():
        return all(lines(run, "tries.txt") for run in runs[:2])

    outcomes, shown = carried_out(runs, interrupted=both_have_begun)
    assert outcomes == []
    assert [text for _, text, _ in shown.ends] == ["stopped", "stopped"]
    assert "waiting for the checkpoints of 2 runs" in shown.messages[0]
    assert all((run.folder / "checkpoint.txt").is_file() for run in runs[:2])
    assert not any((run.folder / "claim.json").exists() for run in runs)
    assert not runs[2].folder.exists()


def test_a_second_ctrl_c_leaves_no_process_behind(tmp_path):
    run = fake_run(tmp_path, steps=2000)

    class Impatient(RecordingDisplay):
        def says(self, text):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="at once"):
        carry_out(
            [run], jobs=1, display=Impatient(), interrupted=lambda: bool(lines(run, "tries.txt"))
        )
    with pytest.raises(ProcessLookupError):
        os.kill(int(lines(run, "tries.txt")[0]), 0)


def test_ctrl_c_in_the_terminal_reaches_a_run_through_the_launcher_alone(tmp_path):
    run = fake_run(tmp_path, steps=20)
    groups = []

    def look():
        wait_for(lambda: lines(run, "tries.txt"))
        groups.append(os.getpgid(int(lines(run, "tries.txt")[0])))

    looking = threading.Thread(target=look)
    looking.start()
    carried_out([run])
    looking.join()
    assert groups != [os.getpgrp()]


def test_runs_at_a_time_share_the_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    runs = [fake_run(tmp_path, seed) for seed in range(2)]
    carried_out(runs)
    assert {(run.folder / "gpu.txt").read_text() for run in runs} == {"2", "5"}


def test_one_gpu_or_none_is_not_shared_out():
    assert to_share_out({"CUDA_VISIBLE_DEVICES": "2,5"}) == ["2", "5"]
    assert to_share_out({"CUDA_VISIBLE_DEVICES": "2"}) == []
    assert to_share_out({"CUDA_VISIBLE_DEVICES": ""}) == []
