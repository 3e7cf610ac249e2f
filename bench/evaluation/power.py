"""What a study can find: the smallest effect with its seeds, the seeds for an effect of interest.

The effect is named by whoever asks, before or after the runs; it is never the one that was found.
Power at the effect found says what its p says, in other words. Only the spread is taken from runs,
and is as uncertain as their number makes it.

Letters: n seeds; sd, the standard deviation between seeds of one paired difference.
"""

import bisect
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from bench.evaluation.statistics import Estimate, satterthwaite

MOST_SEEDS = 100
POWER = 0.8


class Design(NamedTuple):
    """What decides how small an effect is found.

    Attributes:
        sd: Between seeds, of one difference.
        v_img: Variance of the difference under sampling of patients, which no seed reduces.
        patients: On which v_img was measured.
        alpha: Level of a two-sided test, the correction for their number included.
    """

    sd: float
    v_img: float
    patients: int
    alpha: float

    def detects(self, seeds: int) -> float | None:
        """The smallest effect that is found with `POWER`; None for one seed, which finds none."""
        options = {"v_img": self.v_img, "patients": self.patients, "alpha": self.alpha}
        return minimum_detectable_effect(self.sd, seeds, **options)

    def seeds_for(self, effect: float) -> int | None:
        """The fewest seeds that find an effect with `POWER`; None if MOST_SEEDS do not."""
        options = {"v_img": self.v_img, "patients": self.patients, "alpha": self.alpha}
        return seeds_needed(effect, self.sd, **options)


def design_of(estimates: Sequence[Estimate], alpha: float) -> Design:
    """Of several differences alike in kind: the mean of their variances, seeds' and patients'.

    The spread of one difference over a few seeds is luck for the most part: a small one would
    promise much.

    Args:
        estimates: At least one, of two seeds or more each.
        alpha: Level of one test.
    """
    sd = float(np.sqrt(np.mean([each.seed_sd**2 for each in estimates])))
    v_img = float(np.mean([each.v_img for each in estimates]))
    return Design(sd, v_img, min(each.patients for each in estimates), alpha)


def detection_power(
    effect: float, sd: float, seeds: int, *, v_img: float = 0.0, patients: int = 2, alpha: float
) -> float:
    """Probability that a two-sided test at level alpha finds an effect on its side.

    Args:
        effect: True value of the contrast.
        sd: Between seeds, in units of the effect.
        seeds: n, at least 2.
        v_img: Variance of the contrast under sampling of patients, which no seed reduces.
        patients: On which v_img was measured.
        alpha: In 0..1.
    """
    variance = sd**2 / seeds + v_img
    if not variance:
        return 1.0 if effect else alpha / 2
    df = satterthwaite((sd**2 / seeds, seeds - 1), (v_img, patients - 1))
    needed = stats.t.ppf(1 - alpha / 2, df)
    return float(stats.nct.sf(needed, df, abs(effect) / np.sqrt(variance)))


def minimum_detectable_effect(
    sd: float,
    seeds: int,
    *,
    v_img: float = 0.0,
    patients: int = 2,
    alpha: float = 0.05,
    power: float = POWER,
) -> float | None:
    """The smallest effect found with the given power; None for one seed, which finds none."""
    if seeds < 2:
        return None
    scale = float(np.sqrt(sd**2 / seeds + v_img))
    if not scale:
        return 0.0

    def missing(effect: float) -> float:
        options = {"v_img": v_img, "patients": patients, "alpha": alpha}
        return detection_power(effect, sd, seeds, **options) - power

    # The effect must pass the critical value by a few standard errors, which bounds the search.
    df = satterthwaite((sd**2 / seeds, seeds - 1), (v_img, patients - 1))
    most = 2 * scale * (stats.t.ppf(1 - alpha / 2, df) + 5)
    return float(optimize.root_scalar(missing, bracket=(0.0, most), method="brentq").root)


def seeds_needed(
    effect: float,
    sd: float,
    *,
    v_img: float = 0.0,
    patients: int = 2,
    alpha: float = 0.05,
    power: float = POWER,
) -> int | None:
    """The fewest seeds that find an effect with the given power; None if MOST_SEEDS do not."""
    options = {"v_img": v_img, "patients": patients, "alpha": alpha}
    return _fewest(lambda seeds: detection_power(effect, sd, seeds, **options) >= power)


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """The smallest number of seeds that is enough, by halving: power only grows with seeds."""
    if not enough(MOST_SEEDS):
        return None
    return bisect.bisect_left(range(MOST_SEEDS), True, lo=2, key=enough)
