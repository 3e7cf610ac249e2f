import numpy as np
import pandas as pd
import pytest
from graded import certain, graded, patients_of
from hypothesis import given, settings
from hypothesis import strategies as st
from predictions import predictions_of
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from bench.evaluation.influence import (
    METRICS,
    JointScores,
    auroc_influence,
    influence,
    kappa_influence,
    mean_influence,
    patient_covariance,
    sum_by_patient,
)
from bench.evaluation.measures import auroc, confusion, quadratic_weighted_kappa
from bench.evaluation.metrics import answered, finding_kappa, score, tuned_thresholds

seeds = st.integers(0, 10_000)
THRESHOLDS = np.array([0.2, 0.4, np.nan])
EVERY = [(kind, metric) for kind, metrics in METRICS.items() for metric in metrics]


def answers(seed, kind, images=60, classes=3):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), images).round(2)  # rounded: with ties
    if kind == "grading":
        return rng.integers(0, classes, images), probabilities
    return rng.integers(0, 2, (images, classes)), probabilities


def standard_error(per_image, patient):
    sums = sum_by_patient(per_image, patient, patient.max() + 1)
    return float(np.sqrt(patient_covariance(sums[:, None])[0, 0]))


def resampled(rng, patient, draws):
    """Rows of the images of patients drawn with replacement, as often as they were drawn."""
    images = [np.flatnonzero(patient == number) for number in range(patient.max() + 1)]
    for _ in range(draws):
        chosen = rng.integers(0, len(images), len(images))
        yield np.concatenate([images[number] for number in chosen])


@pytest.mark.parametrize(("kind", "metric"), EVERY)
@settings(max_examples=10)
@given(seed=seeds)
def test_a_score_is_the_one_that_the_metrics_give(kind, metric, seed):
    labels, probabilities = answers(seed, kind)
    rows, names = predictions_of(labels, probabilities), ("a", "b", "c")
    scores = score(rows, kind=kind, classes=names, thresholds=THRESHOLDS)
    result = influence(metric, labels, probabilities, THRESHOLDS).value
    assert result == pytest.approx(scores[metric], abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(("kind", "metric"), EVERY)
@settings(max_examples=10)
@given(seed=seeds)
def test_the_influences_cancel(kind, metric, seed):
    result = influence(metric, *answers(seed, kind), THRESHOLDS)
    assert result.per_image.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("kind", "metric"), EVERY)
@pytest.mark.parametrize("image", range(4))
def test_an_influence_is_what_one_more_copy_of_the_image_does(kind, metric, image):
    """The definition: the derivative in the weight of one image, taken with 1,000 copies of all."""
    labels, probabilities = answers(image, kind, images=20)
    times = np.arange(20).repeat(1000)
    more = np.append(times, image)
    before = influence(metric, labels[times], probabilities[times], THRESHOLDS).value
    after = influence(metric, labels[more], probabilities[more], THRESHOLDS).value
    slope = (after - before) * len(more) / 20
    # One copy in 20,000: what is left of second order is of size 1 / 20,000 of the influence.
    expected = influence(metric, labels, probabilities, THRESHOLDS).per_image[image]
    assert slope == pytest.approx(expected, rel=1e-3, abs=1e-6)


@given(seeds)
def test_the_error_of_one_kappa_is_the_published_formula(seed):
    """Fleiss, Cohen and Everitt's large-sample variance, as statsmodels has it."""
    cohens_kappa = pytest.importorskip("statsmodels.stats.inter_rater").cohens_kappa
    labels, (grades,), _ = graded(seed, images=200, models=1)
    counts = confusion(labels, grades, 5)
    used = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    result = kappa_influence(labels, grades, 5)
    if len(used) == 5:
        reference = cohens_kappa(counts, wt="quadratic")
        assert result.value == pytest.approx(reference.kappa, abs=1e-12)
        assert (result.per_image**2).sum() == pytest.approx(reference.var_kappa, rel=1e-9)


def test_kappa_and_auroc_are_those_of_scikit_learn():
    labels, (grades,), _ = graded(0, models=1)
    assert kappa_influence(labels, grades, 5).value == pytest.approx(
        cohen_kappa_score(labels, grades, weights="quadratic"), abs=1e-12
    )
    assert auroc_influence(labels > 1, grades).value == pytest.approx(
        roc_auc_score(labels > 1, grades), abs=1e-12
    )


def test_the_error_of_an_accuracy_is_the_binomial_one():
    right = np.arange(200) < 150
    error = standard_error(mean_influence(right).per_image, np.arange(200))
    assert error == pytest.approx(np.sqrt(0.75 * 0.25 / 199), rel=1e-12)


