"""`claim.json`: who holds a folder, changed by one process at a time and never by one too late.

A claim changes in one way: by a rename out of, or into, a folder that is named by the present
content and that one process at a time can have (`_changing`). A process that was suspended in the
middle finds that folder gone, and its rename fails. Hard links are not needed, which FAT and some
network and FUSE file systems lack. A claim appears whole.
"""

import errno
import hashlib
import json
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHANGE_SECONDS = 1.0
"""After this time a change counts as given up; one that was not has to be tried again, no more."""

MOST_BYTES = 2**16
"""Of a claim that is read; a longer one is none."""

TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES)
"""How a file system refuses to rename a folder to the name of another that is not empty."""

FIELDS = {"host": str, "pid": int, "by": str}
HIDDEN = {"host": "an unknown machine", "pid": 0, "by": "", "kernel": None}
"""Stands in for a claim that another user's permissions hide."""


@dataclass(frozen=True)
class Claim:
    """`claim.json` at one moment.

    Attributes:
        state: Names its content, whatever that is.
        holder: `host`, `pid`, `by` (names the hold) and `kernel`; None if it is unreadable.
        beat: Unix time of the last heartbeat, by the clock of the file system.
    """

    state: str
    holder: dict[str, Any] | None
    beat: float
    is_in_the_way: bool = False  # a folder: no file can be renamed to its name

    def is_by(self, token: str) -> bool:
        """Whether it is of this hold."""
        return self.holder is not None and self.holder["by"] == token


def look(folder: Path) -> Claim | None:
    """The folder's claim; opened, since a network file system asks its server anew at that."""
    path = folder / "claim.json"
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return Claim("hidden", HIDDEN, path.stat().st_mtime)
    try:
        return _read(file)
    finally:
        os.close(file)


def renew(folder: Path, token: str) -> bool:
    """Date the claim now; False if it is not this hold's."""
    try:
        file = os.open(folder / "claim.json", os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, PermissionError):
        return False
    try:
        ours = _read(file).is_by(token)
        if ours:
            os.utime(file)  # what was read, never a claim that took its place since
        return ours
    finally:
        os.close(file)


@contextmanager
def written(folder: Path, holder: dict[str, Any]) -> Iterator[Path]:
    """A claim in a file of its own, in a folder of its own that is gone when the block ends."""
    own = _unique(folder) / uuid.uuid4().hex
    try:
        own.parent.mkdir()
        own.write_text(json.dumps(holder))
        yield own
    finally:
        _discard(own.parent)


def put(own: Path, before: Claim | None, now: float) -> bool:
    """Put a written claim in the place of the one before, and clear partial files away.

    Args:
        own: The file of `written`.
        before: What `look` found, left behind by its holder.
        now: By the clock of the file system.

    Returns:
        False if another process changes it.
    """
    folder = own.parent.parent
    with _changing(own, before, now) as mine:
        if mine is None:
            return False
        mine.rename(folder / "claim.json")
    for partial in folder.glob("*.partial"):
        _discard(partial)
    return True


def take_away(folder: Path, present: Claim, now: float) -> None:
    """Remove the present claim, or what else has its name, unless another process changes it."""
    own = _unique(folder) / uuid.uuid4().hex
    try:
        own.mkdir(parents=True)
        with _changing(own, present, now) as mine:
            if mine is not None:
                (folder / "claim.json").rename(mine / "taken away")
    finally:
        _discard(own.parent)


@contextmanager
def _changing(own: Path, present: Claim | None, now: float) -> Iterator[Path | None]:
    """The right to change the present claim, by a rename of, or into, what is yielded.

    The folder of `own` is renamed to a name that all who would change this claim have to use. That
    fails while a folder of that name has something in it.

    Yields:
        Where `own` is now, a path that no other process ever uses; None if another was faster.
    """
    state = _state(present)
    change = own.parent.with_name(f"claim.{state}.change.partial")
    try:
        own.parent.rename(change)
    except OSError as error:
        if error.errno not in TAKEN:
            raise
        with suppress(FileNotFoundError):
            if abs(now - change.stat().st_mtime) > CHANGE_SECONDS:
                _discard(change)
        yield None
        return
    mine = change / own.name
    try:
        yield mine if _state(look(change.parent)) == state else None
    finally:
        _discard(mine)
        with suppress(OSError):  # it is another's by now, or gone
            change.rmdir()


def _discard(path: Path) -> None:
    """Remove a file or folder, first out of the way of renames."""
    aside = _unique(path.parent)
    with suppress(FileNotFoundError):
        path.rename(aside)
        if aside.is_dir() and not aside.is_symlink():
            shutil.rmtree(aside)
        else:
            aside.unlink()


def _unique(folder: Path) -> Path:
    return folder / f"claim.{uuid.uuid4().hex}.partial"


def _state(claim: Claim | None) -> str:
    return "none" if claim is None else claim.state


def _read(file: int) -> Claim:
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode):
        return Claim("no-file", None, about.st_mtime, stat.S_ISDIR(about.st_mode))
    content = os.read(file, MOST_BYTES)
    return Claim(hashlib.sha256(content).hexdigest()[:16], _holder(content), about.st_mtime)


def _holder(content: bytes) -> dict[str, Any] | None:
    try:
        holder = json.loads(content)
    except (ValueError, RecursionError):
        return None
    right = isinstance(holder, dict) and all(type(holder.get(k)) is v for k, v in FIELDS.items())
    return holder if right else None
