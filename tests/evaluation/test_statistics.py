from typing import Any

import numpy as np
import pytest
from graded import graded
from hypothesis import given
from hypothesis import strategies as st
from known import known
from scipy import stats

from bench.evaluation.influence import JointScores, kappa_influence, sum_by_patient
from bench.evaluation.measures import quadratic_weighted_kappa
from bench.evaluation.statistics import (
    ESTIMANDS,
    Estimate,
    drop,
    estimate,
    first_minus_second,
    holm,
    prediction_interval,
    relative_drop,
    satterthwaite,
    score,
)

seeds = st.integers(0, 10_000)
DIFFERENCE = first_minus_second(score)
FUNCTIONALS = [*ESTIMANDS.items()] + [
    (f"difference of {name}s", first_minus_second(f)) for name, f in ESTIMANDS.items()
]
CELLS = {"score": 1, "drop": 2, "relative drop": 2}


def cells_of(name):
    known = next(size for key, size in CELLS.items() if key in name.removesuffix("s"))
    known = 2 if "drop" in name else known
    return known * (2 if name.startswith("difference") else 1)


def joint(seed=0, models=6):
    labels, grades, patient = graded(seed, models=models)
    parts = [kappa_influence(labels, g, 5) for g in grades]
    sums = [sum_by_patient(p.per_image, patient, patient.max() + 1) for p in parts]
    return JointScores(np.array([p.value for p in parts]), np.stack(sums, axis=1))


def from_seeds(values, v_img=0.0, patients=1000):
    return Estimate(float(np.mean(values)), tuple(values), v_img, patients)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=8).filter(lambda x: np.std(x) > 1e-6))
def test_without_image_variance_it_is_the_t_test_over_seeds(values):
    result = from_seeds(values)
    reference: Any = stats.ttest_1samp(values, 0.0)
    assert result.p_value() == pytest.approx(reference.pvalue, rel=1e-8, abs=1e-12)
    assert result.interval() == pytest.approx(tuple(reference.confidence_interval()), abs=1e-10)
    assert result.degrees_of_freedom == pytest.approx(len(values) - 1)


def test_without_seed_variance_it_is_the_t_of_the_patients():
    result = from_seeds([0.5, 0.5, 0.5], v_img=0.01, patients=40)
    assert result.degrees_of_freedom == pytest.approx(39)
    assert result.interval() == pytest.approx(result.interval_of_these_runs())


def test_both_variances_add_and_share_the_degrees_of_freedom():
    result = from_seeds([0.1, 0.3, 0.5], v_img=0.02, patients=101)
    v_seed = 0.04 / 3
    assert result.standard_error**2 == pytest.approx(v_seed + 0.02)
    df = (v_seed + 0.02) ** 2 / (v_seed**2 / 2 + 0.02**2 / 100)
    assert result.degrees_of_freedom == pytest.approx(df)
    reach = stats.t.ppf(0.975, df) * np.sqrt(v_seed + 0.02)
    assert result.interval() == pytest.approx((0.3 - reach, 0.3 + reach))


def test_satterthwaite_is_pooled_for_equal_parts_and_undefined_for_none():
    assert satterthwaite((0.1, 4), (0.1, 4)) == pytest.approx(8)
    assert satterthwaite((0.1, 4), (0.0, 4)) == pytest.approx(4)
    assert np.isnan(satterthwaite((0.0, 4), (0.0, 4)))


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (from_seeds([0.5], v_img=0.01), "one seed"),
        (from_seeds([0.5, 0.6, 0.7], v_img=float("nan"), patients=1), "one patient"),
        (from_seeds([float("nan"), 0.6]), "undefined"),
        (from_seeds([0.5, 0.6], v_img=0.01), "two seeds are too few"),
        (from_seeds([0.5] * 3), "neither seeds nor patients vary"),
        (from_seeds([0.5] * 3, v_img=1e-36), "neither seeds nor patients vary"),
    ],
)
def test_what_cannot_be_judged_says_why_and_has_no_numbers(result, why):
    assert why in result.why_not
    assert result.interval() is None
    assert result.p_value() is None
    assert result.equivalence_p(0.02) is None


