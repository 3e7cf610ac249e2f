"""Scores of one split from its stored predictions: agreement, accuracy, calibration, AUROC.

What is undefined is nan and stays visible: a class without an image or a label without a positive
has a nan of its own, and a macro mean says over how many classes it was taken.

Scores of a whole split are the metrics of `bench.evaluation.registry`; here is what is stored of
each class besides, and the counts. Names of the scores: `metric`, `metric:class` for one class,
`metric_stratum` for one stratum.
Answers about findings are given at probability 0.5; a score named `metric_tuned` is of answers at
thresholds that were tuned on the validation split, one per finding.
Letters: N images, C classes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.evaluation import registry
from bench.evaluation.gates import LOWER_BOUND, gate
from bench.evaluation.measures import (
    accuracy,
    answered,
    auroc,
    balanced_accuracy,
    checked_classes,
    confusion,
    expected_calibration_error,
    finding_kappa,
    majority_accuracy,
    mean,
    quadratic_weighted_kappa,
    recalls,
    tuned_threshold,
)

__all__ = [
    "SPLITS",
    "Scores",
    "accuracy",
    "answered",
    "auroc",
    "balanced_accuracy",
    "confusion",
    "expected_calibration_error",
    "finding_kappa",
    "majority_accuracy",
    "quadratic_weighted_kappa",
    "recalls",
    "score",
    "score_all",
    "strata",
    "tuned_thresholds",
]

SPLITS = ("validation", "test")

Scores = dict[str, float]


def score(
    predictions: pd.DataFrame,
    *,
    kind: str,
    classes: Sequence[str],
    thresholds: np.ndarray | None = None,
) -> Scores:
    """All scores of one split.

    Args:
        predictions: One row per image: `image_id`, `patient_id`, `quality` (0 good, 1 usable,
            2 reject), `degraded`, `p_0`...; `label` for grading, `label_0`... for findings.
        kind: "grading" or "findings".
        classes: Names in the order of the columns.
        thresholds: (C,) of findings, from `tuned_thresholds`; None leaves tuned scores out.

    Returns:
        Flat, floats only, undefined ones nan. Always `n`, `patients`, `majority`, `auroc_macro`,
        `auroc_classes` (how many classes entered the macro mean).

    Raises:
        ValueError: on rows of two splits, labels outside the classes, or a probability that is
            not in 0..1.
    """
    if len(set(predictions["split"])) > 1:
        raise ValueError("rows of more than one split; score one at a time")
    columns = [f"p_{c}" for c in range(len(classes))]
    probabilities = predictions[columns].to_numpy(dtype=np.float64)
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a probability is nan or outside 0..1; the run did not end sanely")
    scores: Scores = {"n": len(predictions), "patients": len(set(predictions["patient_id"]))}
    labels, parts = _labels(predictions, kind, len(classes)), strata(predictions)
    if kind == "grading":
        thresholds = None
        scores |= _of_grades(labels, probabilities, classes)
    else:
        scores |= _of_findings(labels, probabilities, classes)
    if thresholds is not None:
        scores |= _of_thresholds(labels, probabilities, classes, thresholds)
    scores |= _registered(kind, labels, probabilities, thresholds, parts)
    return {name: float(value) for name, value in scores.items()}


def score_all(predictions: pd.DataFrame, *, kind: str, classes: Sequence[str]) -> dict[str, Scores]:
    """The scores of the validation and the test split, findings also at tuned thresholds.

    The validation split also has LOWER_BOUND, of its primary metric.

    Raises:
        ValueError: if one of the two has no rows; see also `score`.
    """
    rows = {split: predictions.loc[predictions["split"] == split] for split in SPLITS}
    for split, part in rows.items():
        if part.empty:
            raise ValueError(f"no predictions of the {split} split; every run predicts both")
    tuned = None if kind == "grading" else tuned_thresholds(rows["validation"], len(classes))
    scores = {
        split: score(part, kind=kind, classes=classes, thresholds=tuned)
        for split, part in rows.items()
    }
    scores["validation"][LOWER_BOUND] = gate(rows["validation"]).low
    return scores


def tuned_thresholds(validation: pd.DataFrame, count: int) -> np.ndarray:
    """The probability from which each finding is answered with yes: (C,), nan where untunable.

    Args:
        validation: Stored rows of the validation split.
        count: C.
    """
    columns = [(f"label_{c}", f"p_{c}") for c in range(count)]
    return np.array(
        [tuned_threshold(*(validation[name].to_numpy() for name in pair)) for pair in columns]
    )


def strata(predictions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Which rows belong to each stratum of quality; (N,) bool each.

    `good` and `low` together are all images; `native_low` came low, `degraded` was made so by us.
    """
    native = predictions["quality"].to_numpy() > 0
    degraded = predictions["degraded"].to_numpy(dtype=bool)
    low = native | degraded
    return {"good": ~low, "low": low, "native_low": native, "degraded": degraded}


