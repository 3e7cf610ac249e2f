"""How much each image moves a score: the influence functions behind every interval.

To first order a score of a sample is its population value plus the sum of one term an image. Terms
of one patient's images belong together, and the same patients carry the terms of every model, so
that one product of matrices gives the variances of all models and the covariances between them.

Scores named `metric_tuned` are of findings answered at thresholds tuned on the validation split.
Other patients are in that split, so to a sample of test patients the thresholds are given numbers:
the influence is that of the score at fixed thresholds, and what another choice of validation
patients would do to the thresholds is in no variance here.

Sources: Cohen's weighted kappa, its delta-method variance (Fleiss, Cohen & Everitt, 1969); AUROC,
the placement values of DeLong et al. (1988), clustered as by Obuchowski (1997).

Letters: N images, C classes, G patients, M models.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from bench.evaluation.measures import confusion
from bench.evaluation.metrics import TUNED, answered


class Influence(NamedTuple):
    """A score and what each image adds to its error.

    Attributes:
        value: The score; nan where it is undefined.
        per_image: (N,), summing to 0, in units of the score; nan where the score is undefined.
    """

    value: float
    per_image: np.ndarray


@dataclass(frozen=True)
class JointScores:
    """One score of many models on the same patients.

    Attributes:
        values: (M,) scores.
        per_patient: (G, M) sums of the influences of each patient's images.
    """

    values: np.ndarray
    per_patient: np.ndarray

    @property
    def patients(self) -> int:
        """G."""
        return len(self.per_patient)

    @cached_property
    def covariance(self) -> np.ndarray:
        """(M, M) covariance of the scores under sampling of patients."""
        return patient_covariance(self.per_patient)


def patient_covariance(per_patient: np.ndarray) -> np.ndarray:
    """Covariance of sums over patients, from (G, M) terms a patient; (M, M), nan for G = 1."""
    patients = len(per_patient)
    if patients < 2:
        return np.full((per_patient.shape[1],) * 2, np.nan)
    centred = per_patient - per_patient.mean(axis=0)
    return centred.T @ centred * (patients / (patients - 1))


def sum_by_patient(per_image: np.ndarray, patient: np.ndarray, patients: int) -> np.ndarray:
    """(G,) sums of (N,) terms; `patient` is (N,) in 0..G-1."""
    return np.bincount(patient, weights=per_image, minlength=patients)


def influence(
    metric: str,
    labels: np.ndarray,
    probabilities: np.ndarray,
    thresholds: np.ndarray | None = None,
) -> Influence:
    """A score by the name that `bench.evaluation.metrics` gives it, with its influences.

    Args:
        metric: One of METRICS.
        labels: (N,) grades in 0..C-1, or (N, C) findings of 0 and 1.
        probabilities: (N, C) in 0..1.
        thresholds: (C,) of a `metric_tuned`, taken as given, from `metrics.tuned_thresholds` of
            other patients; other scores do not look at them.

    Raises:
        ValueError: for a score that has no influence function here or for these labels, or for a
            tuned score without thresholds.
    """
    kind = "grading" if labels.ndim == 1 else "findings"
    if metric not in METRICS[kind]:
        raise ValueError(
            f"no interval for {metric!r} of {kind}; choose one of: {', '.join(METRICS[kind])}"
        )
    if kind == "findings" and metric in ANSWERED:
        if not metric.endswith(TUNED):
            thresholds = None
        elif thresholds is None:
            raise ValueError(f"{metric!r} needs the thresholds of its answers")
        return ANSWERED[metric](labels, answered(probabilities, thresholds))
    return METRICS[kind][metric](labels, probabilities)


def mean_influence(values: np.ndarray, rows: np.ndarray | None = None) -> Influence:
    """The mean of (N,) values over some (N,) bool rows, or over all; nan of none."""
    values = values.astype(float)
    rows = np.ones(len(values), dtype=bool) if rows is None else rows
    if not rows.any():
        return _undefined(len(values))
    mean = float(values[rows].mean())
    return Influence(mean, np.where(rows, values - mean, 0.0) / rows.sum())


def kappa_influence(labels: np.ndarray, grades: np.ndarray, num_classes: int) -> Influence:
    """Quadratic weighted kappa, 1 - D / E, of (N,) labels and (N,) predicted grades.

    D is the mean cost of an image and E that of a random pair of label and grade. An image moves D
    by its own cost, and E by the mean costs of its label and of its grade against all others.
    """
    counts = confusion(labels, grades, num_classes)
    joint = counts / max(counts.sum(), 1)
    grade_index = np.arange(num_classes)
    cost = (grade_index[:, None] - grade_index[None, :]).astype(float) ** 2
    of_label, of_grade = cost @ joint.sum(axis=0), cost @ joint.sum(axis=1)
    observed, expected = float((cost * joint).sum()), float(joint.sum(axis=1) @ of_label)
    if not expected:
        return _undefined(len(labels))
    moved = of_label[:, None] + of_grade[None, :] - 2 * expected
    effect = (observed * moved / expected - (cost - observed)) / expected
    return Influence(1 - observed / expected, effect[labels, grades] / len(labels))


def auroc_influence(positive: np.ndarray, scores: np.ndarray) -> Influence:
    """AUROC of (N,) bool `positive` by (N,) scores, ties counting half.

    A positive's placement is the proportion of negatives below it, a negative's the proportion of
    positives above it; the mean of either is the AUROC.
    """
    positive = np.asarray(positive, dtype=bool)
    above, below = int(positive.sum()), int((~positive).sum())
    if not above or not below:
        return _undefined(len(positive))
    ranks, placement = rankdata(scores), np.empty(len(positive))
    placement[positive] = (ranks[positive] - rankdata(scores[positive])) / below
    placement[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / above
    area = float(placement[positive].mean())
    return Influence(area, (placement - area) / np.where(positive, above, below))


def macro_influence(parts: list[Influence]) -> Influence:
    """The mean over the classes whose score is defined."""
    defined = [part for part in parts if np.isfinite(part.value)]
    if not defined:
        return _undefined(len(parts[0].per_image))
    mean = float(np.mean([part.value for part in defined]))
    return Influence(mean, np.mean([part.per_image for part in defined], axis=0))


def _undefined(size: int) -> Influence:
    return Influence(float("nan"), np.full(size, np.nan))


def _graded_kappa(labels: np.ndarray, probabilities: np.ndarray) -> Influence:
    return kappa_influence(labels, probabilities.argmax(axis=1), probabilities.shape[1])


def _graded_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> Influence:
    return mean_influence(labels == probabilities.argmax(axis=1))


def _graded_auroc(labels: np.ndarray, probabilities: np.ndarray) -> Influence:
    return macro_influence([auroc_influence(labels == c, p) for c, p in enumerate(probabilities.T)])


def _finding_auroc(labels: np.ndarray, probabilities: np.ndarray) -> Influence:
    pairs = zip(labels.T, probabilities.T, strict=True)
    return macro_influence([auroc_influence(truth, scores) for truth, scores in pairs])


def _finding_kappa(labels: np.ndarray, answers: np.ndarray) -> Influence:
    """A finding whose truth is all 0 or all 1 tests nothing and is left out, as in `metrics`."""
    pairs = list(zip(labels.T, answers.T, strict=True))
    varied = [len(np.unique(truth)) == 2 for truth, _ in pairs]
    parts = [
        kappa_influence(*pair, 2) if tests else _undefined(len(labels))
        for pair, tests in zip(pairs, varied, strict=True)
    ]
    return macro_influence(parts)


def _label_accuracy(labels: np.ndarray, answers: np.ndarray) -> Influence:
    return mean_influence((labels == answers).mean(axis=1))


def _subset_accuracy(labels: np.ndarray, answers: np.ndarray) -> Influence:
    return mean_influence((labels == answers).all(axis=1))


def _top_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> Influence:
    hit = labels[np.arange(len(labels)), probabilities.argmax(axis=1)]
    return mean_influence(hit, labels.sum(axis=1) > 0)


Scorer = Callable[[np.ndarray, np.ndarray], Influence]
ANSWERED: dict[str, Scorer] = {
    "kappa_macro": _finding_kappa,
    f"kappa_macro{TUNED}": _finding_kappa,
    "acc_label": _label_accuracy,
    "acc_subset": _subset_accuracy,
}
"""Scores of findings by (N, C) labels and answers of 0 and 1; the others take probabilities."""

METRICS: dict[str, dict[str, Scorer]] = {
    "grading": {
        "kappa": _graded_kappa,
        "accuracy": _graded_accuracy,
        "auroc_macro": _graded_auroc,
    },
    "findings": {"auroc_macro": _finding_auroc, **ANSWERED, "acc_top1": _top_accuracy},
}
