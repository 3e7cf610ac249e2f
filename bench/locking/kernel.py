"""The kernel's part of a lock: an exclusive `flock` on the folder itself, which leaves no file.

The kernel grants a folder's flock itself on local disks, NFS, SMB and FUSE, within the machine.
File systems that share it between machines (CephFS, GFS2) take it back from a machine that dies.
On a file it would be worse: NFS 3 keeps a file's lock for ever if its machine does not come back,
SMB refuses to read the file meanwhile, FUSE and Lustre may have none, and the file has to stay.
"""

import errno
import fcntl
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REFUSED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.EBADF)
"""How a file system says that it has no flock."""

TRIES = 3
PAUSE_SECONDS = 0.002
"""Between tries, since whoever asks `is_locked` has the lock for a moment, too."""

_LOCKED: set[int] = set()  # descriptors


@dataclass(frozen=True)
class Guard:
    """A folder that is open.

    Attributes:
        kernel: Names the kernel, and there the file system, that locked it for us; None where
            flock is refused.
    """

    file: int
    kernel: str | None

    def is_at(self, folder: Path) -> bool:
        """Whether it is still the folder of that name."""
        try:
            return os.path.samestat(os.fstat(self.file), folder.stat())
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Give the kernel's lock back."""
        _LOCKED.discard(self.file)
        os.close(self.file)


def guard(folder: Path) -> Guard | None:
    """The folder, made if need be, with the kernel's lock on it; None if another process has it.

    Raises:
        OSError: it cannot be made or opened, or the disk fails.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # it was removed again
            opened = _locked(folder)
            if opened is None or opened.is_at(folder):
                return opened
            opened.close()


def is_locked(folder: Path) -> bool:
    """Whether a process of this kernel has the folder's lock."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _flock(file, fcntl.LOCK_SH, tries=1) is False
    finally:
        os.close(file)


def name(folder: Path | int) -> str:
    """A boot of a machine and a file system mounted there: what shares the folder's flock."""
    return f"{_boot()}/{os.stat(folder).st_dev}"  # noqa: PTH116  # a descriptor, perhaps


def _locked(folder: Path) -> Guard | None:
    file, kept = os.open(folder, os.O_RDONLY | os.O_DIRECTORY), False
    try:
        locked = _flock(file, fcntl.LOCK_EX, tries=TRIES)
        kept = locked is not False
        if locked:
            _LOCKED.add(file)
        return Guard(file, name(file) if locked else None) if kept else None
    finally:
        if not kept:
            os.close(file)


def _flock(file: int, how: int, *, tries: int) -> bool | None:
    """Whether the kernel locked it; False if another process has it, None if there is no flock."""
    for number in range(tries):
        if number:
            time.sleep(PAUSE_SECONDS)
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno in REFUSED:
                return None
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
    return False


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # not Linux, or hidden in a sandbox
        return socket.gethostname()


def _let_go_in_child() -> None:
    """A forked worker must not keep the lock of a parent that was killed."""
    for file in _LOCKED:
        os.close(file)
    _LOCKED.clear()


os.register_at_fork(after_in_child=_let_go_in_child)
