from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from known import known
from scipy import stats

from bench.evaluation.power import detection_power
from bench.evaluation.statistics import Estimate
from bench.reporting.results.verdicts import DELTA, Verdict, verdict

PUBLISHED = 0.8


def ours(distance, *, sd, seeds=5, v_img=0.0, patients=12_000):
    """An estimate this far above the published value, its seeds spread by exactly `sd`."""
    places = np.linspace(-1, 1, seeds)
    scores = PUBLISHED + distance + sd * places / np.std(places, ddof=1)
    return Estimate(PUBLISHED + distance, tuple(scores.tolist()), v_img, patients)


def reach(estimate, level):
    """Half of an interval from seeds alone."""
    df = estimate.seeds - 1
    return stats.t.ppf((1 + level) / 2, df) * estimate.seed_sd / np.sqrt(estimate.seeds)


def of(distance, **options):
    return verdict(ours(distance, **options), PUBLISHED)


@pytest.mark.parametrize("found", [None, ours(0.0, sd=0.001)], ids=["no runs", "equal"])
@pytest.mark.parametrize("stale", [False, True])
def test_what_cannot_be_compared_is_said_first(found, stale):
    assert verdict(found, PUBLISHED, comparable=False, stale=stale).name == "NOT COMPARABLE"


def test_no_runs_are_not_run_and_old_runs_are_stale_however_close():
    assert verdict(None, PUBLISHED) == Verdict("NOT RUN")
    assert verdict(ours(0.0, sd=0.001), PUBLISHED, stale=True) == Verdict("STALE")
    assert verdict(ours(0.0, sd=0.001), PUBLISHED) == Verdict("EQUIVALENT")


def test_equivalence_goes_by_the_90_percent_interval():
    """Inside plus or minus delta at 90 %, and not at 95 %: two one-sided tests at 5 %."""
    found = ours(0.0, sd=0.019)
    assert reach(found, 0.90) < DELTA < reach(found, 0.95)
    assert verdict(found, PUBLISHED).name == "EQUIVALENT"
    assert known(replace(found, value=0.0).equivalence_p(DELTA)) < 0.05


def test_an_interval_that_touches_delta_is_neither_inside_nor_outside():
    inside, outside = ours(0.01, sd=0.005), ours(0.05, sd=0.005)
    touching = known(inside.interval(0.90)).high - PUBLISHED
    assert verdict(inside, PUBLISHED, delta=touching).name != "EQUIVALENT"
    assert verdict(inside, PUBLISHED, delta=np.nextafter(touching, 1)).name == "EQUIVALENT"
    touching = known(outside.interval(0.95)).low - PUBLISHED
    assert verdict(outside, PUBLISHED, delta=touching).name == "CLOSE"
    assert verdict(outside, PUBLISHED, delta=np.nextafter(touching, 0)).name == "DIFFERENT"


def test_equivalent_comes_before_close():
    """A difference that is surely there and surely below delta does not matter."""
    found = ours(0.01, sd=0.005)
    assert known(found.interval()).low > PUBLISHED
    assert verdict(found, PUBLISHED).name == "EQUIVALENT"
    assert verdict(found, PUBLISHED, delta=0.012).name == "CLOSE"


def test_different_asks_that_one_more_run_would_not_score_it_either():
    """Ten seeds: a mean surely beyond delta, runs among which the paper's does not stand out."""
    among = ours(0.04, sd=0.02, seeds=10)
    assert known(among.interval()).low - PUBLISHED > DELTA
    assert verdict(among, PUBLISHED).name == "INCONCLUSIVE"
    assert of(0.06, sd=0.02, seeds=10).name == "DIFFERENT"


def test_an_interval_that_holds_nought_and_leaves_delta_is_inconclusive():
    assert of(0.0, sd=0.05).name == "INCONCLUSIVE"
    assert of(0.03, sd=0.01).name == "CLOSE"
    assert of(0.03, sd=0.03).name == "INCONCLUSIVE"


