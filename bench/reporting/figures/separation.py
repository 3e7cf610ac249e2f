"""How well the four levels stand apart in a space of features: silhouette and purity, no picture.

Letters: N patches, D dimensions, C classes.
"""

import numpy as np

from bench.evaluation.measures import mean_defined

NEIGHBOURS = 10
QUESTIONS = {"lesion": "lesion or healthy", "quality": "high or low quality"}
"""What the levels L, L~, H, H~ (codes 0 to 3) can be told apart by."""


def classes_of(level: np.ndarray, question: str) -> np.ndarray:
    """(N,) level codes as (N,) 0 and 1: healthy for "lesion", low quality for "quality"."""
    return level // 2 if question == "lesion" else level % 2


def measures(feature: np.ndarray, level: np.ndarray) -> dict[str, float]:
    """`silhouette_lesion`, `purity_lesion` and their chances, and the same of quality.

    Args:
        feature: (N, D).
        level: (N,) codes.
    """
    distance = distances(feature)
    values = {}
    for question in QUESTIONS:
        classes = classes_of(level, question)
        values[f"silhouette_{question}"] = silhouette(distance, classes)
        values[f"purity_{question}"] = purity(distance, classes)
        values[f"chance_{question}"] = purity_by_chance(classes)
    return values


def distances(feature: np.ndarray) -> np.ndarray:
    """(N, N) Euclidean distances of (N, D) features."""
    values = feature.astype(np.float64)
    squares = (values**2).sum(axis=1)
    squared = squares[:, None] + squares[None, :] - 2 * values @ values.T
    np.fill_diagonal(squared, 0.0)
    return np.sqrt(np.maximum(squared, 0.0))


def silhouette(distance: np.ndarray, classes: np.ndarray) -> float:
    """Mean silhouette (Rousseeuw, 1987) of two classes, each counting alike.

    A patch's is (b - a) / max(a, b): a its mean distance to its own class, b to the other.

    Returns:
        In -1..1, 0 for classes that overlap wholly; nan unless both have two members.
    """
    counts = np.bincount(classes, minlength=2)
    if counts.min() < 2:
        return float("nan")
    member = np.eye(2)[classes]  # (N, 2)
    sums, rows = distance @ member, np.arange(len(classes))
    within = sums[rows, classes] / (counts[classes] - 1)
    between = sums[rows, 1 - classes] / counts[1 - classes]
    larger = np.maximum(within, between)
    each = np.divide(between - within, larger, out=np.zeros_like(larger), where=larger > 0)
    return _mean_by_class(each, classes)


def purity(distance: np.ndarray, classes: np.ndarray, neighbours: int = NEIGHBOURS) -> float:
    """Share of a patch's nearest neighbours that are of its class, each class counting alike.

    Returns:
        In 0..1; nan unless both classes have two members.
    """
    if np.bincount(classes, minlength=2).min() < 2:
        return float("nan")
    others = distance + np.diag(np.full(len(classes), np.inf))
    nearest = np.argsort(others, axis=1, kind="stable")[:, : min(neighbours, len(classes) - 1)]
    return _mean_by_class((classes[nearest] == classes[:, None]).mean(axis=1), classes)


def purity_by_chance(classes: np.ndarray) -> float:
    """The purity to expect where features say nothing; nan unless both classes have members."""
    counts = np.bincount(classes, minlength=2)
    if not counts.min():
        return float("nan")
    return float(((counts - 1) / (len(classes) - 1)).mean())


def _mean_by_class(each: np.ndarray, classes: np.ndarray) -> float:
    return mean_defined([float(each[classes == c].mean()) for c in np.unique(classes)])
