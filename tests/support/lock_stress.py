"""Processes that lock a few folders in turn, killed and suspended at random moments.

Each hold changes its folder's `content` twice, as a run does: a partial file, a check, a rename.
The content counts its changes and names the holds of the last ones. Every change is told in a log
after it was made, so that what was overwritten is known as well. Two holds overlapped if a change
was made twice, or if a hold changed what another had changed after its own entry.

As a script: `lock_stress.py FOLDER MODE HOLDS SECONDS` prints the tally as JSON. The modes are
"kernel"; "lease", with flock refused; and "blind", a lease whose holders ask nothing and write
under names that no taker removes, so that there is something to find.
"""

import errno
import fcntl
import json
import os
import random
import signal
import sys
import time
import uuid
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from bench import locking
from bench.errors import LostLock

PROCESSES = 6
MOST_STOPPED = 2
FOLDERS = 4
LEASE_SECONDS = 0.3
BEAT_SECONDS = 0.05
LAST = 40  # changes that the content names
LONGEST_STOP = 3 * LEASE_SECONDS
WORST_MOMENT = {"kernel": 0.005, "lease": 0.005, "blind": 0.05}
"""Share of changes before whose rename a process stops: stops from outside miss that moment."""


def main(root: Path, mode: str, holds: int, seconds: float) -> dict[str, Any]:
    """Disturb the workers until there were so many holds, or the time is up; then look."""
    shorten(mode)
    began, rng = time.monotonic(), random.Random(0)
    workers = {forked(root, mode, number): number for number in range(PROCESSES)}
    done: Counter[str] = Counter()
    stopped: dict[int, float] = {}
    while count(root) < holds and time.monotonic() - began < seconds:
        time.sleep(rng.uniform(0, 0.1))
        now = time.monotonic()
        for pid in workers.keys() - stopped.keys():
            if os.waitpid(pid, os.WNOHANG | os.WUNTRACED)[0]:  # it stopped itself
                stopped[pid] = now + rng.uniform(0, LONGEST_STOP)
                done["stops_before_a_rename"] += 1
                done["long_stops"] += stopped[pid] - now > LEASE_SECONDS
        for pid in [pid for pid, until in stopped.items() if until < now]:
            os.kill(pid, signal.SIGCONT)
            del stopped[pid]
        pid = rng.choice(list(workers))
        if rng.random() < 0.5:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            stopped.pop(pid, None)
            workers[forked(root, mode, workers.pop(pid))] = 0
            done["kills"] += 1
        elif pid not in stopped and len(stopped) < MOST_STOPPED:
            os.kill(pid, signal.SIGSTOP)
            stopped[pid] = now + rng.uniform(0, LONGEST_STOP)
            done["stops"] += 1
            done["long_stops"] += stopped[pid] - now > LEASE_SECONDS
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 30
    blocked = [pid for pid in workers if not ends(pid, deadline)]
    return {
        "mode": mode,
        **done,
        **judged(root),
        "blocked_processes": len(blocked),
        "blocked_folders": sum(not is_free(root / str(i)) for i in range(FOLDERS)),
        "left_behind": sum(path.name != "content" for path in root.glob("*/*")),
        "seconds": round(time.monotonic() - began, 1),
    }


def shorten(mode: str) -> None:
    locking.SILENT_SECONDS, locking.BEAT_SECONDS = LEASE_SECONDS, BEAT_SECONDS
    if mode != "kernel":

        def refuse(*_: Any) -> None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        fcntl.flock = refuse


def forked(root: Path, mode: str, number: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work(root, mode, random.Random(uuid.uuid4().int + number))
        finally:
            os._exit(1)
    return pid


def work(root: Path, mode: str, rng: random.Random) -> None:
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    with (root / "log").open("ab", buffering=0) as log:
        while not stopping:
            folder = root / str(rng.randrange(FOLDERS))
            with locking.lock(folder) as held:
                if held:
                    hold(folder, held, mode, log, rng)
            if rng.random() < 0.3:
                time.sleep(rng.uniform(0, 0.002))
    os._exit(0)


def hold(folder: Path, held: Any, mode: str, log: Any, rng: random.Random) -> None:
    token = uuid.uuid4().hex[:12]
    try:
        change(folder, held, token, mode, log, rng)
        time.sleep(rng.choice((0, 0, 0, rng.uniform(0, 0.02))))
        change(folder, held, token, mode, log, rng)
    except (LostLock, FileNotFoundError) as error:
        kind = "lost" if isinstance(error, LostLock) else "late"
        log.write(json.dumps({"folder": folder.name, "by": token, kind: 1}).encode() + b"\n")


def change(folder: Path, held: Any, token: str, mode: str, log: Any, rng: random.Random) -> None:
    path = folder / "content"
    before = json.loads(path.read_text()) if path.is_file() else []
    number = before[-1][0] + 1 if before else 1
    ending = "blind" if mode == "blind" else "partial"
    partial = folder / f"content.{uuid.uuid4().hex}.{ending}"
    partial.write_text(json.dumps([*before[1 - LAST :], [number, token]]))
    if mode != "blind":
        held.check()
    if rng.random() < WORST_MOMENT[mode]:
        os.kill(os.getpid(), signal.SIGSTOP)
    partial.replace(path)
    log.write(json.dumps({"folder": folder.name, "by": token, "number": number}).encode() + b"\n")


def count(root: Path) -> int:
    """Holds that changed something, roughly: a line has 60 bytes, and most holds write two."""
    path = root / "log"
    return path.stat().st_size // 120 if path.is_file() else 0


def judged(root: Path) -> dict[str, Any]:
    """Holds, and what they did to each other, from the log and the contents."""
    lines = [json.loads(line) for line in (root / "log").read_bytes().splitlines()]
    changes = {(line["folder"], line["number"], line["by"]) for line in lines if "number" in line}
    for folder in range(FOLDERS):
        path = root / str(folder) / "content"
        last = json.loads(path.read_text()) if path.is_file() else []
        changes |= {(str(folder), number, by) for number, by in last}
    holders = defaultdict(set)
    for folder, number, by in changes:
        holders[folder, number].add(by)
    return {
        "holds": len({by for _, _, by in changes}),
        "changes": len(changes),
        "lost": sum("lost" in line for line in lines),
        "late_renames_refused": sum("late" in line for line in lines),
        "made_twice": sum(len(by) > 1 for by in holders.values()),
        "interleaved": interleaved(changes),
    }


def interleaved(changes: set[tuple[str, int, str]]) -> int:
    """Holds that changed a folder again after another hold had."""
    last: dict[str, str] = {}
    closed, count = set(), 0
    for folder, _, by in sorted(changes):
        if last.get(folder) != by:
            closed.add(last.get(folder))
            last[folder] = by
            count += by in closed
    return count


def ends(pid: int, deadline: float) -> bool:
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        os.kill(pid, signal.SIGCONT)  # it may have suspended itself at its worst moment
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def is_free(folder: Path) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with locking.lock(folder) as held:
            if held:
                return True
        time.sleep(0.02)
    return False


if __name__ == "__main__":
    words = sys.argv[1:]
    Path(words[0]).mkdir(parents=True, exist_ok=True)
    print(json.dumps(main(Path(words[0]), words[1], int(words[2]), float(words[3]))))
