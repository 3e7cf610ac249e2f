"""What a difference between methods is worth: intervals, tests, equivalence, prediction.

Two things vary. Another training run gives other scores (`v_seed`), and another sample of patients
gives other scores to the same runs (`v_img`). Both enter every interval: with test sets of this
size, intervals from patients alone cover the truth far less often than they say. The seeds' spread
already holds some of the patients', so the sum errs on the safe side where seeds hardly vary.

What cannot be judged (fewer than three seeds, an undefined score) has no interval and no p, and
says why.

Letters: S seeds, K cells that an estimate is made of, G patients, M runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import stats

from bench.evaluation.influence import JointScores

# The value of K scores, and its (K,) gradient there.
Functional = Callable[[np.ndarray], tuple[float, np.ndarray]]


# Scores are of size 1; a smaller standard error is what rounding leaves of none.
ROUNDING = 1e-12

FEWEST_SEEDS = 3
"""Of two the spread is luck: in simulated studies as few as 91 % of their 95 % intervals held the
truth (results/LOG.md)."""


class Interval(NamedTuple):
    """Two ends, in units of the score."""

    low: float
    high: float

    def inside(self, margin: float) -> bool:
        """Whether the interval lies within plus or minus a margin."""
        return -margin < self.low and self.high < margin


@dataclass(frozen=True)
class Estimate:
    """A number made of scores, and how sure it is.

    Attributes:
        value: At the mean scores over seeds.
        per_seed: (S,) the same for each seed; linearised at the mean where it is not linear.
        v_img: Variance of `value` under sampling of patients, the trained runs given.
        patients: G.
    """

    value: float
    per_seed: tuple[float, ...]
    v_img: float
    patients: int

    @property
    def seeds(self) -> int:
        """S."""
        return len(self.per_seed)

    @cached_property
    def seed_sd(self) -> float:
        """Sample standard deviation between seeds; nan for one seed."""
        return float(np.std(self.per_seed, ddof=1)) if self.seeds > 1 else float("nan")

    @property
    def v_seed(self) -> float:
        """Variance of `value` under another choice of S seeds; nan for one seed."""
        return self.seed_sd**2 / self.seeds

    @property
    def standard_error(self) -> float:
        """Of `value`, seeds and patients both varying; nan for one seed."""
        return float(np.sqrt(self.v_seed + self.v_img))

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's, of the sum of the two variances; nan where there is none."""
        return satterthwaite((self.v_seed, self.seeds - 1), (self.v_img, self.patients - 1))

    @property
    def why_not(self) -> str:
        """Why there is no interval and no p, or "" where there are."""
        if not np.isfinite(self.value):
            return "a score is undefined"
        if self.seeds < FEWEST_SEEDS:
            number = "one seed is" if self.seeds == 1 else "two seeds are"
            return f"{number} too few to say how much seeds vary"
        if self.patients < 2:
            return "one patient: nothing says how much patients vary"
        if self.standard_error < ROUNDING:
            return "neither seeds nor patients vary: nothing to test against"
        return ""

    def interval(self, level: float = 0.95) -> Interval | None:
        """Where the value lies over seeds and patients like these; None where `why_not`."""
        if self.why_not:
            return None
        reach = stats.t.ppf((1 + level) / 2, self.degrees_of_freedom) * self.standard_error
        return Interval(float(self.value - reach), float(self.value + reach))

    def interval_of_these_runs(self, level: float = 0.95) -> Interval | None:
        """Patients alone vary: says nothing of the methods, only of these trained networks."""
        if not np.isfinite(self.value) or self.patients < 2:
            return None
        reach = stats.t.ppf((1 + level) / 2, self.patients - 1) * np.sqrt(self.v_img)
        return Interval(float(self.value - reach), float(self.value + reach))

    def p_value(self, null: float = 0.0) -> float | None:
        """Two-sided, against a null value; None where `why_not`."""
        return None if self.why_not else min(1.0, 2 * min(self._tails(null)))

    def equivalence_p(self, margin: float) -> float | None:
        """Of two one-sided tests: small if the value lies within plus or minus the margin.

        Below 0.05 exactly if the 90 % interval lies inside the margin (Schuirmann, 1987).
        """
        if self.why_not:
            return None
        return max(self._tails(-margin)[1], self._tails(margin)[0])

    def _tails(self, null: float) -> tuple[float, float]:
        """One-sided p of "below the null" and of "above the null"."""
        distance = (self.value - null) / self.standard_error
        df = self.degrees_of_freedom
        return float(stats.t.cdf(distance, df)), float(stats.t.sf(distance, df))


