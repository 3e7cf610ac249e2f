"""Runs that have learnt and runs that have not, told apart by their validation predictions."""

import numpy as np
import pandas as pd
import pytest
from graded import certain, graded
from predictions import predictions_of

from bench.evaluation.gates import LEAST, faults, gate, pooled, recorded
from bench.evaluation.influence import kappa_influence, patient_covariance, sum_by_patient
from bench.evaluation.metrics import score_all


def grading(seed=0, images=400, constant=False):
    labels, (grades,), _ = graded(seed, images=images, models=1)
    return predictions_of(labels, certain(grades * (not constant)), split="validation")


def findings(signal, size=300):
    rng = np.random.default_rng(0)
    labels = (rng.random((size, 3)) < 0.3).astype(int)
    probabilities = np.clip(signal * labels + (1 - signal) * rng.random((size, 3)), 0, 1)
    return predictions_of(labels, probabilities, split="validation")


def test_a_run_that_grades_has_learnt_and_a_constant_answer_has_not():
    assert gate(grading()).trained
    assert not gate(grading(constant=True)).trained


def test_findings_are_judged_by_their_mean_auroc():
    assert gate(findings(0.5)).trained
    none = gate(findings(0.0))
    assert not none.trained
    assert abs(none.score - 0.5) < 0.08  # chance, with 300 images: 2 standard errors


def test_a_score_above_the_least_is_not_enough_if_few_patients_gave_it():
    """A guess that is right by luck: seed 4 of twelve images has a kappa of 0.47."""
    rng = np.random.default_rng(4)
    labels, grades = rng.integers(0, 5, (2, 12))
    few = gate(predictions_of(labels, certain(grades), split="validation"))
    assert few.score > LEAST["grading"]
    assert not few.trained
    assert "bound" in few.why_not


def test_a_bound_above_chance_is_not_enough_if_the_score_is_small():
    labels = np.random.default_rng(0).integers(0, 5, 10_000)
    grades = np.where(np.arange(len(labels)) % 50 < 1, labels, 2)
    small = gate(predictions_of(labels, certain(grades), split="validation"))
    assert 0 < small.low < small.score < LEAST["grading"]
    assert not small.trained


def test_the_bound_is_that_of_patients_not_of_images():
    rows = grading()
    labels, grades = rows["label"].to_numpy(), rows[[f"p_{c}" for c in range(5)]].to_numpy()
    value, per_image = kappa_influence(labels, grades.argmax(axis=1), 5)
    names, patient = np.unique(rows["patient_id"], return_inverse=True)
    sums = sum_by_patient(per_image, patient, len(names))
    error = float(np.sqrt(patient_covariance(sums[:, None])[0, 0]))
    assert gate(rows).low == pytest.approx(value - 1.972 * error, abs=1e-4)  # t, 199 patients
    alone = rows.assign(patient_id=rows["image_id"])
    assert gate(alone).low != gate(rows).low


def test_folds_pass_together():
    """Two folds of chance and one of skill: judged on all of their rows."""
    parts = [grading(seed) for seed in range(3)]
    together = pooled(parts)
    assert together == gate(pd.concat(parts))
    assert min(gate(part).low for part in parts) < together.low


def test_the_record_holds_the_gate_of_its_predictions():
    validation = grading()
    test = validation.assign(split="test")
    scores = score_all(pd.concat([validation, test]), kind="grading", classes="abcde")
    assert recorded("grading", scores["validation"]) == gate(validation)
    assert "lower_bound" not in scores["test"]
    assert recorded("grading", {"kappa": 0.5}) is None  # an older record


def test_an_undefined_score_is_not_trained():
    rows = grading(constant=True)
    undefined = gate(rows.assign(label=0))
    assert np.isnan(undefined.score)
    assert not undefined.trained


@pytest.mark.parametrize("name", ["kappa", "lower_bound"])
def test_a_recorded_gate_that_the_predictions_do_not_give_is_a_fault(name):
    validation = grading()
    rows = pd.concat([validation, validation.assign(split="test")], ignore_index=True)
    scores = score_all(rows, kind="grading", classes="abcde")["validation"]
    assert not list(faults(rows, "grading", scores))
    (fault,) = faults(rows, "grading", scores | {name: scores[name] + 1e-6})
    assert "the predictions give" in fault
