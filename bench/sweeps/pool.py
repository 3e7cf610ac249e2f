"""Runs in processes of this machine, several at a time; a kill or a full disk is no failure.

A process works in a session of its own, so that Ctrl-C reaches it through the launcher alone. If
the launcher is killed, its processes finish what they are on; a later sweep sees their claims and
leaves those runs to them.
"""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import store
from bench.errors import Interrupted
from bench.evaluation import registry
from bench.evaluation.metric import KINDS
from bench.evaluation.stored_runs import is_result
from bench.locking import described, owner_of
from bench.schemas import DamagedFile, read_json
from bench.sweeps import cards
from bench.sweeps.display import Display, last_line
from bench.sweeps.plan import PlannedRun, words

PROGRAM = (sys.executable, "-m", "bench")
TRIES = 3
WAIT_SECONDS = (5.0, 30.0)  # before the second try, and before the third
POLL_SECONDS = 0.2
ELSEWHERE_SECONDS = 2.0
ROOM_BYTES = 64 * 2**20  # of free disk; below it the disk counts as full

# Killed from outside: by the kernel out of memory, by an operator, by a full disk under a memory
# map. A crash of the program's own making (SIGSEGV, SIGABRT) would come again.
OUTSIDE = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGBUS")
FULL = (errno.ENOSPC, errno.EDQUOT)
PASSING = (
    *FULL,
    errno.EIO,
    errno.EAGAIN,
    errno.ENOMEM,
    errno.EBUSY,
    errno.EMFILE,
    errno.ENFILE,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.ECONNRESET,
)
INTERRUPTED = Interrupted.exit_code


@dataclass(frozen=True)
class Outcome:
    """How a run of a sweep ended.

    Attributes:
        state: "done", "found" (by then somebody had done it) or "failed".
        why: The reason of a failure.
        tries: Number of processes that it took.
    """

    run: PlannedRun
    state: str
    why: str = ""
    tries: int = 0


@dataclass
class _QueuedRun:
    """A run that waits for its turn."""

    run: PlannedRun
    tries: int = 0
    not_before: float = 0.0
    elsewhere: str = ""  # what was said of another process that is on it: "alive", "silent"


@dataclass(frozen=True)
class _RunningProcess:
    """A process that is on a run."""

    task: _QueuedRun
    process: subprocess.Popen[bytes]
    slot: int
    log: Path
    since: int
    began: float


def carry_out(
    runs: Sequence[PlannedRun], *, jobs: int, display: Display, interrupted: Callable[[], bool]
) -> list[Outcome]:
    """Run everything, in order, `jobs` at a time; fewer outcomes than runs if interrupted."""
    waiting, outcomes = [_QueuedRun(run) for run in runs], []
    going: list[_RunningProcess] = []
    try:
        while (waiting or going) and not interrupted():
            outcomes += _begin(waiting, going, jobs, display)
            outcomes += _collect(waiting, going, display)
            time.sleep(POLL_SECONDS)
        if going:
            outcomes += _stop(going, display)
    except KeyboardInterrupt:
        raise Interrupted("stopped at once; epochs since the last checkpoint are lost") from None
    finally:
        for child in going:
            if child.process.poll() is None:
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
    return outcomes


def is_passing(code: int, why: str) -> bool:
    """Whether a process that ended so may well succeed when tried again.

    Args:
        code: Its exit code, negative for the signal that killed it.
        why: The reason that it gave, with "[Errno n]" for errors of the system.
    """
    if code < 0:
        return _signal_name(code) in OUTSIDE
    number = re.search(r"\[Errno (\d+)\]", why)
    return code == INTERRUPTED or (
        code == 1 and number is not None and int(number.group(1)) in PASSING
    )


def _begin(
    waiting: list[_QueuedRun], going: list[_RunningProcess], jobs: int, display: Display
) -> list[Outcome]:
    """Fill the free slots; runs that somebody else finished meanwhile are found."""
    outcomes = []
    for task in list(waiting):
        if len(going) >= jobs:
            break
        if task.not_before > time.monotonic():
            continue
        if blocking := store.blocked_by(task.run.folder):
            waiting.remove(task)
            why = f"{blocking} is a file, and a folder of runs belongs there"
            outcomes.append(Outcome(task.run, "failed", why))
            display.ended(task.run.title, f"failed: {why}", final=True)
        elif is_result(task.run.folder):
            waiting.remove(task)
            display.ended(task.run.title, f"done by another process{_score(task.run)}", final=True)
            outcomes.append(Outcome(task.run, "found"))
        elif (owner := owner_of(task.run.folder)) is not None:
            task.not_before = time.monotonic() + ELSEWHERE_SECONDS
            if task.elsewhere != (kind := "silent" if owner["silent_seconds"] else "alive"):
                task.elsewhere = kind
                who = described(owner)
                display.says(f"{task.run.title}: {who} is on it, and it is left to that process")
        else:
            waiting.remove(task)
            slot = min(set(range(jobs)) - {child.slot for child in going})
            going.append(_start(task, slot))
            display.started(task.run.title, going[-1].log)
    return outcomes


