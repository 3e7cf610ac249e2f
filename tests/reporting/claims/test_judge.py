from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from claim_world import claim, comparison, finding, world
from hypothesis import given
from hypothesis import strategies as st
from known import known
from paths import FIRST

from bench.evaluation.statistics import holm
from bench.reporting.claims.judge import judge
from bench.reporting.results.records import load
from bench.reporting.results.significance import combine
from bench.roster import METHODS

verdicts = st.sampled_from(["supported", "contradicted", "undecided", "not run"])


def test_a_clear_advantage_supports_the_claim(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.3})
    found = finding(records, claim())
    assert found.verdict == "supported"
    estimate = known(found.comparisons[0].estimate)
    assert estimate.value > 0.1
    assert known(estimate.interval()).low > 0


def test_a_clear_disadvantage_contradicts_it(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.3, ("resnet50", "native"): 0.1})
    assert finding(records, claim()).verdict == "contradicted"
    assert finding(records, claim(side="less")).verdict == "supported"


def test_equal_methods_leave_it_undecided_and_say_if_the_difference_is_negligible(tmp_path):
    errors = [0.19, 0.2, 0.21]
    records = world(tmp_path, {("comcl", "native"): errors, ("resnet50", "native"): errors})
    narrow, wide = (comparison(records, claim(margin=margin)) for margin in (0.001, 0.3))
    assert narrow.verdict == wide.verdict == "undecided"
    assert not narrow.negligible
    assert wide.negligible


def test_too_few_seeds_decide_nothing_however_clear(tmp_path):
    cells = {("comcl", "native"): [0.1, 0.11], ("resnet50", "native"): [0.4, 0.41]}
    records = world(tmp_path, cells)
    two = comparison(records, claim())
    assert (two.verdict, two.why, two.p) == ("undecided", "2 of 3 seeds", None)
    assert known(two.estimate).interval() is None
    asked = comparison(records, claim(seeds=2))  # of a file that asks for less than can be judged
    assert (asked.verdict, asked.p) == ("undecided", None)
    assert asked.why == "two seeds are too few to say how much seeds vary"
    one = comparison(records.loc[records["seed"] == 0], claim())
    assert one.why == "1 of 3 seeds"
    assert known(one.estimate).interval() is None


TWO = [["comcl", "resnet50"], ["comcl", "cabnet"]]


def test_what_was_not_run_keeps_a_claim_from_being_supported(tmp_path):
    found = finding(
        world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.4}),
        claim(methods=TWO),
    )
    assert [one.verdict for one in found.comparisons] == ["supported", "not run"]
    assert found.comparisons[1].why == "no runs of cabnet at native"
    assert found.verdict == "undecided"


def test_what_was_not_run_does_not_keep_it_from_being_contradicted(tmp_path):
    found = finding(
        world(tmp_path, {("comcl", "native"): 0.4, ("resnet50", "native"): 0.1}),
        claim(methods=TWO),
    )
    assert found.verdict == "contradicted"


def test_nothing_run_is_not_run(tmp_path):
    records = world(tmp_path, {("mmcnn", "native"): 0.1})
    assert finding(records, claim()).verdict == "not run"


NOISY = {("comcl", "native"): [0.10, 0.13, 0.16], ("resnet50", "native"): [0.20, 0.19, 0.20]}
REVERSED = dict(zip(NOISY, reversed(NOISY.values()), strict=True))


def between_p_and_twice_p(records):
    """A level that one comparison of two passes uncorrected and misses corrected."""
    return 1.5 * known(comparison(records, claim()).p)


def test_a_comparison_needs_the_correction_in_either_kind_of_claim(tmp_path):
    records = world(tmp_path, NOISY)
    rule = {"methods": TWO, "alpha": between_p_and_twice_p(records)}
    found = [comparison(records, claim(combination=how, **rule)) for how in ("all", "each")]
    assert [one.verdict for one in found] == ["undecided", "undecided"]
    assert [one.adjusted_p for one in found] == pytest.approx([2 * known(one.p) for one in found])


def test_a_contradiction_needs_the_correction_either_way(tmp_path):
    records = world(tmp_path, REVERSED)
    alpha = between_p_and_twice_p(records)
    for how in ("all", "each"):
        rule = {"combination": how, "alpha": alpha}
        assert comparison(records, claim(methods=TWO, **rule)).verdict == "undecided"
        assert comparison(records, claim(**rule)).verdict == "contradicted"


