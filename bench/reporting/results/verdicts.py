"""Is a published value reproduced?  Computed from our runs, never typed.

The verdicts in their order, the first that holds being given; delta is `DELTA`, d our mean minus
the published value, and its interval the one of our mean over seeds and patients:

    NOT COMPARABLE  drawn or partial images, or a published value that cannot be meant as printed
    NOT RUN         no runs
    STALE           only runs of older code
    NOT TRAINED     none of the runs has learnt
    EQUIVALENT      the 90 % interval of d lies inside plus or minus delta (two one-sided tests)
    DIFFERENT       the 95 % interval of d lies wholly outside plus or minus delta, and the
                    published value outside the 95 % prediction interval for one run of ours
    CLOSE           the 95 % interval of d leaves 0 out and reaches into plus or minus delta
    INCONCLUSIVE    anything else, with the smallest difference that the seeds at hand find; and
                    where only some runs have learnt, with their number

An interval that touches a border neither lies inside it nor wholly outside.  One published number
is one noisy run: a mean that is surely another can still be that of runs among which the paper's
would not stand out, so DIFFERENT asks for both.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.evaluation.power import design_of
from bench.evaluation.statistics import FEWEST_SEEDS, Estimate, Interval, prediction_interval

# Assumed: below 0.02 one run cannot be told from another by luck of its seed; with a spread of 0.01
# between seeds, one further run is predicted to within 0.03 from five.
DELTA = 0.02
LEVEL = 0.95

VerdictName = Literal[
    "NOT COMPARABLE",
    "NOT RUN",
    "STALE",
    "NOT TRAINED",
    "EQUIVALENT",
    "DIFFERENT",
    "CLOSE",
    "INCONCLUSIVE",
]


@dataclass(frozen=True)
class Verdict:
    """One verdict.

    Attributes:
        name: Of those above.
        more: Of INCONCLUSIVE: what stands in the way, for example "detects 0.031"; else "".
    """

    name: VerdictName
    more: str = ""

    @property
    def text(self) -> str:
        """As a table prints it."""
        return f"{self.name} ({self.more})" if self.more else self.name


def verdict(
    ours: Estimate | None,
    published: float,
    *,
    comparable: bool = True,
    stale: bool = False,
    trained: tuple[int, int] | None = None,
    delta: float = DELTA,
) -> Verdict:
    """The verdict on one published value.

    Args:
        ours: Our score in that cell, `per_seed` being the scores of its runs; None without runs.
        published: The value as printed, in units of the score.
        comparable: Whether our images and the printed value can be set against each other.
        stale: Whether the runs are of older code.
        trained: How many of the runs have learnt, and of how many; None for all.
        delta: What is too small to matter, in units of the score.
    """
    if not comparable:
        return Verdict("NOT COMPARABLE")
    if ours is None:
        return Verdict("NOT RUN")
    if stale:
        return Verdict("STALE")
    if trained is not None and not trained[0]:
        return Verdict("NOT TRAINED")
    if trained is not None and trained[0] < trained[1]:
        return Verdict("INCONCLUSIVE", f"{trained[0]} of {trained[1]} trained")
    if ours.interval() is None:
        return Verdict("INCONCLUSIVE", _missing(ours))
    name = verdict_name(ours, published, delta)
    return Verdict(name, _detects(ours) if name == "INCONCLUSIVE" else "")


def verdict_name(ours: Estimate, published: float, delta: float = DELTA) -> VerdictName:
    """The verdict on present, comparable runs by itself, without what stands in the way."""
    narrow, wide = _difference(ours, published, 0.90), _difference(ours, published, LEVEL)
    if narrow is None or wide is None:
        return "INCONCLUSIVE"
    if narrow.inside(delta):
        return "EQUIVALENT"
    outside = _is_outside(wide, delta)
    if outside and _stands_out(ours, published):
        return "DIFFERENT"
    if not outside and (wide.low > 0 or wide.high < 0):
        return "CLOSE"
    return "INCONCLUSIVE"


def _is_outside(interval: Interval | None, delta: float) -> bool:
    return interval is not None and (interval.low > delta or interval.high < -delta)


def _difference(ours: Estimate, published: float, level: float) -> Interval | None:
    interval = ours.interval(level)
    if interval is None:
        return None
    return Interval(interval.low - published, interval.high - published)


def _stands_out(ours: Estimate, published: float) -> bool:
    """Whether one more run of ours is not expected as far off as the published value."""
    expected = prediction_interval(ours.per_seed, LEVEL)
    return expected is not None and not expected.low <= published <= expected.high


def _missing(ours: Estimate) -> str:
    """What an estimate without an interval needs."""
    if np.isfinite(ours.value) and ours.seeds < FEWEST_SEEDS:
        more = FEWEST_SEEDS - ours.seeds
        return f"at least {more} more seed{'s' if more > 1 else ''}"
    return ours.why_not


def _detects(ours: Estimate) -> str:
    """The smallest difference from a published value that as many seeds find."""
    found = design_of([ours], 1 - LEVEL).detects(ours.seeds)
    return "" if found is None else f"detects {found:.3f}"
