"""A folder that is there is finished: it appears whole, under a temporary name before that."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
        (partial / "DONE").write_text("")
        _rename(partial, root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename(partial: Path, root: Path) -> None:
    try:
        partial.rename(root)
    except OSError:
        if not (root / "DONE").is_file():
            raise
        # Another process drew the same set first.