def test_three_seeds_can_be_judged():
    result = from_seeds([0.5, 0.6, 0.7])
    assert result.why_not == ""
    assert result.interval() is not None


def test_one_seed_speaks_of_its_own_networks_only():
    result = from_seeds([0.5], v_img=0.01, patients=1000)
    low, high = known(result.interval_of_these_runs())
    assert high - low == pytest.approx(2 * stats.t.ppf(0.975, 999) * 0.1)


@pytest.mark.parametrize(("name", "functional"), FUNCTIONALS)
@given(seed=seeds)
def test_a_gradient_is_the_slope(name, functional, seed):
    scores = np.random.default_rng(seed).uniform(0.3, 0.9, cells_of(name))
    gradient, step = functional(scores)[1], 1e-6
    for place, slope in enumerate(gradient):
        moved = np.eye(len(scores))[place] * step
        ends = functional(scores + moved)[0] - functional(scores - moved)[0]
        assert ends / (2 * step) == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_the_estimands_are_what_their_names_say():
    assert score(np.array([0.8]))[0] == 0.8
    assert drop(np.array([0.8, 0.6]))[0] == pytest.approx(0.2)
    assert relative_drop(np.array([0.8, 0.6]))[0] == pytest.approx(0.25)
    assert first_minus_second(drop)(np.array([0.8, 0.6, 0.9, 0.5]))[0] == pytest.approx(-0.2)
    assert np.isnan(relative_drop(np.array([0.0, 0.6]))[0])


def test_an_estimate_takes_seeds_by_row_and_cells_by_column():
    scores = joint()
    result = estimate(scores, np.array([[0, 3], [1, 4], [2, 5]]), DIFFERENCE)
    expected = scores.values[:3] - scores.values[3:]
    assert result.per_seed == pytest.approx(expected)
    assert result.value == pytest.approx(expected.mean())
    assert (result.seeds, result.patients) == (3, scores.patients)


def test_its_image_variance_is_that_of_the_mean_over_seeds():
    scores = joint()
    result = estimate(scores, np.array([[0, 3], [1, 4], [2, 5]]), DIFFERENCE)
    per_patient = scores.per_patient[:, :3].mean(axis=1) - scores.per_patient[:, 3:].mean(axis=1)
    assert result.v_img == pytest.approx(scores.patients * per_patient.var(ddof=1))
    alone = estimate(scores, np.array([[0, 3]]), DIFFERENCE)
    assert result.v_img < alone.v_img


def test_a_method_against_itself_never_differs():
    result = estimate(joint(), np.array([[0, 0], [1, 1]]), DIFFERENCE)
    assert result.value == 0
    assert result.v_img < 1e-15


def test_the_cells_of_a_ratio_are_sampled_together():
    """Both scores of a method rise and fall with the same patients, which steadies their ratio."""
    labels, grades, patient = graded(0)
    result = estimate(joint(models=2), np.array([[0, 1]]), relative_drop)
    rng, draws = np.random.default_rng(0), []
    images = [np.flatnonzero(patient == number) for number in range(patient.max() + 1)]
    for _ in range(1000):
        rows = np.concatenate([images[n] for n in rng.integers(0, len(images), len(images))])
        before, after = (quadratic_weighted_kappa(labels[rows], g[rows], 5) for g in grades)
        draws.append(1 - after / before)
    # 1,000 draws: 2.2 % of a standard deviation, three times, and 3 % for the first order.
    assert np.sqrt(result.v_img) == pytest.approx(np.std(draws), rel=0.1)
    kappas = joint(models=2)
    apart = np.diag(np.diag(kappas.covariance))
    gradient = relative_drop(kappas.values)[1]
    assert result.v_img < 0.9 * (gradient @ apart @ gradient)


