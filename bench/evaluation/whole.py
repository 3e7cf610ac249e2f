"""Metrics of whole splits: of (N,) grades and (N, C) probabilities, or of (N, C) findings.

Each takes labels, and probabilities or answers of 0 and 1, and gives nan where it is undefined.
Letters: N images, C classes.
"""

import numpy as np

from bench.evaluation.measures import (
    accuracy,
    auroc,
    balanced_accuracy,
    finding_kappa,
    mean,
    mean_defined,
    quadratic_weighted_kappa,
)


def graded_kappa(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Quadratic weighted kappa of the most probable grade."""
    return quadratic_weighted_kappa(labels, probabilities.argmax(axis=1), probabilities.shape[1])


def linear_kappa(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The same, a miss by d grades costing d."""
    grades, count = probabilities.argmax(axis=1), probabilities.shape[1]
    return quadratic_weighted_kappa(labels, grades, count, "linear")


def unweighted_kappa(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The same, every miss costing 1."""
    grades, count = probabilities.argmax(axis=1), probabilities.shape[1]
    return quadratic_weighted_kappa(labels, grades, count, "none")


def graded_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of images whose most probable grade is right."""
    return accuracy(labels, probabilities.argmax(axis=1))


def graded_balanced_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean recall over the grades that occur."""
    return balanced_accuracy(labels, probabilities.argmax(axis=1), probabilities.shape[1])


def graded_auroc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """AUROC of each grade against all others, the mean over those that have both."""
    return mean_defined([auroc(labels == c, own) for c, own in enumerate(probabilities.T)])


def finding_auroc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """AUROC of each finding, the mean over those with a positive and a negative."""
    return mean_defined([auroc(*pair) for pair in zip(labels.T, probabilities.T, strict=True)])


def macro_kappa(labels: np.ndarray, answers: np.ndarray) -> float:
    """Cohen's kappa of each finding, the mean over those whose truth varies."""
    return mean_defined([finding_kappa(*pair) for pair in zip(labels.T, answers.T, strict=True)])


def micro_kappa(labels: np.ndarray, answers: np.ndarray) -> float:
    """Cohen's kappa over all N times C answers at once."""
    return quadratic_weighted_kappa(labels.ravel(), answers.ravel(), 2)


def label_accuracy(labels: np.ndarray, answers: np.ndarray) -> float:
    """Share of all N times C answers that are right."""
    return mean(labels == answers)


def subset_accuracy(labels: np.ndarray, answers: np.ndarray) -> float:
    """Share of images all of whose answers are right."""
    return mean((labels == answers).all(axis=1))


def top_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of images with a finding whose most probable finding is one of theirs."""
    top, rows = probabilities.argmax(axis=1), labels.any(axis=1)
    return mean(labels[np.arange(len(labels)), top][rows])