def test_patients_widen_what_seeds_alone_would_decide():
    assert of(0.05, sd=0.003).name == "DIFFERENT"
    assert of(0.05, sd=0.003, v_img=0.02**2).name == "CLOSE"
    assert of(0.0, sd=0.003).name == "EQUIVALENT"
    assert of(0.0, sd=0.003, v_img=0.02**2).name == "INCONCLUSIVE"


@given(
    st.floats(-0.15, 0.15),
    st.floats(1e-4, 0.1),
    st.integers(3, 12),
    st.floats(0.0, 0.05),
)
@example(0.04, 0.02, 10, 0.0)
def test_it_is_the_first_of_the_list_that_holds(distance, sd, seeds, patient_sd):
    found = ours(distance, sd=sd, seeds=seeds, v_img=patient_sd**2)
    d90, d95 = ([end - PUBLISHED for end in known(found.interval(p))] for p in (0.90, 0.95))
    quantile = stats.t.ppf(0.975, seeds - 1)
    beyond = abs(distance) > quantile * found.seed_sd * np.sqrt(1 + 1 / seeds)
    outside = d95[0] > DELTA or d95[1] < -DELTA
    holds = {
        "EQUIVALENT": -DELTA < d90[0] and d90[1] < DELTA,
        "DIFFERENT": outside and beyond,
        "CLOSE": not outside and not d95[0] <= 0 <= d95[1],
        "INCONCLUSIVE": True,
    }
    assert verdict(found, PUBLISHED).name == next(name for name, true in holds.items() if true)


@given(st.floats(-0.15, 0.15), st.floats(1e-4, 0.1), st.integers(2, 8))
def test_above_and_below_are_judged_alike(distance, sd, seeds):
    assert of(distance, sd=sd, seeds=seeds).name == of(-distance, sd=sd, seeds=seeds).name


def test_what_has_no_interval_says_what_it_needs():
    one = Estimate(0.8, (0.8,), 0.0001, 100)
    assert verdict(one, PUBLISHED).text == "INCONCLUSIVE (at least 2 more seeds)"
    two = Estimate(0.2, (0.2, 0.2001), 1e-6, 100)  # however far: never DIFFERENT
    assert verdict(two, PUBLISHED).text == "INCONCLUSIVE (at least 1 more seed)"
    undefined = Estimate(float("nan"), (float("nan"), 0.8), float("nan"), 100)
    assert verdict(undefined, PUBLISHED).text == "INCONCLUSIVE (a score is undefined)"
    frozen = Estimate(0.8, (0.8, 0.8, 0.8), 0.0, 100)
    assert verdict(frozen, PUBLISHED).more.startswith("neither seeds nor patients vary")


@given(st.floats(-0.03, 0.03), st.floats(0.01, 0.1), st.integers(3, 10))
def test_what_stays_open_says_how_large_a_difference_would_be_found(distance, sd, seeds):
    """And that does not hang on the difference that there is."""
    found = of(distance, sd=sd, seeds=seeds)
    if found.name == "INCONCLUSIVE":
        effect = float(found.more.removeprefix("detects "))
        power = detection_power(effect, sd, seeds, alpha=0.05)
        assert power == pytest.approx(0.8, abs=0.0006 / (sd / np.sqrt(seeds)))  # three decimals


def test_the_published_value_within_our_runs_is_told_what_they_find():
    assert of(0.04, sd=0.019, seeds=10).text == "INCONCLUSIVE (detects 0.019)"
    assert of(0.019, sd=0.3, seeds=3).more == "detects 0.979"


def test_the_text_of_a_verdict_is_its_name_and_what_it_needs():
    assert Verdict("CLOSE").text == "CLOSE"
    assert Verdict("INCONCLUSIVE", "detects 0.031").text == "INCONCLUSIVE (detects 0.031)"
