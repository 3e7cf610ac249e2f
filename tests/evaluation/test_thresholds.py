"""Findings answered at thresholds of their own, tuned on the validation rows."""

import math

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as oracle
from predictions import predictions_of

from bench.evaluation import measures, metrics


def test_the_tuned_threshold_is_the_best_of_all():
    """Against every threshold that parts the scores otherwise, by scikit-learn's kappa."""
    rng = np.random.default_rng(8)
    for share in (0.5, 0.1):
        truth = rng.random(150) < share
        scores = np.clip(0.2 * truth + rng.normal(0.4, 0.15, 150), 0, 1).round(2)
        kappas = [oracle.cohen_kappa_score(truth, scores >= at) for at in np.unique(scores)]
        result = measures.tuned_threshold(truth, scores)
        assert oracle.cohen_kappa_score(truth, scores >= result) == pytest.approx(max(kappas))


@pytest.mark.parametrize(
    ("truth", "scores", "threshold"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], 0.25),
        ([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.8], 0.5),  # 0.4 parts them as well
        ([0, 1, 0, 1], [0.9, 0.9, 0.9, 0.9], 0.5),  # nothing parts them
    ],
)
def test_the_tuned_threshold_lies_halfway_or_at_a_half(truth, scores, threshold):
    assert measures.tuned_threshold(np.array(truth), np.array(scores)) == pytest.approx(threshold)


@pytest.mark.parametrize("truth", [[0, 0, 0], [1, 1, 1], []])
def test_no_threshold_is_tuned_without_both_answers(truth):
    assert math.isnan(measures.tuned_threshold(np.array(truth), np.linspace(0, 1, len(truth))))


def findings_of_two_splits(seed):
    rng = np.random.default_rng(seed)
    frames = []
    for split in ("validation", "test"):
        labels = (rng.random((120, 3)) < [0.4, 0.2, 0.1]).astype(int)
        labels[:, 2] *= split == "test"  # nobody to tune the last finding on
        probabilities = np.clip(labels * 0.1 + rng.random((120, 3)) * 0.3, 0, 1)
        frames.append(predictions_of(labels, probabilities, split=split))
    return pd.concat(frames, ignore_index=True)


def test_thresholds_are_tuned_on_the_validation_rows_alone():
    """With every probability below a half nobody is found at the fixed one."""
    rows = findings_of_two_splits(1)
    scores = metrics.score_all(rows, kind="findings", classes=["x", "y", "z"])["test"]
    thresholds = metrics.tuned_thresholds(rows.loc[rows["split"] == "validation"], 3)
    test = rows.loc[rows["split"] == "test"]
    assert scores["kappa_macro"] == 0
    assert scores["threshold:x"] == thresholds[0] < 0.5
    expected = oracle.cohen_kappa_score(test["label_0"], test["p_0"] >= thresholds[0])
    assert scores["kappa_tuned:x"] == pytest.approx(expected)
    others = rows.copy()
    others.loc[others["split"] == "test", "p_0"] *= 2
    again = metrics.score_all(others, kind="findings", classes=["x", "y", "z"])["test"]
    assert again["threshold:x"] == scores["threshold:x"]


def test_a_finding_without_a_threshold_is_told_and_answered_at_a_half():
    rows = findings_of_two_splits(2)
    scores = metrics.score_all(rows, kind="findings", classes=["x", "y", "z"])["test"]
    assert scores["labels_untuned"] == 1
    assert math.isnan(scores["threshold:z"])
    assert scores["kappa_tuned:z"] == scores["kappa:z"] == 0


def test_tuned_answers_at_a_half_are_the_fixed_ones():
    rows = findings_of_two_splits(3)
    test = rows.loc[rows["split"] == "test"]
    scores = metrics.score(
        test, kind="findings", classes=["x", "y", "z"], thresholds=np.full(3, 0.5)
    )
    for name in ("kappa_macro", "kappa_micro", "acc_label", "acc_subset"):
        assert scores[f"{name}_tuned"] == scores[name]


def test_accuracy_of_one_finding_is_the_share_of_right_answers():
    labels = np.array([[1, 0], [0, 1], [0, 0], [1, 1]])
    probabilities = np.array([[0.9, 0.6], [0.1, 0.3], [0.7, 0.1], [0.8, 0.9]])
    scores = metrics.score(
        predictions_of(labels, probabilities), kind="findings", classes=["x", "y"]
    )
    assert (scores["acc:x"], scores["acc:y"]) == (0.75, 0.5)
    assert scores["acc_label"] == pytest.approx((scores["acc:x"] + scores["acc:y"]) / 2)