def _labels(predictions: pd.DataFrame, kind: str, count: int) -> np.ndarray:
    """(N,) grades, or (N, C) findings of 0 and 1."""
    if kind == "grading":
        return predictions["label"].to_numpy()
    return checked_classes(predictions[[f"label_{c}" for c in range(count)]].to_numpy(), 2)


def _registered(
    kind: str,
    labels: np.ndarray,
    probabilities: np.ndarray,
    thresholds: np.ndarray | None,
    strata: dict[str, np.ndarray],
) -> Scores:
    """The metrics of a kind of task, those at tuned thresholds if there are any."""
    known = [metric for metric in registry.of(kind) if thresholds is not None or not metric.tuned]
    scores = {metric.name: metric.value(labels, probabilities, thresholds) for metric in known}
    for name, rows in strata.items():
        scores[f"n_{name}"] = int(rows.sum())
        part = labels[rows], probabilities[rows], thresholds
        scores |= {f"{m.name}_{name}": m.value(*part) for m in known if m.by_stratum}
    return scores


def _of_grades(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> Scores:
    """What is stored of each grade, and of the grades alone."""
    count, grades = len(classes), probabilities.argmax(axis=1)
    areas = [auroc(labels == c, probabilities[:, c]) for c in range(count)]
    return {
        "majority": majority_accuracy(labels, count),
        "auroc_classes": _defined(areas),
        **_named("recall", recalls(labels, grades, count), classes),
        **_named("auroc", areas, classes),
    }


def _of_findings(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> Scores:
    """What is stored of each finding at 0.5, and of the findings alone."""
    answers = answered(probabilities)
    areas = [auroc(*pair) for pair in zip(labels.T, probabilities.T, strict=True)]
    kappas = [finding_kappa(*pair) for pair in zip(labels.T, answers.T, strict=True)]
    frequent = np.maximum(labels.mean(axis=0), 1 - labels.mean(axis=0)) if len(labels) else labels
    return {
        "majority": mean(frequent),
        "labels_without_positive": float((~labels.any(axis=0)).sum()),
        "auroc_classes": _defined(areas),
        "kappa_classes": _defined(kappas),
        **_named("auroc", areas, classes),
        **_named("kappa", kappas, classes),
        **_named("acc", [mean(right) for right in (labels == answers).T], classes),
    }


def _of_thresholds(
    labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], thresholds: np.ndarray
) -> Scores:
    """What is stored of each finding at its own threshold, 0.5 for those that have none."""
    answers = answered(probabilities, thresholds)
    kappas = [finding_kappa(*pair) for pair in zip(labels.T, answers.T, strict=True)]
    return {
        "labels_untuned": float(np.isnan(thresholds).sum()),
        **_named("kappa_tuned", kappas, classes),
        **_named("threshold", thresholds, classes),
    }


def _named(metric: str, values: Sequence[float] | np.ndarray, classes: Sequence[str]) -> Scores:
    return {f"{metric}:{name}": value for name, value in zip(classes, values, strict=True)}


def _defined(values: Sequence[float]) -> int:
    """Over how many classes a mean is taken."""
    return int(np.isfinite(values).sum())
