"""One process at a time works on a folder: a claim file with a heartbeat, no file lock.

A claim appears whole or not at all (written aside, then hard-linked), so two processes never both
hold it. Its holder touches it every few seconds; a claim whose holder is dead, or silent for a
minute, is removed by exactly one taker.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BEAT_SECONDS = 5.0
SILENT_SECONDS = 60.0


@contextmanager
def lock(folder: Path) -> Iterator[bool]:
    """Whether this process holds the folder while the block runs; it does not wait."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "claim.json"
    if not _take(path):
        yield False
        return
    stop = threading.Event()
    beat = threading.Thread(target=_keep_beating, args=(path, stop), daemon=True)
    beat.start()
    try:
        yield True
    finally:
        stop.set()
        beat.join()
        path.unlink(missing_ok=True)


def owner_of(folder: Path) -> dict | None:
    """Who holds a folder now: host and pid; None when nobody does."""
    return _holder(folder / "claim.json")


def _holder(path: Path) -> dict | None:
    try:
        claim = json.loads(path.read_text())
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None
    return None if _is_dead(claim, age) else claim


def _take(path: Path) -> bool:
    claim = path.with_name(f"claim.{uuid.uuid4().hex}.partial")
    claim.write_text(
        json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "by": claim.name})
    )
    try:
        return _link(claim, path) or (owner_of(path.parent) is None and _take_over(claim, path))
    finally:
        claim.unlink()


def _take_over(claim: Path, path: Path) -> bool:
    """Take the place of a dead claim; one process at a time may look at it and remove it.

    Without that, a taker that is late would move a live claim away, and a third one would slip in.
    """
    right = path.with_name("claim.burial.partial")
    if not _link(claim, right):
        if _holder(right) is None:  # whoever had the right died with it; the next try finds it free
            right.unlink(missing_ok=True)
        return False
    try:
        if owner_of(path.parent) is None:
            path.unlink(missing_ok=True)
        return _link(claim, path)
    finally:
        right.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> bool:
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return False
    return True


def _is_dead(claim: dict, age_seconds: float) -> bool:
    if age_seconds > SILENT_SECONDS:
        return True
    return claim["host"] == socket.gethostname() and not _is_running(claim["pid"])


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _keep_beating(path: Path, stop: threading.Event) -> None:
    while not stop.wait(BEAT_SECONDS):
        path.touch()
