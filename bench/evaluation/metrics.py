"""Scores of one split from its stored predictions: agreement, accuracy, calibration, AUROC.

What is undefined is nan and stays visible: a class without an image or a label without a positive
has a nan of its own, and a macro mean says over how many classes it was taken.

Names of the scores: `metric`, `metric:class` for one class, `metric_stratum` for one stratum.
Answers about findings are given at probability 0.5; a score named `metric_tuned` is of answers at
thresholds that were tuned on the validation split, one per finding.
Letters: N images, C classes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.evaluation.measures import (
    accuracy,
    auroc,
    balanced_accuracy,
    checked_classes,
    confusion,
    expected_calibration_error,
    majority_accuracy,
    mean,
    mean_defined,
    quadratic_weighted_kappa,
    recalls,
    tuned_threshold,
)

__all__ = [
    "SPLITS",
    "TUNED",
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
FIXED_THRESHOLD = 0.5
TUNED = "_tuned"
"""Ending of the names of scores at tuned thresholds."""

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
    if kind == "grading":
        scores |= _grading_scores(predictions, probabilities, classes)
    else:
        scores |= _finding_scores(predictions, probabilities, classes)
        if thresholds is not None:
            scores |= _tuned_scores(predictions, probabilities, classes, thresholds)
    return {name: float(value) for name, value in scores.items()}


def score_all(predictions: pd.DataFrame, *, kind: str, classes: Sequence[str]) -> dict[str, Scores]:
    """The scores of the validation and the test split, findings also at tuned thresholds.

    Raises:
        ValueError: if one of the two has no rows; see also `score`.
    """
    rows = {split: predictions.loc[predictions["split"] == split] for split in SPLITS}
    for split, part in rows.items():
        if part.empty:
            raise ValueError(f"no predictions of the {split} split; every run predicts both")
    tuned = None if kind == "grading" else tuned_thresholds(rows["validation"], len(classes))
    return {
        split: score(part, kind=kind, classes=classes, thresholds=tuned)
        for split, part in rows.items()
    }


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


def answered(probabilities: np.ndarray, thresholds: np.ndarray | None = None) -> np.ndarray:
    """Findings as 0/1 answers (N, C): at (C,) thresholds, and at 0.5 without any or where nan."""
    fixed = np.full(probabilities.shape[1], FIXED_THRESHOLD)
    at = fixed if thresholds is None else np.where(np.isnan(thresholds), fixed, thresholds)
    return (probabilities >= at).astype(int)


def strata(predictions: pd.DataFrame) -> dict[str, np.ndarray]:
    """Which rows belong to each stratum of quality; (N,) bool each.

    `good` and `low` together are all images; `native_low` came low, `degraded` was made so by us.
    """
    native = predictions["quality"].to_numpy() > 0
    degraded = predictions["degraded"].to_numpy(dtype=bool)
    low = native | degraded
    return {"good": ~low, "low": low, "native_low": native, "degraded": degraded}


def _grading_scores(
    predictions: pd.DataFrame, probabilities: np.ndarray, classes: Sequence[str]
) -> Scores:
    labels, count = predictions["label"].to_numpy(), len(classes)
    grades = probabilities.argmax(axis=1)
    areas = [auroc(labels == c, probabilities[:, c]) for c in range(count)]
    scores = _agreement(labels, grades, count) | {
        "kappa_linear": quadratic_weighted_kappa(labels, grades, count, "linear"),
        "kappa_none": quadratic_weighted_kappa(labels, grades, count, "none"),
        "majority": majority_accuracy(labels, count),
        "ece": expected_calibration_error(labels, probabilities),
    }
    scores |= _named("recall", recalls(labels, grades, count), classes)
    scores |= _named("auroc", areas, classes) | _macro("auroc", areas)
    for name, rows in strata(predictions).items():
        part = _agreement(labels[rows], grades[rows], count) | {"n": int(rows.sum())}
        scores |= {f"{metric}_{name}": value for metric, value in part.items()}
    return scores


def _agreement(labels: np.ndarray, grades: np.ndarray, num_classes: int) -> Scores:
    return {
        "kappa": quadratic_weighted_kappa(labels, grades, num_classes),
        "accuracy": accuracy(labels, grades),
        "balanced_accuracy": balanced_accuracy(labels, grades, num_classes),
    }


def _finding_scores(
    predictions: pd.DataFrame, probabilities: np.ndarray, classes: Sequence[str]
) -> Scores:
    columns = [f"label_{c}" for c in range(len(classes))]
    labels = checked_classes(predictions[columns].to_numpy(), 2)
    answers = answered(probabilities)
    scores = _finding_summary(labels, answers, probabilities)
    areas = [auroc(*pair) for pair in zip(labels.T, probabilities.T, strict=True)]
    kappas = [finding_kappa(*pair) for pair in zip(labels.T, answers.T, strict=True)]
    scores |= _macro("auroc", areas) | _macro("kappa", kappas)
    scores |= _named("auroc", areas, classes) | _named("kappa", kappas, classes)
    scores |= _named("acc", [mean(right) for right in (labels == answers).T], classes)
    for name, rows in strata(predictions).items():
        part = _finding_summary(labels[rows], answers[rows], probabilities[rows])
        scores |= {f"{metric}_{name}": part[metric] for metric in ("acc_label", "acc_subset")}
        scores |= {f"n_{name}": int(rows.sum())}
        within = [auroc(y, p) for y, p in zip(labels[rows].T, probabilities[rows].T, strict=True)]
        scores |= {f"auroc_macro_{name}": mean_defined(within)}
    return scores


def _tuned_scores(
    predictions: pd.DataFrame,
    probabilities: np.ndarray,
    classes: Sequence[str],
    thresholds: np.ndarray,
) -> Scores:
    """Scores of answers at each finding's own threshold, 0.5 for those that have none."""
    columns = [f"label_{c}" for c in range(len(classes))]
    labels = checked_classes(predictions[columns].to_numpy(), 2)
    answers = answered(probabilities, thresholds)
    kappas = [finding_kappa(*pair) for pair in zip(labels.T, answers.T, strict=True)]
    summary = _finding_summary(labels, answers, probabilities)
    return {
        "kappa_macro_tuned": mean_defined(kappas),
        **{f"{name}_tuned": summary[name] for name in ("kappa_micro", "acc_label", "acc_subset")},
        "labels_untuned": float(np.isnan(thresholds).sum()),
        **_named("kappa_tuned", kappas, classes),
        **_named("threshold", thresholds, classes),
    }


