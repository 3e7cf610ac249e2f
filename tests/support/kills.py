"""A launcher and its workers, killed again and again until the work is done all the same."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

WHOM = ("launcher", "one worker", "workers", "all")


def workers(mark: Path) -> list[int]:
    """Processes of ours whose command line names a run and this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            words = path.read_bytes().decode(errors="replace").split("\0")
            if "run" in words and any(word.startswith(str(mark)) for word in words):
                found.append(int(path.parent.name))
    return sorted(found)


def disturbed(
    launcher: Sequence[str], mark: Path, *, kills: int, every: tuple[float, float], **options: Any
) -> list[str]:
    """Start a launcher until it ends well, killing it and its workers on the way.

    Args:
        launcher: Its command line.
        mark: Folder that the command lines of workers name.
        kills: Number of times that something is killed (-9).
        every: Bounds of the seconds between them, drawn anew each time.

    Returns:
        Who was killed, in order; fewer than `kills` if the work was done before.
    """
    rng, done = random.Random(0), []
    for _ in range(2 * kills + 5):
        process = subprocess.Popen(launcher, **options)
        while process.poll() is None:
            if len(done) == kills:
                process.wait()
                break
            _wait(process, rng.uniform(*every))
            whom = rng.choice(WHOM)
            if process.poll() is None and _kill(process, whom, workers(mark), rng):
                done.append(whom)
        if process.returncode == 0:
            return done
        assert process.returncode in (1, -signal.SIGKILL), process.returncode
    raise AssertionError(f"never done; killed {done}")


def _wait(process: subprocess.Popen[Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def _kill(process: subprocess.Popen[Any], whom: str, there: list[int], rng: random.Random) -> bool:
    """Whether there was anybody to kill."""
    if whom in ("launcher", "all"):
        process.kill()
        process.wait()
    victims = {"launcher": [], "one worker": [rng.choice(there)] if there else []}
    for pid in victims.get(whom, there):
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, signal.SIGKILL)
    return whom in ("launcher", "all") or bool(there)
