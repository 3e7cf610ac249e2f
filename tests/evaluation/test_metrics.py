import math
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st
from predictions import predictions_of, random_grading

from bench.evaluation import metrics

SKLEARN_WEIGHTS = {"quadratic": "quadratic", "linear": "linear", "none": None}


@st.composite
def gradings(draw):
    """Labels, grades and C, where classes may be absent."""
    classes = draw(st.integers(2, 6))
    size = draw(st.integers(1, 40))
    column = st.lists(st.integers(0, classes - 1), min_size=size, max_size=size)
    return np.array(draw(column)), np.array(draw(column)), classes


@given(gradings(), st.sampled_from(list(SKLEARN_WEIGHTS)))
def test_kappa_is_scikit_learns(grading, weights):
    labels, grades, classes = grading
    ours = metrics.quadratic_weighted_kappa(labels, grades, classes, weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where kappa is undefined; ours is nan in silence
        theirs = oracle.cohen_kappa_score(
            labels, grades, labels=range(classes), weights=SKLEARN_WEIGHTS[weights]
        )
    assert ours == pytest.approx(theirs, abs=1e-12, nan_ok=True)


@given(gradings())
def test_confusion_is_scikit_learns(grading):
    labels, grades, classes = grading
    theirs = oracle.confusion_matrix(labels, grades, labels=range(classes))
    assert (metrics.confusion(labels, grades, classes) == theirs).all()


@given(gradings())
def test_kappa_does_not_ask_who_graded(grading):
    labels, grades, classes = grading
    forth = metrics.quadratic_weighted_kappa(labels, grades, classes)
    back = metrics.quadratic_weighted_kappa(grades, labels, classes)
    assert forth == pytest.approx(back, abs=1e-12, nan_ok=True)


@given(gradings())
def test_kappa_is_blind_to_the_direction_of_the_grades(grading):
    labels, grades, classes = grading
    top = classes - 1
    upward = metrics.quadratic_weighted_kappa(labels, grades, classes)
    downward = metrics.quadratic_weighted_kappa(top - labels, top - grades, classes)
    assert upward == pytest.approx(downward, abs=1e-12, nan_ok=True)


def test_kappa_is_not_blind_to_the_direction_of_one_grader():
    labels = np.array([0, 1, 2, 3, 4])
    assert metrics.quadratic_weighted_kappa(labels, 4 - labels, 5) == pytest.approx(-1)


@given(gradings())
def test_equal_gradings_agree_perfectly(grading):
    labels, _, classes = grading
    kappa = metrics.quadratic_weighted_kappa(labels, labels, classes)
    assert math.isnan(kappa) if len(set(labels)) == 1 else kappa == 1


def test_permuted_labels_agree_by_chance():
    rng = np.random.default_rng(0)
    labels = rng.choice(5, 20_000, p=[0.7, 0.1, 0.13, 0.04, 0.03])
    kappa = metrics.quadratic_weighted_kappa(labels, rng.permutation(labels), 5)
    assert abs(kappa) < 4 / math.sqrt(len(labels))  # sd of a permuted correlation is 1/sqrt(N)


def test_a_far_miss_costs_more_than_a_near_one_only_with_weights():
    labels = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    near, far = labels.copy(), labels.copy()
    near[0], far[0] = 1, 3
    near[-1], far[-1] = 2, 0
    kappa = metrics.quadratic_weighted_kappa
    assert kappa(labels, near, 4) > kappa(labels, far, 4)
    assert kappa(labels, near, 4, "none") == pytest.approx(kappa(labels, far, 4, "none"), abs=0.02)


def test_an_absent_class_does_not_renumber_the_others():
    """Without labels= scikit-learn closes the gap and a miss of 2 grades costs as one of 1."""
    labels, grades = np.array([0, 0, 1, 1, 3, 3]), np.array([0, 1, 1, 3, 3, 3])
    closed_up = oracle.cohen_kappa_score(labels, grades, weights="quadratic")
    assert metrics.quadratic_weighted_kappa(labels, grades, 4) != pytest.approx(closed_up)


def test_one_common_class_leaves_kappa_undefined():
    ones = np.ones(9, dtype=int)
    assert math.isnan(metrics.quadratic_weighted_kappa(ones, ones, 5))
    assert metrics.quadratic_weighted_kappa(ones, np.array([1] * 8 + [2]), 5) == 0


def test_a_grade_outside_the_classes_is_refused():
    with pytest.raises(ValueError, match=r"class 7 is outside 0\.\.4"):
        metrics.confusion(np.array([0, 7]), np.array([0, 1]), 5)


def test_arrays_of_two_lengths_are_refused():
    with pytest.raises(ValueError, match="2 labels but 3 grades"):
        metrics.confusion(np.array([0, 1]), np.array([0, 1, 1]), 5)


@given(gradings())
def test_recalls_are_scikit_learns_where_the_class_occurs(grading):
    labels, grades, classes = grading
    options: dict = {"labels": range(classes), "average": None, "zero_division": np.nan}
    theirs = oracle.recall_score(labels, grades, **options)
    np.testing.assert_allclose(metrics.recalls(labels, grades, classes), theirs, atol=1e-12)


@given(gradings())
def test_balanced_accuracy_averages_the_classes_that_occur(grading):
    labels, grades, classes = grading
    by_hand = np.mean([np.mean(grades[labels == c] == c) for c in set(labels)])
    assert metrics.balanced_accuracy(labels, grades, classes) == pytest.approx(by_hand)


def test_the_majority_class_scores_its_share():
    assert metrics.majority_accuracy(np.array([0, 0, 0, 2]), 5) == 0.75


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60))
def test_auroc_is_scikit_learns(pairs):
    positive, scores = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    ours = metrics.auroc(positive, scores)
    if len(set(positive)) == 1:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(oracle.roc_auc_score(positive, scores), abs=1e-12)


