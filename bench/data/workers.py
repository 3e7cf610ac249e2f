"""Pools of threads and processes that can be left at once, and how many may work."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TypeVar

Pool = TypeVar("Pool", bound=Executor)


def cores() -> int:
    """How many processor cores this process may use; of a shared machine, not all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def working(pool: Pool) -> Iterator[Pool]:
    """The pool until the block ends; if by an exception, what was not begun is never done.

    A pool's own block would first do all that it was given, which may take minutes.
    """
    try:
        yield pool
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
