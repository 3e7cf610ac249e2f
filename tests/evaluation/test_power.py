import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.evaluation.power import (
    MOST_SEEDS,
    cannot_reject,
    cannot_separate,
    critical_difference,
    detection_power,
    equivalence_power,
    minimum_detectable_effect,
    seeds_for_equivalence,
    seeds_needed,
    seeds_to_reject,
    sign_flip_p,
    smallest_sign_flip_p,
)


@given(st.integers(2, 40), st.floats(0.1, 3), st.floats(0.001, 0.2))
def test_power_over_seeds_is_that_of_statsmodels(seeds, effect, alpha):
    """Of the claimed side only; statsmodels' two-sided power counts the other side too."""
    reference = pytest.importorskip("statsmodels.stats.power").TTestPower()
    needed = reference.power(effect, seeds, alpha / 2, alternative="larger")
    assert detection_power(effect, 1.0, seeds, alpha=alpha) == pytest.approx(needed, abs=1e-8)


# docs/reference/metrics.md#power-and-the-number-of-seeds: in standard deviations of the paired
# difference, at 5 % and at 5 % / 11.
@pytest.mark.parametrize(
    ("seeds", "effect", "worst"), [(3, 3.3, 10.8), (5, 1.7, 3.2), (10, 1.0, 1.5), (20, 0.66, 0.92)]
)
def test_the_smallest_effects_are_those_of_the_plan(seeds, effect, worst):
    assert minimum_detectable_effect(1.0, seeds) == pytest.approx(effect, rel=0.02)
    assert minimum_detectable_effect(1.0, seeds, alpha=0.05 / 11) == pytest.approx(worst, rel=0.02)


@pytest.mark.parametrize(("sd", "needed"), [(0.5, (11, 4, 3, 3)), (1.0, (36, 11, 4, 3))])
def test_the_seeds_for_equivalence_are_those_of_the_plan(sd, needed):
    result = tuple(seeds_for_equivalence(margin, sd) for margin in (0.5, 1, 2, 3))
    assert result == needed


@given(st.integers(2, 30), st.floats(0.001, 0.1), st.floats(0, 1e-3))
def test_the_smallest_effect_is_found_with_the_power_asked_for(seeds, sd, v_img):
    options = {"v_img": v_img, "patients": 500}
    effect = minimum_detectable_effect(sd, seeds, **options)
    assert effect is not None
    result = detection_power(effect, sd, seeds, alpha=0.05, **options)
    assert result == pytest.approx(0.8, abs=1e-6)


@given(st.floats(0.01, 0.1), st.floats(0.005, 0.05), st.floats(0, 1e-4))
def test_the_seeds_needed_are_the_fewest(effect, sd, v_img):
    options = {"v_img": v_img, "patients": 500}
    needed = seeds_needed(effect, sd, **options)
    most = needed or MOST_SEEDS + 1
    if needed:
        assert detection_power(effect, sd, needed, alpha=0.05, **options) >= 0.8
    if most > 2:
        assert detection_power(effect, sd, most - 1, alpha=0.05, **options) < 0.8


def test_no_number_of_seeds_makes_up_for_too_few_patients():
    """An effect of half a standard error of the patients stays hidden whatever the seeds say."""
    assert seeds_needed(0.005, 0.001, v_img=0.01**2, patients=800) is None
    assert seeds_needed(0.05, 0.001, v_img=0.01**2, patients=800) == 2
    assert seeds_needed(0.0, 0.01) is None


def test_one_seed_finds_no_effect():
    assert minimum_detectable_effect(0.01, 1) is None


def test_what_never_varies_is_found_at_once():
    assert minimum_detectable_effect(0.0, 3) == 0.0
    assert detection_power(0.01, 0.0, 3, alpha=0.05) == 1.0
    assert equivalence_power(0.01, 0.0, 3) == 1.0


def test_equivalence_is_shown_as_often_as_its_power_says():
    rng, margin, seeds = np.random.default_rng(0), 1.0, 9
    drawn = rng.standard_normal((20_000, seeds))
    error = drawn.std(axis=1, ddof=1) / np.sqrt(seeds)
    reach = stats.t.ppf(0.95, seeds - 1) * error
    shown = (np.abs(drawn.mean(axis=1)) + reach < margin).mean()
    # 20,000 trials: a standard error of at most 0.36 points, three of which are 1.1.
    assert equivalence_power(margin, 1.0, seeds) == pytest.approx(shown, abs=0.011)


@pytest.mark.parametrize("seeds", [3, 5, 8])
def test_sign_flips_are_those_of_scipy(seeds):
    differences = np.random.default_rng(seeds).normal(0.5, 1, seeds)
    reference = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=10_000
    )
    assert sign_flip_p(differences) == pytest.approx(reference.pvalue)


def test_the_smallest_p_is_reached_when_all_signs_agree():
    for seeds in range(1, 9):
        agreed = np.linspace(1, 2, seeds)
        assert sign_flip_p(agreed) == smallest_sign_flip_p(seeds)
    assert sign_flip_p(np.array([1.0, 1.0, -3.0])) > smallest_sign_flip_p(3)


def test_too_many_signs_are_refused():
    with pytest.raises(ValueError, match="21 differences"):
        sign_flip_p(np.ones(21))


def test_five_seeds_cannot_reject_by_signs_and_six_can():
    assert "its smallest p is 0.062" in cannot_reject(smallest_sign_flip_p(5))
    assert cannot_reject(smallest_sign_flip_p(6)) == ""
    assert seeds_to_reject() == 6


def test_holm_over_eleven_needs_nine_seeds():
    said = cannot_reject(smallest_sign_flip_p(6), tests=11)
    assert "0.34 after Holm's correction over 11" in said
    assert seeds_to_reject(11) == 9
    assert cannot_reject(smallest_sign_flip_p(9), tests=11) == ""


def test_rank_diagrams_of_this_study_cannot_reject():
    assert critical_difference(12, 2) == pytest.approx(11.78, abs=0.005)
    assert critical_difference(12, 6) == pytest.approx(6.80, abs=0.005)
    assert "differ by 11 at most" in cannot_separate(12, 2)
    assert cannot_separate(12, 6) == ""