def test_calibration_error_by_hand():
    """Two bins: confidence 0.9 right half the time, 0.6 always right."""
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    ours = metrics.expected_calibration_error(np.array([0, 1, 0, 0]), probabilities)
    assert ours == pytest.approx((2 * 0.4 + 2 * 0.4) / 4)


def test_certain_and_right_is_calibrated_and_certain_and_wrong_is_not():
    sure = np.eye(3)
    assert metrics.expected_calibration_error(np.array([0, 1, 2]), sure) == 0
    assert metrics.expected_calibration_error(np.array([1, 2, 0]), sure) == 1


def test_grading_scores_are_scikit_learns():
    labels, probabilities = random_grading(0)
    scores = metrics.score(
        predictions_of(labels, probabilities), kind="grading", classes=list("abcde")
    )
    grades = probabilities.argmax(axis=1)
    assert scores["accuracy"] == pytest.approx(oracle.accuracy_score(labels, grades))
    assert scores["balanced_accuracy"] == pytest.approx(
        oracle.balanced_accuracy_score(labels, grades)
    )
    assert scores["auroc_macro"] == pytest.approx(
        oracle.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    )
    assert scores["n"] == 300
    assert scores["patients"] == 150


def test_a_grade_without_images_is_nan_and_leaves_the_macro_mean():
    labels, probabilities = random_grading(1)
    labels[labels == 3] = 2
    scores = metrics.score(
        predictions_of(labels, probabilities), kind="grading", classes=list("abcde")
    )
    others = [scores[f"auroc:{name}"] for name in "abce"]
    assert math.isnan(scores["auroc:d"])
    assert math.isnan(scores["recall:d"])
    assert scores["auroc_classes"] == 4
    assert scores["auroc_macro"] == pytest.approx(np.mean(others))


def test_strata_share_out_the_images():
    labels, probabilities = random_grading(2, size=8)
    frame = predictions_of(
        labels,
        probabilities,
        quality=[0, 0, 0, 1, 2, 2, 1, 0],
        degraded=[True, False, True, False, False, False, False, False],
    )
    scores = metrics.score(frame, kind="grading", classes=list("abcde"))
    assert scores["n_good"] == 2
    assert scores["n_low"] == 6
    assert scores["n_native_low"] == 4
    assert scores["n_degraded"] == 2
    low = frame.loc[(frame.quality > 0) | frame.degraded]
    alone = metrics.score(low, kind="grading", classes=list("abcde"))
    assert scores["accuracy_low"] == alone["accuracy"]
    assert scores["kappa_low"] == pytest.approx(alone["kappa"], nan_ok=True)