def test_the_error_of_an_auroc_is_that_of_delong():
    """From all pairs, with the sample variances of DeLong's paper, which divide by one less."""
    rng = np.random.default_rng(0)
    positive = rng.random(300) < 0.4
    scores = (rng.standard_normal(300) + positive).round(1)  # rounded: with ties
    above, below = scores[positive], scores[~positive]
    wins = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    of_positives = wins.mean(axis=1).var(ddof=1) / len(above)
    of_negatives = wins.mean(axis=0).var(ddof=1) / len(below)
    result = auroc_influence(positive, scores)
    assert result.value == pytest.approx(wins.mean(), abs=1e-12)
    error = standard_error(result.per_image, np.arange(300))
    assert error == pytest.approx(np.sqrt(of_positives + of_negatives), rel=1 / len(above))


# A standard deviation from B draws is sure to 1 / sqrt(2 B): 1.6 % for 2,000. Three of those, and
# 3 % for what the first order leaves out with about 360 patients.
def test_the_error_of_a_kappa_difference_is_that_of_a_cluster_bootstrap():
    labels, grades, patient = graded(0)
    draws = []
    for rows in resampled(np.random.default_rng(0), patient, 2000):
        kappas = [quadratic_weighted_kappa(labels[rows], g[rows], 5) for g in grades]
        draws.append(kappas[0] - kappas[1])
    parts = [kappa_influence(labels, g, 5).per_image for g in grades]
    assert standard_error(parts[0] - parts[1], patient) == pytest.approx(np.std(draws), rel=0.08)


def test_the_error_of_an_auroc_is_that_of_a_cluster_bootstrap():
    labels, (grades,), patient = graded(3, models=1)
    rng = np.random.default_rng(3)
    scores = grades + 0.5 * rng.standard_normal(len(grades))
    rows = resampled(rng, patient, 2000)
    draws = [auroc(labels[r] > 1, scores[r]) for r in rows]
    result = standard_error(auroc_influence(labels > 1, scores).per_image, patient)
    assert result == pytest.approx(np.std(draws), rel=0.08)


def test_the_error_of_a_tuned_kappa_is_that_of_a_bootstrap_at_the_same_thresholds():
    """Patients of the test split are drawn anew, thresholds of the validation split are not."""
    rows, patient = rare_findings(0)
    test = rows.loc[rows["split"] == "test"]
    thresholds = tuned_thresholds(rows.loc[rows["split"] == "validation"], 3)
    labels, probabilities = (
        test[[f"{name}_{c}" for c in range(3)]].to_numpy() for name in ("label", "p")
    )
    yes = answered(probabilities, thresholds)
    draws = [
        np.mean([finding_kappa(labels[own, c], yes[own, c]) for c in range(3)])
        for own in resampled(np.random.default_rng(1), patient, 2000)
    ]
    tuned, fixed = (
        influence(name, labels, probabilities, thresholds)
        for name in ("kappa_macro_tuned", "kappa_macro")
    )
    assert standard_error(tuned.per_image, patient) == pytest.approx(np.std(draws), rel=0.08)
    # Hardly one of the rare findings is answered with yes at 0.5: another score, another error.
    assert tuned.value > fixed.value + 0.1
    assert standard_error(fixed.per_image, patient) < 0.85 * np.std(draws)


def rare_findings(seed):
    """Rows of 300 validation and 900 test images, and the (900,) patients of the latter."""
    rng = np.random.default_rng(seed)
    frames, patient = [], patients_of(rng, 900)
    for split, owner in (("validation", np.arange(300)), ("test", patient)):
        severity = rng.standard_normal((owner.max() + 1, 3))[owner]
        noise = rng.standard_normal((2, len(owner), 3))
        truth = severity + 0.5 * noise[0] > 1.2
        logits = 1.2 * severity + 0.8 * noise[1] - 4
        frames.append(predictions_of(truth.astype(int), 1 / (1 + np.exp(-logits)), split=split))
    return pd.concat(frames, ignore_index=True), patient


def test_a_tuned_score_needs_thresholds_and_a_fixed_one_does_not_see_them():
    labels, probabilities = answers(0, "findings")
    with pytest.raises(ValueError, match="'kappa_macro_tuned' needs the thresholds"):
        influence("kappa_macro_tuned", labels, probabilities)
    fixed = influence("kappa_macro", labels, probabilities).value
    assert influence("kappa_macro", labels, probabilities, THRESHOLDS).value == fixed
    assert influence("kappa_macro_tuned", labels, probabilities, THRESHOLDS).value != fixed
    halves = influence("kappa_macro_tuned", labels, probabilities, np.full(3, np.nan)).value
    assert halves == fixed


