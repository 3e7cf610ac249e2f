"""Two pieces of work timed in turn, so that what the machine does besides falls on both.

Under `make bench` each is measured many times, and `tests/speed/page.py` writes what was found;
under `make test` each is done once, at a small size, to see that it works.
"""

import resource
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """A line of the page.

    Attributes:
        part: The page's section.
        what: What is measured.
        beside: What it is compared with; "" where it is a number by itself.
        items: How many things one measurement of it treats.
        beside_items: How many one of the other treats; None for as many.
        item: What they are.
        least: How many times as fast as the other it should be, an item each; None if no aim is
            known.
    """

    part: str
    what: str
    beside: str = ""
    items: int = 1
    beside_items: int | None = None
    item: str = "measurement"
    least: float | None = None


def cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, kinds))


def in_turn(
    benchmark: Any,
    row: Row,
    ours: Callable[[], Any],
    beside: Callable[[], Any],
    *,
    rounds: int = 15,
    clock: Callable[[], float] = cpu_seconds,
) -> None:
    """Measure the other, then ours, and so on; after a first round that does not count.

    Args:
        benchmark: Of pytest-benchmark.
        rounds: One takes what the first round takes as well; for work of minutes.
        clock: Seconds.
    """
    seconds: dict[str, list[float]] = {"ours": [], "beside": []}

    def measured(which: str, work: Callable[[], Any]) -> None:
        began = clock()
        work()
        seconds[which].append(clock() - began)

    rounds = rounds if benchmark.enabled else 1
    benchmark.pedantic(
        lambda: measured("ours", ours),
        setup=lambda: measured("beside", beside),
        rounds=rounds,
        warmup_rounds=1 if rounds > 1 else 0,
    )
    if benchmark.enabled:
        pairs = zip(seconds["beside"][-rounds:], seconds["ours"][-rounds:], strict=True)
        items = row.items / (row.beside_items or row.items)
        ratios = [items * other / own for other, own in pairs]
        quartiles = np.percentile(ratios, [25, 50, 75]).tolist()
        each = statistics.median(seconds["ours"][-rounds:]) / row.items
        benchmark.extra_info.update(asdict(row), ratio=quartiles, seconds=each)


def number(benchmark: Any, row: Row, value: float, unit: str) -> None:
    """A line that is one number, for instance of memory."""
    benchmark.pedantic(lambda: None, rounds=1)
    benchmark.extra_info.update(asdict(row), value=value, unit=unit)
