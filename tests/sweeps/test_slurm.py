"""The job array: its script run by hand with Slurm's variables, and by Slurm where there is one."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest
from fake_runs import PROGRAM, fake_run, lines

from bench.errors import RequestError
from bench.sweeps import slurm

MARKED = '#!/bin/bash\necho "$@" >> {}\necho 4711\n'


@pytest.fixture(autouse=True)
def faked(monkeypatch):
    monkeypatch.setattr(slurm, "PROGRAM", PROGRAM)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Put stand-ins for Slurm's commands first in PATH; they write what they were called with."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def add(name, text=MARKED):
        path = folder / name
        path.write_text(text.format(tmp_path / f"{name}.txt"))
        path.chmod(0o755)
        return tmp_path / f"{name}.txt"

    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return add


def task(script, number):
    """A task of the array as Slurm would start it."""
    variables = {"SLURM_ARRAY_TASK_ID": str(number), "SLURM_ARRAY_JOB_ID": "4711"}
    return subprocess.Popen(["bash", str(script)], env={**os.environ, **variables})


def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_a_task_is_a_run_and_the_array_as_long_as_the_list(tmp_path):
    runs = [fake_run(tmp_path / "the runs", seed) for seed in range(3)]
    script = slurm.write(runs, tmp_path / "an array", throttle=2)
    text = script.read_text()
    assert "--array=1-3%2\n" in text
    assert "--cpus-per-task=3\n" in text
    assert task(script, 2).wait() == 0
    assert [len(lines(run, "made.txt")) for run in runs] == [0, 1, 0]


def test_without_a_throttle_slurm_decides(tmp_path):
    script = slurm.write([fake_run(tmp_path)], tmp_path / "array", throttle=None)
    assert "--array=1-1\n" in script.read_text()


def test_before_the_time_limit_a_run_stops_and_its_task_queues_itself_again(tmp_path, tools):
    called = tools("scontrol")
    run = fake_run(tmp_path, steps=40)
    script = slurm.write([run], tmp_path / "array", throttle=None)
    assert "--signal=B:USR1@" in script.read_text()
    first = task(script, 1)
    wait_for(lambda: (run.folder / "checkpoint.txt").is_file())
    first.send_signal(signal.SIGUSR1)
    assert first.wait() == 4
    assert called.read_text() == "requeue 4711_1\n"
    assert not lines(run, "made.txt")
    assert task(script, 1).wait() == 0
    assert len(lines(run, "made.txt")) == 1


def test_a_cancelled_task_stops_and_stays_away(tmp_path, tools):
    called = tools("scontrol")
    run = fake_run(tmp_path, steps=400)
    cancelled = task(slurm.write([run], tmp_path / "array", throttle=None), 1)
    wait_for(lambda: (run.folder / "checkpoint.txt").is_file())
    cancelled.send_signal(signal.SIGTERM)
    assert cancelled.wait() == 4
    assert not called.exists()


def test_a_failure_is_the_tasks_failure(tmp_path, tools):
    called = tools("scontrol")
    run = fake_run(tmp_path, end="wrong", times=9)
    assert task(slurm.write([run], tmp_path / "array", throttle=None), 1).wait() == 2
    assert not called.exists()


def test_submitting_hands_the_script_over_and_tells_the_job(tmp_path, tools):
    called = tools("sbatch")
    job, folder = slurm.submit([fake_run(tmp_path)], throttle=3)
    assert job == "4711"
    assert called.read_text() == f"--parsable {folder / 'array.sh'}\n"
    assert (folder / "logs").is_dir()


def test_what_sbatch_says_is_passed_on_with_the_way_out(tmp_path, tools):
    tools("sbatch", "#!/bin/bash\necho 'no partition specified' >&2; exit 1\n")
    with pytest.raises(RequestError, match=r"no partition specified.*SBATCH_PARTITION"):
        slurm.submit([fake_run(tmp_path)], throttle=None)


def test_without_slurm_the_way_out_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RequestError, match=r"no sbatch here.*--launcher print"):
        slurm.require()


def test_commands_are_quoted(tmp_path):
    run = fake_run(tmp_path / "a folder; with $words")
    script = slurm.write([run], tmp_path / "array", throttle=None)
    (line,) = (script.parent / "runs.txt").read_text().splitlines()
    assert str(run.folder) in shlex.split(line)
    assert shlex.split(line)[0] == sys.executable


def no_slurm():
    """Whether there is no Slurm that answers here."""
    return (
        shutil.which("sbatch") is None
        or subprocess.run(["sinfo"], capture_output=True, check=False).returncode != 0
    )


@pytest.mark.slow
@pytest.mark.skipif(no_slurm(), reason="there is no sbatch here, or no Slurm behind it")
def test_slurm_carries_out_an_array(tmp_path):
    runs = [fake_run(tmp_path / "the runs", seed) for seed in range(3)]
    _, folder = slurm.submit(runs, throttle=2)
    wait_for(lambda: all((run.folder / "DONE").is_file() for run in runs), seconds=120)
    assert [len(lines(run, "made.txt")) for run in runs] == [1, 1, 1]
    assert len(list((folder / "logs").glob("*.log"))) == 3