def test_an_empty_stratum_is_nan_not_zero():
    labels, probabilities = random_grading(3)
    scores = metrics.score(
        predictions_of(labels, probabilities), kind="grading", classes=list("abcde")
    )
    assert scores["n_low"] == 0
    assert math.isnan(scores["accuracy_low"])
    assert math.isnan(scores["kappa_low"])


def test_finding_scores_are_scikit_learns():
    rng = np.random.default_rng(4)
    labels = (rng.random((200, 3)) < [0.5, 0.2, 0.1]).astype(int)
    probabilities = np.clip(labels * 0.3 + rng.random((200, 3)) * 0.7, 0, 1)
    scores = metrics.score(
        predictions_of(labels, probabilities), kind="findings", classes=["x", "y", "z"]
    )
    answers = (probabilities >= 0.5).astype(int)
    kappas = [oracle.cohen_kappa_score(labels[:, c], answers[:, c]) for c in range(3)]
    assert scores["auroc_macro"] == pytest.approx(oracle.roc_auc_score(labels, probabilities))
    assert scores["auroc:y"] == pytest.approx(
        oracle.roc_auc_score(labels[:, 1], probabilities[:, 1])
    )
    assert scores["kappa_macro"] == pytest.approx(np.mean(kappas))
    assert scores["kappa_micro"] == pytest.approx(
        oracle.cohen_kappa_score(labels.ravel(), answers.ravel())
    )
    assert scores["acc_subset"] == pytest.approx(oracle.accuracy_score(labels, answers))
    assert scores["acc_label"] == pytest.approx(1 - oracle.hamming_loss(labels, answers))


def test_top_1_asks_only_images_with_a_finding():
    labels = np.array([[1, 0], [0, 1], [0, 0]])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.3], [0.2, 0.1]])
    scores = metrics.score(
        predictions_of(labels, probabilities), kind="findings", classes=["x", "y"]
    )
    assert scores["acc_top1"] == 0.5


def test_a_finding_nobody_has_is_nan_not_zero():
    """Trap 3: torchmetrics calls the AUROC 0, which drags the macro mean down."""
    labels = np.array([[1, 0], [0, 0], [1, 0], [0, 0]])
    probabilities = np.array([[0.9, 0.6], [0.2, 0.1], [0.8, 0.2], [0.1, 0.3]])
    scores = metrics.score(
        predictions_of(labels, probabilities), kind="findings", classes=["x", "y"]
    )
    assert math.isnan(scores["auroc:y"])
    assert math.isnan(scores["kappa:y"])
    assert scores["labels_without_positive"] == 1
    assert scores["auroc_classes"] == 1
    assert scores["auroc_macro"] == 1
    assert scores["kappa_macro"] == 1


@pytest.mark.parametrize("broken", [np.nan, 1.5, -0.1])
def test_a_probability_that_is_none_is_refused(broken):
    labels, probabilities = random_grading(5)
    probabilities[3, 2] = broken
    with pytest.raises(ValueError, match="probability"):
        metrics.score(predictions_of(labels, probabilities), kind="grading", classes=list("abcde"))


def test_both_splits_are_scored_apart():
    labels, probabilities = random_grading(6)
    test = predictions_of(labels, probabilities)
    validation = predictions_of(labels[:50], np.eye(5)[labels[:50]], split="validation")
    scores = metrics.score_all(pd.concat([test, validation]), kind="grading", classes=list("abcde"))
    assert scores["validation"]["kappa"] == 1
    alone = metrics.score(test, kind="grading", classes=list("abcde"))
    assert scores["test"] == pytest.approx(alone, nan_ok=True)
    assert scores["test"]["kappa"] < 0.5


def test_a_missing_split_is_refused():
    labels, probabilities = random_grading(7)
    with pytest.raises(ValueError, match="validation"):
        metrics.score_all(
            predictions_of(labels, probabilities), kind="grading", classes=list("abcde")
        )


def test_mixed_splits_are_refused():
    labels, probabilities = random_grading(8)
    frame = predictions_of(labels, probabilities)
    frame.loc[:5, "split"] = "validation"
    with pytest.raises(ValueError, match="more than one split"):
        metrics.score(frame, kind="grading", classes=list("abcde"))
