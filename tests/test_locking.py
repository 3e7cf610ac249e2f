import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from bench import locking


def dead_pid():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def leave_behind(folder, *, pid, host=None, age_seconds=0.0):
    path = folder / "claim.json"
    path.write_text(json.dumps({"host": host or socket.gethostname(), "pid": pid, "by": "x"}))
    then = time.time() - age_seconds
    os.utime(path, (then, then))


def test_a_second_claim_waits_its_turn(tmp_path):
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
    with locking.lock(tmp_path) as acquired:
        assert acquired


def test_a_silent_claim_of_another_machine_is_taken_over_and_a_fresh_one_is_not(tmp_path):
    leave_behind(tmp_path, pid=1, host="elsewhere", age_seconds=locking.SILENT_SECONDS + 5)
    with locking.lock(tmp_path) as acquired:
        assert acquired
    leave_behind(tmp_path, pid=1, host="elsewhere", age_seconds=0)
    with locking.lock(tmp_path) as acquired:
        assert not acquired


def test_a_held_claim_keeps_beating(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "BEAT_SECONDS", 0.02)
    with locking.lock(tmp_path):
        path = tmp_path / "claim.json"
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 5
        while path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 0


@pytest.mark.parametrize("left_behind", [False, True])
def test_of_many_takers_exactly_one_holds(tmp_path, left_behind):
    """Forty times, with threads that take turns at almost every line."""
    usual, dead = sys.getswitchinterval(), dead_pid()
    sys.setswitchinterval(1e-5)
    try:
        for turn in range(40):
            folder = tmp_path / str(turn)
            folder.mkdir()
            if left_behind:
                leave_behind(folder, pid=dead)
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


def test_a_taker_that_died_while_it_took_over_is_no_obstacle(tmp_path):
    leave_behind(tmp_path, pid=dead_pid())
    (tmp_path / "claim.burial.partial").write_bytes((tmp_path / "claim.json").read_bytes())
    with locking.lock(tmp_path) as first:
        assert not first
    with locking.lock(tmp_path) as second:
        assert second
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_when_the_block_ends(tmp_path):
    with locking.lock(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
