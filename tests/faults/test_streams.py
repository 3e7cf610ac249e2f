"""Whoever reads a run's progress may leave, or stop reading: the run goes on and ends as ever."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import store

LONG = pytest.mark.skipif("BENCH_LONG" not in os.environ, reason="long; set BENCH_LONG=1")


@pytest.fixture
def words(small_set, tmp_path, tiny):
    changes = [word for change in tiny for word in ("--set", change)]
    place = ["--data", str(small_set), "--results", str(tmp_path / "runs")]
    place += ["--cache", str(tmp_path / "cache")]
    asked = ["run", "--method", "resnet50", "--dataset", "folder", "--protocol", "smoke"]
    asked += ["--lq-ratio", "0.7"]
    return [sys.executable, "-m", "bench", *asked, *place, *changes]


def finished(folder):
    return [path.parent for path in folder.glob("*/*/*/DONE") if store.is_done(path.parent)]


def test_a_run_whose_progress_nobody_reads_any_more_ends_well(words, tmp_path):
    read, write = os.pipe()
    process = subprocess.Popen(words, stderr=write, stdout=subprocess.DEVNULL)
    os.close(write)
    os.close(read)
    assert process.wait(120) == 0
    assert len(finished(tmp_path / "runs")) == 1


def test_a_reader_that_stops_reading_does_not_hold_the_run_up(tmp_path):
    """The pipe holds 64 KiB; 400 sentences of a kilobyte each come, and an end to them."""
    said = (
        "from bench.pipeline.progress import watching\n"
        "with watching() as callbacks:\n"
        "    for _ in range(400): callbacks.say('x' * 1000)\n"
        "print('over')\n"
    )
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", said], stderr=write, stdout=subprocess.PIPE, text=True
    )
    os.close(write)
    assert process.communicate(timeout=60)[0] == "over\n"
    assert process.returncode == 0
    os.close(read)


def test_a_reader_that_reads_gets_every_line_in_order(tmp_path):
    said = (
        "from bench.pipeline.progress import watching\n"
        "with watching() as callbacks:\n"
        "    for n in range(300): callbacks.say(f'line {n}')\n"
        "import sys; print('after', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == [*(f"line {n}" for n in range(300)), "after"]


def test_a_log_on_a_full_disk_fails_no_run(words, tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stderr=full, stdout=subprocess.DEVNULL)
    assert done.returncode == 0
    assert len(finished(tmp_path / "runs")) == 1


def test_the_exit_code_says_what_a_message_cannot(tmp_path):
    read, write = os.pipe()
    words = [sys.executable, "-m", "bench", "run", "--method", "nobody", "--dataset", "eyeq-twin"]
    process = subprocess.Popen(words, stderr=write, stdout=subprocess.DEVNULL)
    os.close(write)
    os.close(read)
    assert process.wait(60) == 2


SLOW = {  # what is made slow, and for how many seconds a call of it
    "reading images": ("bench.data.cache.photograph", 0.5),
    "degrading": ("bench.data.degradations.DegradationRecipe.apply", 0.5),
    "looking for copies": ("bench.data.duplicates.fingerprint", 10.0),
    "scoring": ("bench.evaluation.predict.probabilities", 10.0),
    "saliency": ("bench.pipeline.saliency.explain", 10.0),
}
LATER = ("degrading", "looking for copies", "saliency")
DRIVE = """
import pkgutil, sys, time

path, seconds, *arguments = sys.argv[1:]
owner, _, name = path.rpartition(".")
owner = pkgutil.resolve_name(owner)
usual = getattr(owner, name)

def slow(*args, **options):
    print("SLOW", flush=True)
    for _ in range(round(float(seconds) / 0.1)):
        time.sleep(0.1)
    return usual(*args, **options)

setattr(owner, name, slow)

from bench.cli import app

app(arguments)
"""


@pytest.mark.parametrize(
    "what", ["reading images", "scoring", *(pytest.param(what, marks=LONG) for what in LATER)]
)
def test_a_request_to_stop_is_answered_within_two_seconds(words, what):
    """Up to the message; how long the interpreter takes to end is not the run's affair."""
    path, seconds = SLOW[what]
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVE, path, str(seconds), *words[3:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    with process:
        while process.stdout.readline() != "SLOW\n":
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        while "stopped" not in (line := process.stderr.readline()):
            assert line, "it ended without a word"
        assert time.monotonic() - asked < 2.0
        assert "resume with: bench" in process.stderr.read()
    assert process.returncode == 4