def test_an_undefined_run_undoes_only_what_it_enters():
    scores = joint()
    values, sums = scores.values.copy(), scores.per_patient.copy()
    values[5], sums[:, 5] = np.nan, np.nan
    broken = JointScores(values, sums)
    touched = estimate(broken, np.array([[0, 3], [1, 4], [2, 5]]), DIFFERENCE)
    apart = estimate(broken, np.array([[0, 3], [1, 4]]), DIFFERENCE)
    assert "undefined" in touched.why_not
    assert apart.p_value() == estimate(scores, np.array([[0, 3], [1, 4]]), DIFFERENCE).p_value()


def test_no_runs_are_refused():
    with pytest.raises(ValueError, match="seeds by cells"):
        estimate(joint(), np.empty((0, 2), dtype=int), DIFFERENCE)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    reference = multitest.multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(reference), abs=1e-12)


def test_a_test_still_to_come_makes_the_others_no_surer():
    assert holm([0.01, None, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06)]
    assert holm([0.01, 0.03]) == [pytest.approx(0.02), pytest.approx(0.03)]


@given(seeds, st.floats(0.005, 0.5))
def test_equivalence_is_two_one_sided_t_tests(seed, margin):
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    values = np.random.default_rng(seed).normal(0.01, 0.02, 5)
    reference = weightstats.DescrStatsW(values).ttost_mean(-margin, margin)[0]
    assert from_seeds(values).equivalence_p(margin) == pytest.approx(reference, abs=1e-12)


@given(seeds, st.floats(0.005, 0.1))
def test_equivalence_is_shown_exactly_where_the_90_percent_interval_is_inside(seed, margin):
    result = from_seeds(np.random.default_rng(seed).normal(0.01, 0.02, 5), v_img=1e-5)
    shown = known(result.equivalence_p(margin)) < 0.05
    assert shown == known(result.interval(0.90)).inside(margin)


def test_the_sides_of_an_equivalence_are_both_tested():
    values = np.array([0.1, 0.11, 0.12])
    assert known(from_seeds(values).equivalence_p(0.02)) > 0.9
    assert known(from_seeds(-values).equivalence_p(0.02)) > 0.9
    assert known(from_seeds(values - 0.11).equivalence_p(0.1)) < 0.05


# A spread of 1 gives these half widths for 3, 5 and 10 runs (t times the root of 1 + 1 / n).
@pytest.mark.parametrize(("runs", "half"), [(3, 4.97), (5, 3.04), (10, 2.37)])
def test_one_more_run_is_predicted_as_wide_as_tables_say(runs, half):
    values = (np.arange(runs) - (runs - 1) / 2) / np.std(np.arange(runs), ddof=1)
    low, high = known(prediction_interval(values.tolist()))
    assert (high - low) / 2 == pytest.approx(half, abs=0.005)
    assert low + high == pytest.approx(0, abs=1e-12)


def test_one_more_run_falls_in_its_interval_as_often_as_it_says():
    drawn = np.random.default_rng(0).standard_normal((4000, 6))
    inside = 0
    for *seen, new in drawn:
        low, high = known(prediction_interval(seen))
        inside += low < new < high
    # 4,000 trials at 95 %: a standard error of 0.34 points, three of which are 1.03.
    assert inside / 4000 == pytest.approx(0.95, abs=0.0104)


def test_one_run_predicts_nothing():
    assert prediction_interval([0.8]) is None


def test_nothing_draws_random_numbers():
    before = str(np.random.get_state())  # noqa: NPY002 (that the global state is untouched)
    result = [estimate(joint(), np.array([[0, 3], [1, 4]]), DIFFERENCE) for _ in range(2)]
    assert result[0] == result[1]
    assert before == str(np.random.get_state())  # noqa: NPY002
