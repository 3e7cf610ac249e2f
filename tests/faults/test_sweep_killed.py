"""A sweep whose launcher and workers are killed makes each run once, as if nothing had been."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from kills import disturbed, workers

from bench import store

FAKE = (sys.executable, str(Path(__file__).parents[1] / "support" / "fake_sweep.py"))
LONGER = ("data.limit=90", "data.twin_train=60", "data.twin_test=40", "data.twin_px=64")
LONGER += ("pretraining.epochs=12", "finetuning.epochs=40")
QUIET: Any = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}


def results_of(folder):
    """Predictions of every finished run, by what and which it is."""
    done = [path.parent for path in folder.glob("*/*/*/DONE") if store.is_done(path.parent)]
    return {(f.parts[-2], f.name): (f / "predictions.parquet").read_bytes() for f in sorted(done)}


def test_kills_at_any_moment_change_nothing(tmp_path):
    """With stand-ins that take half a second each."""
    subprocess.run([*FAKE, str(tmp_path / "whole"), "10"], check=True, **QUIET)
    cut = tmp_path / "cut"
    killed = disturbed([*FAKE, str(cut), "10"], cut, kills=4, every=(0.3, 2.5), **QUIET)
    assert len(killed) >= 2
    assert results_of(cut) == results_of(tmp_path / "whole")
    assert len(results_of(cut)) == 6
    made = [path.read_text().splitlines() for path in cut.glob("*/*/*/made.txt")]
    assert [len(lines) for lines in made] == [1] * 6
    tries = [len(path.read_text().splitlines()) for path in cut.glob("*/*/*/tries.txt")]
    assert max(tries) > 1
    assert workers(cut) == []


def test_a_stopped_sweep_ends_with_4_when_its_runs_have_and_goes_on(tmp_path):
    launcher = subprocess.Popen([*FAKE, str(tmp_path), "40"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("*/*/*/checkpoint.txt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    launcher.send_signal(signal.SIGTERM)
    assert launcher.wait(30) == 4
    assert workers(tmp_path) == []
    assert len(results_of(tmp_path)) == 0
    subprocess.run([*FAKE, str(tmp_path), "40"], check=True, stdout=subprocess.DEVNULL)
    assert len(results_of(tmp_path)) == 6


@pytest.mark.slow
@pytest.mark.skipif("BENCH_LONG" not in os.environ, reason="takes minutes; set BENCH_LONG=1")
def test_24_runs_of_two_launchers_killed_200_times_equal_an_undisturbed_sweep(tmp_path, tiny):
    changes = [word for change in (*tiny, *LONGER) for word in ("--set", change)]

    def words(name):
        place = ["--results", str(tmp_path / name / "runs"), "--cache", str(tmp_path / name)]
        needed = ["--dataset", "eyeq-twin", "--methods", "resnet50,comcl", "--seeds", "4"]
        asked = ["sweep", *needed, "--protocol", "smoke", "--jobs", "2"]
        return [sys.executable, "-m", "bench", *asked, *place, *changes]

    subprocess.run(words("whole"), check=True, **QUIET)
    runs = tmp_path / "cut" / "runs"
    killed = disturbed(words("cut"), runs, kills=200, every=(1.0, 5.0), launchers=2, **QUIET)
    print(f"{len(killed)} kills: " + ", ".join(f"{killed.count(w)} {w}" for w in set(killed)))
    assert len(killed) == 200
    assert len(results_of(runs)) == 24
    assert results_of(runs) == results_of(tmp_path / "whole" / "runs")
    assert len(set(results_of(runs).values())) == 24
    for path in runs.glob("*/*/*/events.jsonl"):
        events = [json.loads(line) for line in path.read_text().splitlines()]
        epochs = [(event["stage"], event.get("epoch")) for event in events]
        assert len(epochs) == len(set(epochs))
    assert workers(runs) == []
