"""A sweep's progress on standard error: a live table on a terminal, else one line per event."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bench.pipeline.stderr import forgiving
from bench.reporting.status import age

TAIL_BYTES = 400


class Display(Protocol):
    """What shows how a sweep gets on."""

    def started(self, name: str, log: Path) -> None:
        """A run has a process, which writes to `log`."""

    def ended(self, name: str, text: str, *, final: bool) -> None:
        """Its process has ended; `final` if the run will not be tried again."""

    def says(self, text: str) -> None:
        """A sentence."""


@contextmanager
def display(total: int, done: int) -> Iterator[Display]:
    """A display until the block ends.

    Args:
        total: Number of runs.
        done: How many of them are done before the sweep begins.
    """
    with forgiving(), _chosen(total, done) as shown:
        yield shown


@contextmanager
def _chosen(total: int, done: int) -> Iterator[Display]:
    if not sys.stderr.isatty():
        yield _LineDisplay(total, done)
        return
    console = Console(stderr=True)
    shown = _LiveDisplay(total, done, console)
    with Live(shown, console=console, refresh_per_second=2):
        yield shown


class _LineDisplay:
    """A line when a run starts and one when it ends, with the time of day, for logs."""

    def __init__(self, total: int, done: int):
        self.total, self.over = total, done

    def started(self, name: str, log: Path) -> None:
        self.says(f"start  {name}")

    def ended(self, name: str, text: str, *, final: bool) -> None:
        self.over += final
        self.says(f"end    {name}: {text}  ({self.over} of {self.total})")

    def says(self, text: str) -> None:
        print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


class _LiveDisplay:
    """What runs now, for how long, and the last line of its log; what has ended scrolls by."""

    def __init__(self, total: int, done: int, console: Console):
        self.total, self.over, self.ends = total, done, 0
        self.console = console
        self.began = time.monotonic()
        self.going: dict[str, tuple[float, Path]] = {}

    def started(self, name: str, log: Path) -> None:
        self.going[name] = (time.monotonic(), log)

    def ended(self, name: str, text: str, *, final: bool) -> None:
        self.going.pop(name, None)
        self.over, self.ends = self.over + final, self.ends + final
        self.says(f"{name}: {text}")

    def says(self, text: str) -> None:
        self.console.print(Text(f"{time.strftime('%H:%M:%S')} {text}"))

    def __rich__(self) -> RenderableType:
        now = time.monotonic()
        counts = Text(f"{self.over} of {self.total} runs{self._left(now)}")
        if not self.going:
            return counts
        grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for head in ("running", "for", "last line of its log"):
            grid.add_column(head, no_wrap=True)
        for name, (began, log) in list(self.going.items()):
            grid.add_row(Text(name), age(now - began), Text(last_line(log)))
        return Group(grid, counts)

    def _left(self, now: float) -> str:
        """How long the rest takes at the pace so far."""
        if not self.ends or self.over == self.total:
            return ""
        return f", about {age((now - self.began) / self.ends * (self.total - self.over))} left"


def last_line(log: Path, since: int = 0) -> str:
    """The last line of a log that is not empty, or "".

    Args:
        since: Byte from which on lines count.
    """
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(since, size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
