"""Pools of threads and processes that can be left at once."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import TypeVar

Pool = TypeVar("Pool", bound=Executor)


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