def test_claims_are_corrected_each_by_itself(tmp_path):
    cells = {("comcl", "native"): 0.1, ("resnet50", "native"): 0.14, ("cabnet", "native"): 0.12}
    records = world(tmp_path, cells)
    one, other = claim(), claim(id="other", methods=[["comcl", "cabnet"]])
    (together,) = judge(records, [one, other])
    found = [f.comparisons[0] for f in together.findings]
    assert [c.adjusted_p for c in found] == [c.p for c in found]


def test_all_columns_of_a_claim_share_the_correction(tmp_path):
    """One of three columns is enough to contradict it, so each has a third of the chances."""
    cells = {
        (method, ratio): share
        for method, share in (("comcl", 0.1), ("resnet50", 0.14))
        for ratio in ("native", "0.7")
    }
    found = finding(world(tmp_path, cells), claim(columns=[["native"], ["0.7"]]))
    p_values = [one.p for one in found.comparisons]
    assert [one.adjusted_p for one in found.comparisons] == pytest.approx(holm(p_values))
    assert found.comparisons[0].adjusted_p != pytest.approx(p_values[0])


def test_an_all_claim_holds_by_its_uncorrected_tests_and_its_counts_do_not(tmp_path):
    """Every p below its level supports the whole; none of the two counts as ahead by itself."""
    alike = {("cabnet", "native"): NOISY["resnet50", "native"]}
    records = world(tmp_path, NOISY | alike)
    both = finding(records, claim(methods=TWO)).comparisons
    alpha = 1.1 * max(known(one.p) for one in both)
    assert alpha < min(known(one.adjusted_p) for one in both)
    found = finding(records, claim(methods=TWO, combination="all", alpha=alpha))
    assert found.verdict == "supported"
    assert {one.verdict for one in found.comparisons} == {"undecided"}
    each = finding(records, claim(methods=TWO, combination="each", alpha=alpha))
    assert each.verdict == "undecided"


CELLS = list(product(("comcl", "resnet50"), ("native", "0.7", "1.0")))


def test_losing_less_is_told_from_scoring_more(tmp_path):
    """CoMCL starts lower and falls less: it loses less, and is not best."""
    shares = (0.30, 0.31, 0.32, 0.10, 0.30, 0.50)
    records = world(tmp_path, dict(zip(CELLS, shares, strict=True)))
    whole = {"columns": [["native", "1.0"]], "side": "less"}
    assert finding(records, claim(estimand="drop", **whole)).verdict == "supported"
    assert finding(records, claim(estimand="relative drop", **whole)).verdict == "supported"
    assert finding(records, claim()).verdict == "contradicted"


def test_the_same_points_are_a_larger_part_of_a_lower_score(tmp_path):
    """Equal drops in points: CoMCL's, from the higher score, is the smaller part of it."""
    shares = (0.02, 0.12, 0.22, 0.32, 0.42, 0.52)
    records = world(tmp_path, dict(zip(CELLS, shares, strict=True)))
    whole = {"columns": [["native", "1.0"]], "side": "less"}
    absolute = comparison(records, claim(estimand="drop", **whole))
    relative = comparison(records, claim(estimand="relative drop", **whole))
    assert abs(known(absolute.estimate).value) < 0.1
    assert known(relative.estimate).value < -0.1
    kappas = [
        np.mean([1 - absolute_loss(records, m, r, s) for s in range(3)])
        for m, r in (CELLS[0], CELLS[2], CELLS[3], CELLS[5])
    ]
    expected = (1 - kappas[1] / kappas[0]) - (1 - kappas[3] / kappas[2])
    assert known(relative.estimate).value == pytest.approx(expected, abs=1e-9)


def absolute_loss(records, method, ratio, seed):
    """1 - kappa of one run, from its predictions by scikit-learn."""
    from sklearn.metrics import cohen_kappa_score

    chosen = (records["method"] == method) & (records["lq_ratio"] == ratio)
    folder = records.loc[chosen & (records["seed"] == seed), "folder"].iloc[0]
    table = pd.read_parquet(folder / "predictions.parquet")
    grades = table[[f"p_{c}" for c in range(5)]].to_numpy().argmax(axis=1)
    return 1 - cohen_kappa_score(table["label"], grades, weights="quadratic")


def test_no_part_of_nothing_is_lost(tmp_path):
    shares = (0.1, 0.1, 0.2, 0.95, 0.95, 0.97)
    records = world(tmp_path, dict(zip(CELLS, shares, strict=True)))
    whole = {"columns": [["native", "1.0"]], "side": "less"}
    found = comparison(records, claim(estimand="relative drop", **whole))
    assert found.verdict == "undecided"
    assert "not clearly above 0" in found.why
    assert comparison(records, claim(estimand="drop", **whole)).why == ""


