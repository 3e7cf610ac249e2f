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
    launcher: Sequence[str],
    mark: Path,
    *,
    kills: int,
    every: tuple[float, float],
    launchers: int = 1,
    **options: Any,
) -> list[str]:
    """Start launchers until they end well, killing them and their workers on the way.

    Args:
        launcher: Its command line.
        mark: Folder that the command lines of workers name.
        kills: Number of times that something is killed (-9).
        every: Bounds of the seconds between them, drawn anew each time.
        launchers: How many work on the same runs at once; one that ended is started again.

    Returns:
        Who was killed, in order; fewer than `kills` if the work was done before.
    """
    rng, done, starts = random.Random(0), [], 0
    going: list[subprocess.Popen[Any]] = []
    while len(done) < kills:
        for _ in range(launchers - len(going)):
            assert (starts := starts + 1) < 2 * kills + 5, f"never done; killed {done}"
            going.append(subprocess.Popen(launcher, **options))
        _wait(going, rng.uniform(*every))
        whom = rng.choice(WHOM)
        one = going[0] if len(going) == 1 else rng.choice(going)
        if one.poll() is None and _kill(one, whom, workers(mark), rng):
            done.append(whom)
        ended = [process for process in going if process.poll() is not None]
        assert all(p.returncode in (0, 1, -signal.SIGKILL) for p in ended), ended
        if any(process.returncode == 0 for process in ended):
            break
        going = [process for process in going if process not in ended]
    codes = [process.wait() for process in going]
    for _ in range(kills + 1):
        if 0 in codes:
            return done
        codes = [subprocess.run(launcher, **options).returncode]
    raise AssertionError(f"never done; killed {done}")


def _wait(going: Sequence[subprocess.Popen[Any]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while all(p.poll() is None for p in going) and time.monotonic() < deadline:
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
