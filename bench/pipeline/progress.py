"""Progress on standard error: bars on a terminal, a plain line every few seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bench.data.cache import ProgressCallback
from bench.pipeline.stderr import forgiving

if TYPE_CHECKING:  # torch, which whoever only starts processes does not need
    from bench.training.callbacks import Callbacks
    from bench.training.loop import StepReport

PLAIN_SECONDS = 10.0


@contextmanager
def watching() -> "Iterator[Callbacks]":
    """Callbacks that show how a run gets on until the block ends."""
    from bench.training.callbacks import Callbacks

    with forgiving(), _shown() as shown:
        yield Callbacks(shown.tick, shown.step, shown.say)


@contextmanager
def ticking() -> Iterator[ProgressCallback]:
    """A callback that shows progress until the block ends."""
    with forgiving(), _shown() as shown:
        yield shown.tick


@contextmanager
def _shown() -> "Iterator[_Live | _Plain]":
    if not sys.stderr.isatty():
        yield _Plain()
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[extra]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Live(progress)


class _Live:
    """One bar for each thing being done."""

    def __init__(self, progress: Progress):
        self.progress = progress
        self.bars: dict[str, TaskID] = {}

    def tick(self, what: str, done: int, total: int) -> None:
        self._show(what, done, total, "")

    def step(self, report: "StepReport") -> None:
        self._show(
            f"{report.stage}, epoch {_epoch(report)}",
            report.steps_done,
            report.total_steps,
            _speed(report),
            bar=report.stage,
        )

    def say(self, sentence: str) -> None:
        self.progress.console.print(sentence, highlight=False)

    def _show(self, what: str, done: int, total: int, extra: str, bar: str = "") -> None:
        name = bar or what
        if name not in self.bars:
            self.bars[name] = self.progress.add_task(what, total=total, extra=extra)
        self.progress.update(self.bars[name], description=what, completed=done, extra=extra)


class _Plain:
    """A line at a time, not more often than every few seconds, for logs."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def tick(self, what: str, done: int, total: int) -> None:
        self._line(f"{what}: {done} of {total}")

    def step(self, report: "StepReport") -> None:
        done, total = report.steps_done, report.total_steps
        self._line(
            f"{report.stage}: epoch {_epoch(report)}, step {done} of {total}, {_speed(report)}",
            always=done == total,
        )

    def say(self, sentence: str) -> None:
        self._line(sentence, always=True)

    def _line(self, text: Any, always: bool = False) -> None:
        now = time.monotonic()
        if always or now - self.last > PLAIN_SECONDS:
            self.last = now
            print(text, file=sys.stderr, flush=True)


def _epoch(report: "StepReport") -> str:
    return f"{report.epoch} of {'at most ' if report.at_most else ''}{report.epochs}"


def _speed(report: "StepReport") -> str:
    return f"loss {report.loss:.3f}, {report.images_per_second:.0f} images/s"
