"""Six processes on four folders, killed and suspended at random moments, some for longer than a
lease: no two ever both write, nobody is blocked, nothing is left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STRESS = str(Path(__file__).parents[1] / "support" / "lock_stress.py")


def tally(folder, mode, holds, seconds):
    words = [sys.executable, STRESS, str(folder), mode, str(holds), str(seconds)]
    ended = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    found = json.loads(ended.stdout)
    print(found)
    return found


def is_without_fault(found):
    faults = ("made_twice", "interleaved", "blocked_processes", "blocked_folders", "left_behind")
    return [found[fault] for fault in faults] == [0] * len(faults)


@pytest.mark.parametrize("mode", ["kernel", "lease"])
def test_killed_and_suspended_holders_never_overlap(tmp_path, mode):
    found = tally(tmp_path, mode, 10**6, 4)
    assert found["kills"] > 5 and found["long_stops"] > 2 and found["holds"] > 50
    assert is_without_fault(found)


def test_holders_that_ask_nothing_overlap(tmp_path):
    """Without a kernel's lock, and blind to what the lease says: the same look finds the fault."""
    found = tally(tmp_path, "blind", 10**6, 6)
    assert found["interleaved"] > 0


@pytest.mark.slow
@pytest.mark.skipif("BENCH_LONG" not in os.environ, reason="takes minutes; set BENCH_LONG=1")
@pytest.mark.parametrize("mode", ["kernel", "lease"])
def test_fifty_thousand_holds_never_overlap(tmp_path, mode):
    found = tally(tmp_path, mode, 50_000, 3600)
    assert found["holds"] >= 50_000
    assert is_without_fault(found)
    if mode == "kernel":
        assert found["lost"] == 0  # a suspended holder keeps the kernel's lock
    else:
        assert found["lost"] > 0
