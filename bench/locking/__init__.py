"""One process at a time works on a folder, on one machine and on machines that share a disk.

Within one machine the kernel decides (`kernel`): the holder has a lock on the folder itself, which
ends with the process however that ends, stays while it is suspended, and leaves no file. Across
machines, and where the kernel refuses its lock, `claim.json` decides (`claim`): a lease that its
holder renews every few seconds and that another may take over after a minute of silence. Both are
asked always. Process numbers decide nothing: they are reused, and differ between containers.

A lease cannot keep a suspended holder from waking. So what it writes asks first (`check`), after
the partial file is written and before it is renamed; and a new holder removes all partial files
before it works. A late rename then fails whenever the old holder wakes. What remains, for leases
alone, are writes that are no rename: a line added to `events.jsonl` right after its check.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.errors import LostLock
from bench.locking import claim, kernel
from bench.locking.claim import Claim
from bench.locking.kernel import Guard

BEAT_SECONDS = 5.0
SILENT_SECONDS = 60.0
WAIT_SECONDS = 0.5

TRIES = 3
"""Of one call of `lock`, where a claim changed, or something in its way was removed, meanwhile."""

_HELD: dict[Path, "Held"] = {}


class Held:
    """A folder's lock, from `lock` until its block ends or another process has taken it over."""

    def __init__(self, folder: Path, token: str, guard: Guard):
        self.folder, self._token, self._guard = folder, token, guard
        self._lost = False

    def check(self) -> None:
        """Renew the claim.

        Raises:
            LostLock: it is no longer this process's.
        """
        self._beat()
        if self._lost:
            raise LostLock(
                f"{self.folder}: another process took this over, or claim.json was removed, while "
                "this process was suspended or cut off from the disk. It writes nothing more here"
            )

    def stopping(self, interrupted: Callable[[], bool]) -> Callable[[], bool]:
        """`interrupted` that also raises LostLock, soon after the lock is lost."""

        def is_asked() -> bool:
            if self._lost:
                self.check()
            return interrupted()

        return is_asked

    def _keep_beating(self, stop: threading.Event) -> None:
        """Renew the claim every few seconds, until `stop` is set or it is lost."""
        while not self._lost and not stop.wait(BEAT_SECONDS):
            with suppress(OSError):  # the disk is away; if it stays away, others take over
                self._beat()

    def _release(self) -> None:
        """Remove the claim if it is still ours, and give the kernel's lock back."""
        with suppress(OSError):  # what cannot be removed is silent soon
            present = claim.look(self.folder)
            if present is not None and present.is_by(self._token):
                claim.take_away(self.folder, present, time.time())
        self._guard.close()

    def _beat(self) -> None:
        self._lost |= not claim.renew(self.folder, self._token)


@contextmanager
def lock(folder: Path) -> Iterator[Held | None]:
    """The folder's lock while the block runs, None if another process has it; it does not wait.

    Partial files that killed processes left in the folder are removed.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder = folder.absolute()
    held = _acquire(folder)
    if held is None:
        yield None
        return
    stop = threading.Event()
    beat = threading.Thread(target=held._keep_beating, args=(stop,), daemon=True)
    _HELD[folder] = held
    try:
        beat.start()
        yield held
    finally:
        if _HELD.get(folder) is held:
            del _HELD[folder]
        stop.set()
        if beat.ident is not None:
            beat.join()
        held._release()


def check(folder: Path) -> None:
    """Ask before a file in the folder is replaced or extended; nothing if it is not locked here.

    Raises:
        LostLock: this process had the folder's lock and lost it.
    """
    if (held := _HELD.get(folder.absolute())) is not None:
        held.check()


def owner_of(folder: Path) -> dict[str, Any] | None:
    """Who holds a folder now: `host`, `pid` and `silent_seconds`; None when nobody does.

    `silent_seconds` is 0 for a process that gives signs of life. One that is suspended or hung
    keeps the kernel's lock, and its silence grows.
    """
    present = claim.look(folder)
    if present is None or present.holder is None:
        return None
    silent = time.time() - present.beat
    try:
        if _is_of(present, kernel.name(folder)):
            if not kernel.is_locked(folder):
                return None
        elif abs(silent) > SILENT_SECONDS:
            return None
    except FileNotFoundError:  # the folder was removed meanwhile
        return None
    return {**present.holder, "silent_seconds": silent if silent > SILENT_SECONDS else 0.0}


def described(owner: dict[str, Any]) -> str:
    """What `owner_of` gave, in words; of a silent owner, what to do about it."""
    process = f"process {owner['pid']} on {owner['host']}"
    if not owner["silent_seconds"]:
        return process
    minutes = owner["silent_seconds"] / 60
    return f"{process} (silent for {minutes:.0f} min: suspended or hung; kill it to free this)"


class Waiting:
    """Waiting for a folder: says who has it, and again when that process falls silent."""

    def __init__(self, folder: Path, what: str, say: Callable[[str], Any]):
        self._folder, self._what, self._say = folder, what, say
        self._told: bool | None = None

    def pause(self) -> bool:
        """Wait half a second; whether anybody had the folder then."""
        owner = owner_of(self._folder)
        if owner is not None and self._told != (is_silent := owner["silent_seconds"] > 0):
            self._say(f"{described(owner)} is on {self._what}; waiting for it")
            self._told = is_silent
        time.sleep(WAIT_SECONDS)
        return owner is not None


def _acquire(folder: Path) -> Held | None:
    guard = kernel.guard(folder)
    if guard is None:
        return None
    token, taken = uuid.uuid4().hex, False
    try:
        with suppress(FileNotFoundError):  # the folder, or what we made in it, was cleared away
            taken = any(_tries(folder, token, guard))
        return Held(folder, token, guard) if taken else None
    finally:
        if not taken:
            guard.close()


def _tries(folder: Path, token: str, guard: Guard) -> Iterator[bool]:
    """Whether the claim became ours, try after try; ends when another's is alive."""
    content = {"host": socket.gethostname(), "pid": os.getpid(), "by": token}
    for _ in range(TRIES):
        with claim.written(folder, {**content, "kernel": guard.kernel}) as own:
            now = own.stat().st_mtime  # by the clock that dates the heartbeats
            present = claim.look(folder)
            if present is not None and not _is_left_behind(present, guard, now):
                return
            if present is not None and present.is_in_the_way:
                claim.take_away(folder, present, now)
            else:
                yield claim.put(own, present, now)


def _is_left_behind(present: Claim, guard: Guard, now: float) -> bool:
    """Whether a claim's holder is gone.

    A claim appears whole, so an unreadable one is nobody's. One of this kernel is nobody's if we
    have the kernel's lock. Any other counts for a minute after its last beat, and before it: beats
    and `now` have one clock, so a date further in the future is no beat of a living process (a
    clock was set back, a backup restored), and a living one corrects it with its next beat.
    """
    if present.holder is None or (guard.kernel is not None and _is_of(present, guard.kernel)):
        return True
    return abs(now - present.beat) > SILENT_SECONDS


def _is_of(present: Claim, kernel_name: str) -> bool:
    """Whether this kernel's lock says if the holder lives; older claims name the host alone."""
    holder = present.holder or {}
    if "kernel" not in holder:
        return holder.get("host") == socket.gethostname()
    return holder["kernel"] == kernel_name


os.register_at_fork(after_in_child=_HELD.clear)
