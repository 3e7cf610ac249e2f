"""Elementary scores, each a function of NumPy arrays; nan wherever a score is undefined.

Letters: N images, C classes.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata


def confusion(labels: np.ndarray, grades: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts of images by true class (rows) and predicted class (columns).

    Args:
        labels: (N,) true classes in 0..C-1.
        grades: (N,) predicted classes in 0..C-1.
        num_classes: C, also where some class never occurs.

    Returns:
        (C, C) integers.

    Raises:
        ValueError: if a class lies outside 0..C-1 or the lengths differ.
    """
    labels, grades = (checked_classes(values, num_classes) for values in (labels, grades))
    if len(labels) != len(grades):
        raise ValueError(f"{len(labels)} labels but {len(grades)} grades; one of each an image")
    pairs = labels * num_classes + grades
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def quadratic_weighted_kappa(
    labels: np.ndarray, grades: np.ndarray, num_classes: int, weights: str = "quadratic"
) -> float:
    """Agreement beyond chance, a miss by d grades costing d squared (Cohen, 1968).

    Args:
        labels: (N,) true classes.
        grades: (N,) predicted classes.
        num_classes: C.
        weights: "quadratic", "linear" (a miss costs d) or "none" (every miss costs 1).

    Returns:
        1 perfect, 0 chance; nan without images, or if labels and grades are all one class.
    """
    return _kappa(confusion(labels, grades, num_classes), weights)


def accuracy(labels: np.ndarray, grades: np.ndarray) -> float:
    """Proportion of images whose class is right; nan without images."""
    return mean(np.asarray(labels) == np.asarray(grades))


def recalls(labels: np.ndarray, grades: np.ndarray, num_classes: int) -> np.ndarray:
    """Proportion of each class's images that are found: (C,), nan for a class without images."""
    counts = confusion(labels, grades, num_classes)
    return _divide(np.diag(counts), counts.sum(axis=1))


def balanced_accuracy(labels: np.ndarray, grades: np.ndarray, num_classes: int) -> float:
    """Mean recall over the classes that occur; nan without images."""
    return mean_defined(recalls(labels, grades, num_classes))


def majority_accuracy(labels: np.ndarray, num_classes: int) -> float:
    """Accuracy of always answering the most frequent class of these labels."""
    counts = np.bincount(checked_classes(labels, num_classes), minlength=num_classes)
    return float(counts.max() / counts.sum()) if counts.sum() else float("nan")


def expected_calibration_error(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy, over equally wide bins of confidence.

    Args:
        labels: (N,) true classes.
        probabilities: (N, C), rows summing to 1; the confidence is the largest of a row.
        bins: 15 as in Guo et al., ICML 2017.

    Returns:
        In 0..1; nan without images.
    """
    if not len(labels):
        return float("nan")
    confidence = probabilities.max(axis=1)
    surplus = confidence - (probabilities.argmax(axis=1) == labels)
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return float(np.abs(np.bincount(which, weights=surplus, minlength=bins)).sum() / len(labels))


def auroc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Probability that a positive outscores a negative, ties counting half (Mann-Whitney).

    Args:
        positive: (N,) of 0 and 1.
        scores: (N,), larger for more likely.

    Returns:
        In 0..1; nan unless there is a positive and a negative.
    """
    positive = np.asarray(positive, dtype=bool)
    above, below = int(positive.sum()), int((~positive).sum())
    if not above or not below:
        return float("nan")
    ranks = rankdata(scores)[positive].sum()
    return float((ranks - above * (above + 1) / 2) / (above * below))


def tuned_threshold(positive: np.ndarray, scores: np.ndarray) -> float:
    """The threshold at which `scores >= threshold` agrees best with the truth, by Cohen's kappa.

    Args:
        positive: (N,) of 0 and 1.
        scores: (N,) in 0..1.

    Returns:
        Halfway between two neighbouring scores, or 0.5; of equally good ones the nearest to 0.5.
        nan unless there is a positive and a negative.
    """
    positive, scores = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    true = int(positive.sum())
    if not 0 < true < len(positive):
        return float("nan")
    distinct = np.unique(scores)
    halfway = distinct[:-1] + np.diff(distinct) / 2
    candidates = np.append(halfway, 0.5)
    size = len(scores)
    answered = size - np.searchsorted(np.sort(scores), candidates)
    right = true - np.searchsorted(np.sort(scores[positive]), candidates)
    observed = (size - true - answered + 2 * right) / size
    chance = (true * answered + (size - true) * (size - answered)) / size**2
    kappas = (observed - chance) / (1 - chance)
    best = candidates[kappas >= kappas.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])


def mean(values: np.ndarray) -> float:
    """Mean; nan of nothing, without a warning."""
    return float(values.mean()) if values.size else float("nan")


def mean_defined(values: Sequence[float] | np.ndarray) -> float:
    """Mean of what is not nan; nan if nothing is left."""
    values = np.asarray(values, dtype=float)
    return mean(values[np.isfinite(values)])


def checked_classes(values: np.ndarray, num_classes: int) -> np.ndarray:
    """The values as integers.

    Raises:
        ValueError: if one lies outside 0..C-1.
    """
    values = np.asarray(values)
    if values.size and not np.isin(values, np.arange(num_classes)).all():
        wrong = values[~np.isin(values, np.arange(num_classes))].flat[0]
        raise ValueError(f"class {wrong} is outside 0..{num_classes - 1}")
    return values.astype(np.int64)


def _kappa(counts: np.ndarray, weights: str) -> float:
    index = np.arange(len(counts))
    distance = np.abs(index[:, None] - index[None, :])
    powers = {"quadratic": distance**2, "linear": distance, "none": distance > 0}
    cost = powers[weights].astype(float)
    if not counts.sum():
        return float("nan")
    chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    expected = (cost * chance).sum()
    return float(1 - (cost * counts).sum() / expected) if expected else float("nan")


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
