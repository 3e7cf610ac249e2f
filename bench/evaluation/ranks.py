"""Which method is best, and how sure its rank is: draws from the joint law of the mean scores.

Letters: K methods, D draws, M runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.evaluation.influence import JointScores

DRAWS = 20_000


@dataclass(frozen=True)
class Ranking:
    """How K methods stand, in the order they were given.

    Attributes:
        means: (K,) mean scores over seeds.
        best: (K,) probability of the highest mean, a tie shared equally; sums to 1.
        low: (K,) best rank of the interval, 1 the highest score.
        high: (K,) worst rank of the interval.
    """

    means: np.ndarray
    best: np.ndarray
    low: np.ndarray
    high: np.ndarray


def ranking(
    scores: JointScores,
    cells: Sequence[Sequence[int]],
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Ranking:
    """P(best) and rank intervals of K methods over patients and seeds like these.

    Patients move all methods together, by the joint normal law of their influences. Seeds move each
    method by itself: its mean by a t with S - 1 degrees of freedom, since its spread is estimated
    from S runs only.

    Args:
        scores: Of all runs, undefined ones left out.
        cells: K lists of indices into the M runs, one run per seed.
        level: Of the rank intervals.
        draws: D.
        seed: Of the draws; the same gives the same answer.

    Raises:
        ValueError: if a method has fewer than two runs, or an undefined score.
    """
    if min(len(cell) for cell in cells) < 2:
        raise ValueError("a method with one seed has no rank interval; run another seed")
    by_cell = [scores.values[list(cell)] for cell in cells]
    means = np.array([values.mean() for values in by_cell])
    if not np.isfinite(means).all():
        raise ValueError("a score is undefined; leave its method out of the ranking")
    moved = _moved(scores, cells, by_cell, draws, np.random.default_rng(seed))
    return _summary(means, means + moved, level)


def _moved(
    scores: JointScores,
    cells: Sequence[Sequence[int]],
    by_cell: Sequence[np.ndarray],
    draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(D, K) errors of the mean scores."""
    weights = np.zeros((len(cells), len(scores.values)))
    for row, cell in zip(weights, cells, strict=True):
        row[list(cell)] = 1 / len(cell)
    used = weights.any(axis=0)
    covariance = weights[:, used] @ scores.covariance[np.ix_(used, used)] @ weights[:, used].T
    # By eigenvectors, since equal methods make the covariance singular; symmetric, since the signs
    # of eigenvectors are the library's choice and the draws must not be.
    sizes, directions = np.linalg.eigh(covariance)
    root = directions * np.sqrt(np.clip(sizes, 0, None)) @ directions.T
    of_patients = rng.standard_normal((draws, len(cells))) @ root
    errors = [values.std(ddof=1) / np.sqrt(len(values)) for values in by_cell]
    of_seeds = [
        error * rng.standard_t(len(values) - 1, draws)
        for error, values in zip(errors, by_cell, strict=True)
    ]
    return of_patients + np.stack(of_seeds, axis=1)


def _summary(means: np.ndarray, drawn: np.ndarray, level: float) -> Ranking:
    top = drawn == drawn.max(axis=1, keepdims=True)
    best = (top / top.sum(axis=1, keepdims=True)).mean(axis=0)
    ranks = 1 + (drawn[:, None, :] > drawn[:, :, None]).sum(axis=2)  # (D, K): how many are above
    tails = ((1 - level) / 2, (1 + level) / 2)
    low, high = np.quantile(ranks, tails, axis=0, method="inverted_cdf").astype(int)
    return Ranking(means, best, low, high)
