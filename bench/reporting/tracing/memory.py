"""A bound on what a process may allocate while it reads a file of somebody else."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def limited_memory(most_more: int) -> Iterator[None]:
    """Let allocations fail with MemoryError beyond a bound, where the system tells what is mapped.

    The second line of defence: what a file says of itself is checked before it is decoded, and what
    its inner headers say against that is met here.

    Args:
        most_more: Bytes beyond what the process has mapped already.
    """
    try:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except FileNotFoundError:  # no Linux: the checks before decoding stand alone
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = mapped + most_more
    limits = [limit for limit in (soft, hard, bound) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