def test_all_of_something_can_be_lost(tmp_path):
    shares = (0.1, 0.1, 0.2, 0.1, 0.1, 0.95)
    records = world(tmp_path, dict(zip(CELLS, shares, strict=True)))
    found = finding(
        records, claim(estimand="relative drop", columns=[["native", "1.0"]], side="less")
    )
    assert (found.verdict, found.comparisons[0].why) == ("supported", "")
    assert 1 - absolute_loss(records, "resnet50", "1.0", 0) < 0.05


def test_a_claim_of_single_methods_looks_at_each_step(tmp_path):
    records = world(tmp_path, dict(zip(CELLS[:3], (0.1, 0.2, 0.2), strict=True)))
    steps = [["native", "0.7"], ["0.7", "1.0"]]
    found = finding(
        records, claim(contrast="method", estimand="drop", columns=steps, methods=[["comcl"]])
    )
    assert found.by_column[("native", "0.7")] == "supported"
    assert found.by_column[("0.7", "1.0")] == "undecided"
    assert found.verdict == "undecided"


def test_what_a_claim_detects_is_of_its_design_and_not_of_its_effects(tmp_path):
    spread = (-0.05, 0.0, 0.05)
    detected = []
    for place, gap in enumerate((0.0, 0.3)):
        cells = {
            ("comcl", "native"): [0.15 + luck for luck in spread],
            ("resnet50", "native"): [0.15 + gap - luck for luck in spread],
        }
        found = finding(world(tmp_path / str(place), cells), claim())
        assert found.seeds == 3
        detected.append(known(found.detects))
    assert detected[0] == pytest.approx(detected[1], rel=0.5)  # kappa stretches the spread a little
    assert 0.1 < detected[0] < 1


def test_nothing_is_detected_before_there_is_a_test(tmp_path):
    cells = {("comcl", "native"): [0.1, 0.2], ("resnet50", "native"): [0.3, 0.2]}
    found = finding(world(tmp_path, cells), claim())
    assert (found.seeds, found.detects, found.design) == (0, None, None)


def test_the_first_score_decides_and_the_others_stand_beside_it(tmp_path):
    records = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.3})
    both = claim(scores={"eyeq": ["accuracy", "kappa"]})
    (judgement,) = judge(records, [both])
    assert [(f.score, f.decides) for f in judgement.findings] == [
        ("accuracy", True),
        ("kappa", False),
    ]
    by_accuracy, by_kappa = (known(f.comparisons[0].estimate).value for f in judgement.findings)
    assert by_accuracy == pytest.approx(0.2, abs=0.01)
    assert by_kappa != by_accuracy


def test_reconstructed_methods_are_left_out_of_a_second_verdict(tmp_path, monkeypatch):
    cells = {("comcl", "native"): 0.2, ("resnet50", "native"): 0.4, ("comcl-v1", "native"): 0.05}
    records = world(tmp_path, cells)
    two = claim(methods=[["comcl", "resnet50"], ["comcl", "comcl-v1"]])
    assert finding(records, two).without_reconstructed is None
    guessed = replace(METHODS["comcl-v1"], confidence="low")
    monkeypatch.setitem(METHODS, "comcl-v1", guessed)
    found = finding(records, two)
    assert (found.verdict, found.without_reconstructed) == ("contradicted", "supported")


@given(st.lists(verdicts, min_size=1, max_size=6))
def test_one_against_is_enough_and_all_must_be_for(found):
    combined = combine(found)
    assert (combined == "contradicted") == ("contradicted" in found)
    assert (combined == "supported") == (set(found) == {"supported"})
    assert (combined == "not run") == (set(found) == {"not run"})


def test_the_committed_study_is_judged_by_its_own_scores():
    """The effects are differences of the records' own numbers, to the last digits."""
    records = load(FIRST)
    (judgement,) = judge(records)
    means = {
        cell: runs[["kappa", "accuracy"]].mean()
        for cell, runs in records.groupby(["method", "lq_ratio"])
    }
    compared = [
        (found, one)
        for found in judgement.findings
        for one in found.comparisons
        if found.claim.estimand == "score" and one.estimate
    ]
    assert len(compared) >= 10
    for found, one in compared:
        (ratio,) = one.comparison.ratios
        first, second = (means[method, ratio][found.score] for method in one.comparison.methods)
        assert known(one.estimate).value == pytest.approx(first - second, abs=1e-12)


def test_what_the_committed_study_did_not_run_is_not_run():
    (judgement,) = judge(load(FIRST))
    by_id = {f.claim.id: f for f in judgement.findings if f.decides}
    assert by_id["each-part-adds"].verdict == "not run"
    assert by_id["best-in-each-column"].verdict not in ("supported", "not run")
