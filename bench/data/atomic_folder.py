"""A folder that is there is finished: it appears whole, under a temporary name before that.

Its `DONE` holds the digests of its files.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from bench import checksums


@contextmanager
def atomic_folder(root: Path) -> Iterator[Path]:
    """A folder to fill that becomes `root`, with DONE in it, when the block ends well.

    It is gone otherwise.  Of two processes that fill the same folder, the first to end wins.
    """
    partial = root.with_name(f"{root.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        names = [p.relative_to(partial).as_posix() for p in partial.rglob("*") if p.is_file()]
        checksums.write_json(partial / "DONE", checksums.digests(partial, sorted(names)))
        _rename(partial, root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def is_whole(root: Path) -> bool:
    """Whether a folder is there as it was finished; checked once per process.

    One that was altered is set aside, with a warning; one of a version that kept no digests is
    removed.
    """
    done = root / "DONE"
    return done.is_file() and _checked(root, done.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _checked(root: Path, finished_ns: int) -> bool:
    """`is_whole` of the folder that was finished at a time; another time is another folder."""
    if not (root / "DONE").stat().st_size:
        shutil.rmtree(root)
        return False
    noted = checksums.read_json(root / "DONE")
    if isinstance(noted, dict) and not checksums.altered(root, noted):
        return True
    checksums.set_aside(root)
    return False


def _rename(partial: Path, root: Path) -> None:
    try:
        partial.rename(root)
    except OSError:
        if not (root / "DONE").is_file():
            raise
        # Another process drew the same set first.