def test_the_error_of_a_kappa_difference_is_that_of_the_multinomial_law():
    """Each image a patient of its own: resampling images is one draw of the three-way table."""
    labels, grades, _ = graded(5, images=1000)
    cells = (labels * 5 + grades[0]) * 5 + grades[1]
    law = np.bincount(cells, minlength=125) / 1000
    tables = np.random.default_rng(5).multinomial(1000, law, 4000).reshape(-1, 5, 5, 5)
    draws = [kappa_of(t.sum(axis=2)) - kappa_of(t.sum(axis=1)) for t in tables]
    parts = [kappa_influence(labels, g, 5).per_image for g in grades]
    # 4,000 draws: 1.1 %, three times, and 2 % for the first order with 1,000 patients.
    result = standard_error(parts[0] - parts[1], np.arange(1000))
    assert result == pytest.approx(np.std(draws), rel=0.055)


def kappa_of(counts):
    cost = (np.arange(5)[:, None] - np.arange(5)) ** 2
    chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    return 1 - (cost * counts).sum() / (cost * chance).sum()


def test_a_second_photograph_of_every_patient_makes_nothing_surer():
    labels, (grades,), _ = graded(1, models=1, patients=np.arange(300), images=300)
    twice, patient = np.arange(300).repeat(2), np.arange(300).repeat(2)
    once = standard_error(kappa_influence(labels, grades, 5).per_image, np.arange(300))
    doubled = kappa_influence(labels[twice], grades[twice], 5).per_image
    assert standard_error(doubled, patient) == pytest.approx(once, rel=1e-10)
    # Taken for different patients they would, by the square root of two.
    assert standard_error(doubled, np.arange(600)) < once / 1.4


def test_the_covariance_holds_what_each_pair_has_on_its_own():
    labels, grades, patient = graded(2, models=4)
    parts = [kappa_influence(labels, g, 5) for g in grades]
    sums = [sum_by_patient(p.per_image, patient, patient.max() + 1) for p in parts]
    joint = JointScores(np.array([p.value for p in parts]), np.stack(sums, axis=1))
    covariance = joint.covariance
    for one in range(4):
        for two in range(4):
            difference = standard_error(parts[one].per_image - parts[two].per_image, patient) ** 2
            pair = covariance[one, one] + covariance[two, two] - 2 * covariance[one, two]
            assert pair == pytest.approx(difference, abs=1e-12)
    # The same patients: models err together, so a difference is surer than independence says.
    assert covariance[0, 1] > 0


def test_models_that_never_vary_have_no_error():
    labels, (grades,), _ = graded(0, models=1)
    result = kappa_influence(labels, np.zeros(len(labels), dtype=int), 5)
    assert result.value == pytest.approx(0, abs=1e-15)
    assert np.abs(result.per_image).max() < 1e-15
    assert np.abs(kappa_influence(labels, grades, 5).per_image).max() > 1e-4


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("kappa", np.zeros(4, dtype=int)),
        ("auroc_macro", np.zeros(4, dtype=int)),
        ("kappa_macro", np.zeros((4, 3), dtype=int)),
        ("kappa_macro_tuned", np.zeros((4, 3), dtype=int)),
        ("acc_top1", np.zeros((4, 3), dtype=int)),
    ],
)
def test_an_undefined_score_stays_undefined(metric, labels):
    result = influence(metric, labels, certain(np.zeros(4, dtype=int), 3), THRESHOLDS)
    assert np.isnan(result.value)
    assert np.isnan(result.per_image).all()


def test_a_class_without_images_does_not_undo_the_macro_mean():
    labels, probabilities = answers(0, "grading")
    labels = np.minimum(labels, 1)
    parts = [auroc_influence(labels == c, probabilities[:, c]) for c in range(2)]
    result = influence("auroc_macro", labels, probabilities)
    assert result.value == pytest.approx((parts[0].value + parts[1].value) / 2)
    assert np.isfinite(result.per_image).all()


def test_a_score_without_influences_is_refused_by_name():
    labels, probabilities = answers(0, "grading")
    with pytest.raises(ValueError, match="no interval for 'ece' of grading; there is kappa"):
        influence("ece", labels, probabilities)


def test_one_patient_has_no_covariance():
    assert np.isnan(patient_covariance(np.zeros((1, 2)))).all()


def test_made_up_patients_come_alone_and_in_pairs():
    sizes = np.bincount(patients_of(np.random.default_rng(0), 600))
    assert {1, 2} <= set(sizes)
    assert sizes.min() == 1
