import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known import known

from bench.evaluation.power import (
    MOST_SEEDS,
    Design,
    design_of,
    detection_power,
    minimum_detectable_effect,
    seeds_needed,
)
from bench.evaluation.statistics import Estimate


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


def estimate_with(sd, v_img, seeds=3, patients=500):
    """With exactly this spread."""
    raw = np.linspace(-1, 1, seeds)
    scaled = 0.05 + sd * raw / raw.std(ddof=1)
    return Estimate(0.05, tuple(scaled), v_img, patients)


def test_a_design_has_the_mean_variances_and_not_the_luckiest_ones():
    lucky, unlucky = estimate_with(0.001, 1e-5), estimate_with(0.03, 3e-5, patients=400)
    found = design_of([lucky, unlucky], 0.05)
    assert found.sd == pytest.approx(np.sqrt((0.001**2 + 0.03**2) / 2))
    assert (found.v_img, found.patients) == (pytest.approx(2e-5), 400)
    alone = (design_of([each], 0.05).detects(3) for each in (lucky, unlucky))
    low, high = sorted(known(effect) for effect in alone)
    assert low < known(found.detects(3)) < high


@pytest.mark.parametrize("margin", [0.01, 0.03])
def test_the_seeds_for_a_margin_detect_it_and_one_less_do_not(margin):
    design = Design(0.02, 1e-6, 500, 0.05 / 30)
    seeds = known(design.seeds_for(margin))
    assert known(design.detects(seeds)) <= margin < known(design.detects(seeds - 1))


def test_what_is_detected_does_not_ask_what_was_found():
    """The same spread around another effect is the same design: no power after the fact."""
    one = estimate_with(0.02, 1e-5)
    other = Estimate(0.4, tuple(0.35 + value for value in one.per_seed), one.v_img, one.patients)
    found, moved = design_of([one], 0.05), design_of([other], 0.05)
    assert found.detects(3) == pytest.approx(moved.detects(3))
    assert found.detects(3) != pytest.approx(known(design_of([one], 0.05 / 30).detects(3)))
