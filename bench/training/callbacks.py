"""Who is told how a run gets on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.data.cache import Tick
from bench.training.loop import StepReport


@dataclass(frozen=True)
class Callbacks:
    """Who is told how a run gets on.

    Attributes:
        tick: What is being done, how many are done, of how many.
        step: After each training step.
        say: A sentence.
    """

    tick: Tick
    step: Callable[[StepReport], Any]
    say: Callable[[str], Any]
