"""What is called while a run gets on: for progress bars, logs and sentences to a reader."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bench.data.cache import ProgressCallback
from bench.errors import Interrupted
from bench.training.loop import StepReport


def _ignore(_: Any) -> None:
    """The callback where nobody listens."""


@dataclass(frozen=True)
class Callbacks:
    """What is called while a run gets on.

    Attributes:
        tick: With what is being done, how many are done, and of how many.
        step: After each training step.
        say: With a sentence for the reader.
    """

    tick: ProgressCallback
    step: Callable[[StepReport], Any] = _ignore
    say: Callable[[str], Any] = _ignore


def stopping(callbacks: Callbacks, interrupted: Callable[[], bool]) -> Callbacks:
    """The callbacks, of which `tick` ends the work where that was requested.

    Raises:
        Interrupted: from `tick`.
    """

    def tick(what: str, done: int, total: int) -> None:
        callbacks.tick(what, done, total)
        if interrupted():
            raise Interrupted(f"stopped while {what}, {done} of {total}; what is done is kept")

    return replace(callbacks, tick=tick)