def satterthwaite(*parts: tuple[float, float]) -> float:
    """Degrees of freedom of a sum of (variance, its degrees of freedom); nan if all are 0."""
    weights = [(variance**2 / df, variance) for variance, df in parts if df > 0]
    below = sum(square for square, _ in weights)
    return float(sum(v for _, v in weights) ** 2 / below) if below > 0 else float("nan")


def estimate(scores: JointScores, runs: np.ndarray, functional: Functional) -> Estimate:
    """A functional of K cells from runs that share seeds and patients.

    Args:
        scores: Of all runs.
        runs: (S, K) indices into the M runs: one row per seed, one column per cell.
        functional: Of the K mean scores; see `score`, `drop`, `relative_drop`.

    Raises:
        ValueError: without runs.
    """
    if runs.ndim != 2 or not runs.size:
        raise ValueError(f"runs must be seeds by cells, got shape {runs.shape}")
    by_seed = scores.values[runs]
    means = by_seed.mean(axis=0)
    value, gradient = functional(means)
    per_seed = value + (by_seed - means) @ gradient
    used, weights = runs.ravel(), np.tile(gradient, len(runs)) / len(runs)
    v_img = weights @ scores.covariance[np.ix_(used, used)] @ weights
    # Rounding can leave the variance of a difference of equal models just below zero.
    v_img = max(float(v_img), 0.0) if np.isfinite(v_img) else float("nan")
    return Estimate(float(value), tuple(per_seed.tolist()), v_img, scores.patients)


def score(scores: np.ndarray) -> tuple[float, np.ndarray]:
    """(score,): itself."""
    return float(scores[0]), np.ones(1)


def drop(scores: np.ndarray) -> tuple[float, np.ndarray]:
    """(before, after): before - after."""
    return float(scores[0] - scores[1]), np.array([1.0, -1.0])


def relative_drop(scores: np.ndarray) -> tuple[float, np.ndarray]:
    """(before, after): 1 - after / before; nan where nothing was there to lose."""
    before, after = scores
    if not before:
        return float("nan"), np.full(2, np.nan)
    return float(1 - after / before), np.array([after / before**2, -1 / before])


def first_minus_second(functional: Functional) -> Functional:
    """The functional of the first half of the cells minus that of the second half."""

    def contrast(scores: np.ndarray) -> tuple[float, np.ndarray]:
        half = len(scores) // 2
        (first, of_first), (second, of_second) = (
            functional(part) for part in (scores[:half], scores[half:])
        )
        return first - second, np.concatenate([of_first, -of_second])

    return contrast


ESTIMANDS: dict[str, Functional] = {
    "score": score,
    "drop": drop,
    "relative drop": relative_drop,
}


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p in the given order (Holm, 1979).

    A test that was planned and could not be made (None) counts as one that would not reject: what
    is still to come never makes what is there more certain.
    """
    filled = np.array([1.0 if p is None else p for p in p_values])
    order = np.argsort(filled, kind="stable")
    steps = filled[order] * (len(filled) - np.arange(len(filled)))
    adjusted = np.empty(len(filled))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    pairs = zip(p_values, adjusted, strict=True)
    return [None if p is None else float(value) for p, value in pairs]


def prediction_interval(scores: Sequence[float], level: float = 0.95) -> Interval | None:
    """Where the score of one more run on the same images lies; None for one run.

    A published number is one run, so it is this interval that it can be expected in. Assumed: it
    was scored on the same test images, and scores of runs are about normal.
    """
    if len(scores) < 2:
        return None
    spread = np.std(scores, ddof=1) * np.sqrt(1 + 1 / len(scores))
    reach = stats.t.ppf((1 + level) / 2, len(scores) - 1) * spread
    mean = np.mean(scores)
    return Interval(float(mean - reach), float(mean + reach))
