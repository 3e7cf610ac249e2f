"""Who holds a folder, and who is told so."""

import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from left_claims import dead_pid, grow_old, is_taken, leave_behind

from bench import locking
from bench.reporting.results.records import states


def test_a_second_claim_waits_its_turn(tmp_path, either):
    with locking.lock(tmp_path) as first, locking.lock(tmp_path) as second:
        assert first
        assert not second
        held_by = locking.owner_of(tmp_path)
        assert held_by is not None and held_by["pid"] == os.getpid()
    assert locking.owner_of(tmp_path) is None
    with locking.lock(tmp_path) as third:
        assert third


def test_the_claim_of_a_dead_process_is_taken_over(tmp_path):
    leave_behind(tmp_path, pid=dead_pid())
    assert locking.owner_of(tmp_path) is None
    assert is_taken(tmp_path)


def test_a_killed_holder_is_taken_over_at_once_whoever_has_its_number_now(tmp_path, other):
    process = other(tmp_path)
    assert not is_taken(tmp_path)
    process.kill()
    process.wait()
    left = json.loads((tmp_path / "claim.json").read_text())
    (tmp_path / "claim.json").write_text(json.dumps(left | {"pid": os.getpid()}))
    assert locking.owner_of(tmp_path) is None
    assert is_taken(tmp_path)


def test_without_the_kernels_lock_a_dead_process_is_taken_over_once_it_is_silent(
    tmp_path, refuse_flock
):
    """A process number says nothing: it may be one of another container's."""
    refuse_flock()
    leave_behind(tmp_path, pid=dead_pid(), kernel=None)
    assert not is_taken(tmp_path)
    grow_old(tmp_path, locking.SILENT_SECONDS + 5)
    assert is_taken(tmp_path)


@pytest.mark.parametrize("where", [{"host": "elsewhere"}, {"kernel": "another boot/1"}])
def test_a_silent_claim_of_another_machine_is_taken_over_and_a_fresh_one_is_not(
    tmp_path, either, where
):
    """Of a machine that has this one's name, too."""
    leave_behind(tmp_path, age_seconds=locking.SILENT_SECONDS + 5, **where)
    assert locking.owner_of(tmp_path) is None
    assert is_taken(tmp_path)
    leave_behind(tmp_path, age_seconds=0, **where)
    assert locking.owner_of(tmp_path) is not None
    assert not is_taken(tmp_path)


def test_a_held_claim_keeps_beating(tmp_path, monkeypatch, either):
    monkeypatch.setattr(locking, "BEAT_SECONDS", 0.02)
    with locking.lock(tmp_path):
        path = tmp_path / "claim.json"
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 5
        while path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 0


def test_a_suspended_holder_keeps_the_folder_and_is_named(tmp_path, other):
    folder = tmp_path / "folder" / "resnet50" / "0123456789ab"
    folder.mkdir(parents=True)
    spec = {"dataset": "folder", "method": "resnet50", "lq_ratio": "native", "seed": 4}
    (folder / "spec.json").write_text(json.dumps({"spec": spec}))
    process = other(folder)
    process.send_signal(signal.SIGSTOP)
    (row,) = states(tmp_path)
    assert (row["state"], row["why"]) == ("running", "")
    grow_old(folder, 12 * 60)
    assert not is_taken(folder)
    (row,) = states(tmp_path)
    assert row["state"] == "running"
    assert f"process {process.pid} on " in row["why"]
    assert "silent for 12 min" in row["why"] and "kill it" in row["why"]
    process.kill()
    process.wait()
    assert states(tmp_path)[0]["state"] == "interrupted"
    assert is_taken(folder)


def test_who_waits_is_told_once_and_again_when_the_holder_falls_silent(
    tmp_path, other, monkeypatch
):
    monkeypatch.setattr(locking, "WAIT_SECONDS", 0)
    process = other(tmp_path)
    process.send_signal(signal.SIGSTOP)
    messages = []
    waiting = locking.Waiting(tmp_path, "this run", messages.append)
    assert waiting.pause() and waiting.pause()
    grow_old(tmp_path, 120)
    assert waiting.pause() and waiting.pause()
    process.kill()
    process.wait()
    assert not waiting.pause()
    first, second = messages
    assert (
        first == f"process {process.pid} on {socket.gethostname()} is on this run; waiting for it"
    )
    assert "silent for 2 min" in second


FORK = """
import os, sys, time
from pathlib import Path
from bench import locking
with locking.lock(Path(sys.argv[1])) as held:
    if os.fork() == 0:
        time.sleep(100)
    print(held is not None, flush=True)
    time.sleep(100)
"""


def test_a_forked_worker_that_outlives_its_killed_parent_holds_nothing(tmp_path, other):
    process = other(tmp_path, FORK)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    try:
        process.kill()
        process.wait()
        assert is_taken(tmp_path)
    finally:
        for child in children:
            os.kill(int(child), signal.SIGKILL)


@pytest.mark.parametrize("left_behind", [False, True])
def test_of_many_takers_exactly_one_holds(tmp_path, either, left_behind):
    """Forty times, with threads that take turns at almost every line."""
    usual, dead = sys.getswitchinterval(), dead_pid()
    sys.setswitchinterval(1e-5)
    try:
        for turn in range(40):
            folder = tmp_path / str(turn)
            folder.mkdir()
            if left_behind:
                leave_behind(folder, pid=dead, age_seconds=2 * locking.SILENT_SECONDS)
            assert holders(folder) == 1
    finally:
        sys.setswitchinterval(usual)


def holders(folder):
    """How many of eight takers hold a folder while none lets go."""
    together, answered, won = threading.Barrier(8), threading.Barrier(8), []

    def take():
        together.wait()
        with locking.lock(folder) as acquired:
            won.append(acquired)
            answered.wait()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(held is not None for held in won)
