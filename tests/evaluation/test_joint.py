import numpy as np
import pandas as pd
import pytest
from graded import certain, graded
from predictions import predictions_of, random_grading

from bench.errors import NotComparable
from bench.evaluation.joint import joint_scores
from bench.evaluation.measures import quadratic_weighted_kappa
from bench.evaluation.metrics import score_all
from bench.evaluation.registry import influence
from bench.store import write_predictions


def saved(tmp_path, name, labels, probabilities, change=lambda frame: frame):
    folder = tmp_path / name
    folder.mkdir()
    test = predictions_of(labels, probabilities)
    other = predictions_of(*random_grading(9, 30), split="validation")
    table = pd.concat([other, test]) if np.ndim(labels) == 1 else test
    write_predictions(folder / "predictions.parquet", change(table))
    return folder


def test_every_run_is_scored_on_its_test_split(tmp_path):
    labels, grades, _ = graded(0, models=3)
    folders = [saved(tmp_path, f"r{n}", labels, certain(g)) for n, g in enumerate(grades)]
    kappas = joint_scores([(f,) for f in folders], ["kappa", "accuracy"])["kappa"]
    expected = [quadratic_weighted_kappa(labels, g, 5) for g in grades]
    assert kappas.values == pytest.approx(expected, abs=1e-12)
    assert kappas.per_patient.shape == (300, 3)  # two images each
    assert len(set(kappas.values)) == 3


def test_the_order_of_the_rows_does_not_matter(tmp_path):
    labels, (grades,), _ = graded(0, models=1)
    straight = saved(tmp_path, "straight", labels, certain(grades))
    mixed = saved(
        tmp_path, "mixed", labels, certain(grades), lambda t: t.sample(frac=1, random_state=0)
    )
    scores = joint_scores([(straight,), (mixed,)], ["kappa"])["kappa"]
    assert scores.values[0] == scores.values[1]
    np.testing.assert_array_equal(scores.per_patient[:, 0], scores.per_patient[:, 1])


def test_findings_are_read_class_by_class(tmp_path):
    rng = np.random.default_rng(0)
    labels, probabilities = rng.integers(0, 2, (80, 12)), rng.random((80, 12))
    folder = saved(tmp_path, "chest", labels, probabilities)
    scores = joint_scores([(folder,)], ["auroc_macro"])["auroc_macro"]
    assert scores.values[0] == pytest.approx(influence("auroc_macro", labels, probabilities).value)


def findings_saved(tmp_path, name, seed, change=lambda table: table):
    """A run with 60 validation and 80 test images; and its own scores of the latter."""
    rng = np.random.default_rng(0)
    frames = []
    for split, size in (("validation", 60), ("test", 80)):
        labels = (rng.random((size, 3)) < 0.3).astype(int)
        noise = np.random.default_rng(seed).random((size, 3))
        frames.append(predictions_of(labels, 0.15 * labels + 0.4 * noise, split=split))
    table = change(pd.concat(frames, ignore_index=True))
    (tmp_path / name).mkdir()
    write_predictions(tmp_path / name / "predictions.parquet", table)
    return tmp_path / name, score_all(table, kind="findings", classes="abc")["test"]


def test_each_run_is_answered_at_thresholds_of_its_own_validation_rows(tmp_path):
    runs = [findings_saved(tmp_path, f"r{seed}", seed) for seed in range(3)]
    mixed = findings_saved(tmp_path, "mixed", 0, lambda t: t.sample(frac=1, random_state=0))
    folders = [folder for folder, _ in (*runs, mixed)]
    scores = joint_scores(
        [(f,) for f in folders], ["auroc_macro", "kappa_macro_tuned", "kappa_macro"]
    )
    for name in ("kappa_macro_tuned", "kappa_macro"):
        recorded = [own[name] for _, own in (*runs, mixed)]
        assert scores[name].values == pytest.approx(recorded, abs=1e-12)
    tuned = scores["kappa_macro_tuned"]
    assert len({own["threshold:a"] for _, own in runs}) == len(set(tuned.values[:3])) == 3
    assert not set(tuned.values) & set(scores["kappa_macro"].values)
    np.testing.assert_array_equal(tuned.per_patient[:, 0], tuned.per_patient[:, 3])


def test_a_run_without_validation_rows_has_no_tuned_scores(tmp_path):
    rng = np.random.default_rng(0)
    folder = saved(tmp_path, "chest", rng.integers(0, 2, (80, 3)), rng.random((80, 3)))
    assert np.isfinite(joint_scores([(folder,)], ["kappa_macro"])["kappa_macro"].values).all()
    with pytest.raises(ValueError, match="run chest stored no validation rows"):
        joint_scores([(folder,)], ["kappa_macro", "kappa_macro_tuned"])


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("images", lambda t: t.assign(image_id=t["image_id"] + "x")),
        ("images", lambda t: t.iloc[:-1]),
        ("patients", lambda t: t.assign(patient_id=t["patient_id"] + "x")),
        ("labels", lambda t: t.assign(label=(t["label"] + 1) % 5)),
    ],
)
def test_runs_on_other_images_patients_or_labels_are_never_subtracted(tmp_path, what, change):
    labels, grades, _ = graded(0)
    one = saved(tmp_path, "one", labels, certain(grades[0]))
    two = saved(tmp_path, "two", labels, certain(grades[1]), change)
    with pytest.raises(NotComparable, match=f"runs one and two differ in the {what}"):
        joint_scores([(one,), (two,)], ["kappa"])


def test_no_runs_are_refused():
    with pytest.raises(ValueError, match="no runs to score"):
        joint_scores([], ["kappa"])
