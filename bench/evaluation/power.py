"""How many seeds decide a question, and which tests cannot decide it at all.

Planning figures: they take a measured spread and effect for the true ones.

Letters: n seeds; sd, the standard deviation between seeds of one paired difference.
"""

import bisect
import itertools
from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from bench.evaluation.statistics import satterthwaite

MOST_SEEDS = 100


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
    power: float = 0.8,
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
    power: float = 0.8,
) -> int | None:
    """The fewest seeds that find an effect with the given power; None if MOST_SEEDS do not."""
    options = {"v_img": v_img, "patients": patients, "alpha": alpha}
    return _fewest(lambda seeds: detection_power(effect, sd, seeds, **options) >= power)


def equivalence_power(
    margin: float,
    sd: float,
    seeds: int,
    *,
    v_img: float = 0.0,
    patients: int = 2,
    alpha: float = 0.05,
) -> float:
    """Probability that two one-sided tests show a true zero to lie within the margin.

    The estimate must fall within margin - t s of zero, s being its estimated standard error: the
    mean, over the distribution of s, of the probability of that.
    """
    variance = sd**2 / seeds + v_img
    if not variance:
        return 1.0
    df = satterthwaite((sd**2 / seeds, seeds - 1), (v_img, patients - 1))
    middles = (np.arange(2000) + 0.5) / 2000
    estimated = np.sqrt(variance * stats.chi2.ppf(middles, df) / df)
    room = margin - stats.t.ppf(1 - alpha, df) * estimated
    inside = 2 * stats.norm.cdf(room / np.sqrt(variance)) - 1
    return float(np.where(room > 0, inside, 0.0).mean())


def seeds_for_equivalence(
    margin: float,
    sd: float,
    *,
    v_img: float = 0.0,
    patients: int = 2,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """The fewest seeds that show a true zero to be within the margin; None beyond MOST_SEEDS."""
    options = {"v_img": v_img, "patients": patients, "alpha": alpha}
    return _fewest(lambda seeds: equivalence_power(margin, sd, seeds, **options) >= power)


def smallest_sign_flip_p(seeds: int) -> float:
    """The smallest two-sided p that flipping the signs of n differences can give: 2 / 2^n."""
    return min(1.0, 2.0 ** (1 - seeds))


def sign_flip_p(differences: np.ndarray) -> float:
    """Exact two-sided p of n differences, each sign being as likely either way under the null.

    Raises:
        ValueError: for more than 20 differences, whose 2^n signs are too many to go through.
    """
    if len(differences) > 20:
        raise ValueError(f"{len(differences)} differences have too many signs; at most 20")
    signs = np.array(list(itertools.product((1, -1), repeat=len(differences))))
    sums = np.abs(signs @ np.asarray(differences, dtype=float))
    # The sum as observed is among them; rounding must not count it out.
    return float((sums >= sums[0] * (1 - 1e-12)).mean())


def cannot_reject(smallest: float, *, tests: int = 1, alpha: float = 0.05) -> str:
    """Why a test can never reject, or "" if it can.

    Args:
        smallest: The smallest p that the test can give.
        tests: How many share Holm's correction, whose first step multiplies by that number.
        alpha: Level.
    """
    reachable = min(1.0, smallest * tests)
    if reachable <= alpha:
        return ""
    correction = f" after Holm's correction over {tests}" if tests > 1 else ""
    return f"cannot reject: its smallest p is {reachable:.2g}{correction}, above {alpha:g}"


def seeds_to_reject(tests: int = 1, alpha: float = 0.05) -> int:
    """The fewest seeds with which a sign-flip test can reject at all."""
    return next(n for n in itertools.count(1) if smallest_sign_flip_p(n) * tests <= alpha)


def critical_difference(methods: int, blocks: int, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference of mean ranks over independent blocks (Demsar, 2006)."""
    quantile = stats.studentized_range.ppf(1 - alpha, methods, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def cannot_separate(methods: int, blocks: int, alpha: float = 0.05) -> str:
    """Why mean ranks over so few blocks separate no two methods, or "" if they can."""
    needed = critical_difference(methods, blocks, alpha)
    if needed <= methods - 1:
        return ""
    return (
        f"cannot reject: ranks over {blocks} block(s) would have to differ by {needed:.2f}, "
        f"and {methods} methods differ by {methods - 1} at most"
    )


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """The smallest number of seeds that is enough, by halving: power only grows with seeds."""
    if not enough(MOST_SEEDS):
        return None
    return bisect.bisect_left(range(MOST_SEEDS), True, lo=2, key=enough)