def _start(task: _QueuedRun, slot: int) -> _RunningProcess:
    folder = task.run.folder
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "sweep.log"
    if log.is_dir():
        store.set_aside(log)
    environment, gpus = dict(os.environ), cards.to_share_out(os.environ)
    if gpus and task.run.request.device != "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = gpus[slot % len(gpus)]
    with log.open("ab") as file:
        since = file.tell()
        process = subprocess.Popen(
            [*PROGRAM, *words(task.run.request)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            env=environment,
            start_new_session=True,
        )
    task.tries += 1
    return _RunningProcess(task, process, slot, log, since, time.time())


def _collect(
    waiting: list[_QueuedRun], going: list[_RunningProcess], display: Display
) -> list[Outcome]:
    """What has ended; a run worth another try goes back to the front of the queue."""
    outcomes = []
    for child in list(going):
        if child.process.poll() is None:
            continue
        going.remove(child)
        outcome = _outcome(child)
        failed = outcome.state == "failed"
        again = failed and child.task.tries < TRIES and _may_pass(child, outcome.why)
        if again:
            child.task.not_before = time.monotonic() + WAIT_SECONDS[child.task.tries - 1]
            waiting.insert(0, child.task)
        else:
            outcomes.append(outcome)
        display.ended(child.task.run.title, _ending(child, outcome, again), final=not again)
    return outcomes


def _outcome(child: _RunningProcess) -> Outcome:
    run, tries, code = child.task.run, child.task.tries, child.process.returncode
    if is_result(run.folder):
        return Outcome(run, "done", tries=tries)
    return Outcome(run, "failed", _reason(child, code), tries)


def _reason(child: _RunningProcess, code: int) -> str:
    """Why a process left no result: its signal, else what its folder says, else its log."""
    if code < 0:
        return f"killed by {_signal_name(code)}"
    if code == INTERRUPTED:
        return "stopped by a signal from outside"
    failure = child.task.run.folder / "failure.json"
    if code == 1 and failure.is_file() and failure.stat().st_mtime >= child.began:
        return _stored_reason(failure)
    last_words = last_line(child.log, child.since).removeprefix("bench: ")
    return last_words or f"exit code {code}, and its log says nothing"


def _stored_reason(failure: Path) -> str:
    try:
        return read_json(failure)["why"]
    except DamagedFile as error:
        return str(error)


def _signal_name(code: int) -> str:
    return {-known: known.name for known in signal.Signals}.get(code, f"signal {-code}")


def _may_pass(child: _RunningProcess, why: str) -> bool:
    """Whether what stopped it may pass; on a full disk a process cannot even say what did."""
    code = child.process.returncode
    full = shutil.disk_usage(child.task.run.folder).free < ROOM_BYTES
    return is_passing(code, why) or (code == 1 and full)


def _ending(child: _RunningProcess, outcome: Outcome, again: bool) -> str:
    if outcome.state == "done":
        return f"done{_score(outcome.run)}, {time.time() - child.began:.0f} s"
    if again:
        wait = WAIT_SECONDS[child.task.tries - 1]
        return f"{outcome.why}; try {child.task.tries + 1} of {TRIES} in {wait:.0f} s"
    return f"failed: {outcome.why}"


def _score(run: PlannedRun) -> str:
    """Its primary score, as ", kappa 0.612"."""
    scores = read_json(run.folder / "metrics.json")["test"]
    names = [registry.primary(kind).name for kind in KINDS]  # grades have both
    name = next((name for name in names if scores.get(name) is not None), None)
    return f", {name} {scores[name]:.3f}" if name else ""


def _stop(going: list[_RunningProcess], display: Display) -> list[Outcome]:
    """Hand the signal on and wait for checkpoints; what was about to be done anyway is done."""
    display.says(
        f"stopping: waiting for the checkpoints of {len(going)} runs (Ctrl-C again kills them)"
    )
    for child in going:
        child.process.terminate()
    outcomes = []
    for child in list(going):
        child.process.wait()
        going.remove(child)
        outcome = _outcome(child)
        outcomes += [outcome] if outcome.state == "done" else []
        ended = _ending(child, outcome, False) if outcome.state == "done" else "stopped"
        display.ended(child.task.run.title, ended, final=outcome.state == "done")
    return outcomes