def _finding_summary(labels: np.ndarray, answers: np.ndarray, probabilities: np.ndarray) -> Scores:
    """Accuracies of 0/1 answers (N, C), and kappa over all N times C answers at once."""
    rows = labels.any(axis=1)
    top = probabilities.argmax(axis=1)
    frequent = np.maximum(labels.mean(axis=0), 1 - labels.mean(axis=0)) if len(labels) else labels
    return {
        "acc_label": mean(labels == answers),
        "acc_subset": mean((labels == answers).all(axis=1)),
        # Images without any finding have no right top answer and are left out.
        "acc_top1": mean(labels[np.arange(len(labels)), top][rows]),
        "kappa_micro": quadratic_weighted_kappa(labels.ravel(), answers.ravel(), 2),
        "majority": mean(frequent),
        "labels_without_positive": float((~labels.any(axis=0)).sum()),
    }


def finding_kappa(labels: np.ndarray, answers: np.ndarray) -> float:
    """Cohen's kappa of (N,) truth and answers of 0 and 1; nan if the truth is all 0 or all 1.

    The formula would give 0 there, which drags a mean down for a label that tests nothing.
    """
    if len(np.unique(labels)) < 2:
        return float("nan")
    return quadratic_weighted_kappa(labels, answers, 2)


def _named(metric: str, values: Sequence[float] | np.ndarray, classes: Sequence[str]) -> Scores:
    return {f"{metric}:{name}": value for name, value in zip(classes, values, strict=True)}


def _macro(metric: str, values: Sequence[float]) -> Scores:
    defined = int(np.isfinite(values).sum())
    return {f"{metric}_macro": mean_defined(values), f"{metric}_classes": defined}
