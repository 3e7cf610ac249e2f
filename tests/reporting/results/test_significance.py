import pandas as pd
import pytest
from known import known
from scored_runs import measured_of

from bench.experiments import SEEDS, TABLE1
from bench.reporting.results.significance import beats_all, significance
from bench.reporting.tables.build import build

HIGH, MIDDLE, LOW = [0.90, 0.91, 0.92], [0.88, 0.895, 0.91], [0.70, 0.71, 0.72]


def standing(cells, methods=None, **options):
    named = {(method, "native"): scores for method, scores in cells.items()}
    measured = measured_of(named, **options)
    return significance(measured, "kappa", methods or list(cells), "native")


def test_the_highest_is_best_and_the_others_are_tested_against_it():
    """c lies 0.2 below in every seed, patients varying by 0.01; b's gap is within its spread."""
    found = standing({"a": HIGH, "b": MIDDLE, "c": LOW}, patient_sd=0.01)
    assert found == {"a": "best", "b": "not worse", "c": "worse"}


def test_the_best_is_named_by_its_mean_whatever_the_order():
    assert standing({"c": LOW, "b": MIDDLE, "a": HIGH}, patient_sd=0.01) == standing(
        {"a": HIGH, "b": MIDDLE, "c": LOW}, patient_sd=0.01
    )


def test_a_difference_needs_to_pass_holms_correction_over_the_column():
    """Alone b is worse; beside nine others that are as far off, its p is multiplied by ten."""
    cells = {"a": [0.90, 0.90, 0.90], "b": [0.80, 0.82, 0.84]}
    difference = measured_of({(m, "native"): s for m, s in cells.items()}).difference(
        "kappa", "a", "b", "native"
    )
    p = known(known(difference).p_value())
    assert 0.05 / 10 < p < 0.05
    assert standing(cells)["b"] == "worse"
    many = cells | {f"b{n}": list(cells["b"]) for n in range(9)}
    assert standing(many)["b"] == "not worse"


def test_one_seed_in_common_is_no_test():
    assert standing({"a": HIGH, "b": {0: 0.5}}) == {"a": "best", "b": "untested"}
    assert standing({"a": HIGH, "b": {2: 0.5, 3: 0.5, 4: 0.5}})["b"] == "untested"
    assert standing({"a": HIGH, "b": {7: 0.5, 8: 0.5}})["b"] == "untested"


def test_only_seeds_that_both_have_are_compared():
    """b's seeds 3 and 4 would make it as good; on seeds 0 to 2 it is worse."""
    later = {0: 0.70, 1: 0.71, 2: 0.72, 3: 0.98, 4: 0.99}
    assert standing({"a": HIGH, "b": later}, patient_sd=0.005)["b"] == "worse"


def test_runs_that_score_exactly_alike_are_not_worse():
    assert standing({"a": HIGH, "b": list(HIGH)}) == {"a": "best", "b": "not worse"}


def test_one_method_is_no_contest_and_what_is_undefined_takes_no_part():
    assert standing({"a": HIGH}) == {}
    assert standing({"a": HIGH}, ["a", "never run"]) == {}
    assert standing({"a": HIGH, "b": [0.99, float("nan"), 0.99]}) == {}
    found = standing({"a": HIGH, "b": [float("nan")] * 3, "c": LOW}, patient_sd=0.01)
    assert found == {"a": "best", "c": "worse"}


def beats(cells, others=("b", "c"), **options):
    named = {(method, "native"): scores for method, scores in cells.items()}
    return beats_all(measured_of(named, **options), "kappa", "a", others, "native")


def test_a_method_beats_all_others_if_every_difference_is_clear():
    assert beats({"a": HIGH, "b": LOW, "c": LOW}, patient_sd=0.01) == "supported"
    assert beats({"a": HIGH, "b": LOW, "c": MIDDLE}, patient_sd=0.01) == "undecided"
    assert beats({"a": LOW, "b": HIGH, "c": [0.5, 0.51, 0.52]}, patient_sd=0.01) == "contradicted"


def test_beating_all_is_open_while_one_of_them_was_not_run():
    assert beats({"a": HIGH, "b": LOW}, patient_sd=0.01) == "undecided"
    assert beats({"a": HIGH, "b": LOW}, others=("b",), patient_sd=0.01) == "supported"
    assert beats({"a": HIGH}) == "not run"
    assert beats({"b": HIGH, "c": LOW}) == "not run"


def test_beating_all_needs_the_seeds_of_the_claim_files():
    few = {"a": HIGH[: SEEDS - 1], "b": LOW[: SEEDS - 1], "c": LOW[: SEEDS - 1]}
    assert beats(few, patient_sd=0.001) == "undecided"


@pytest.mark.parametrize(
    ("better", "verdicts"),
    [
        (None, ("supported", "supported")),
        ("mmcnn", ("contradicted", "supported")),
        ("cabnet", ("contradicted", "contradicted")),
    ],
)
def test_a_table_says_it_with_and_without_reconstructed_methods(run, better, verdicts):
    kappas = {row.method: 0.6 for row in TABLE1.rows} | {"comcl": 0.9, "resnet50-long": 0.98}
    kappas |= {better: 0.98} if better else {}
    runs = [
        run(method, "native", seed, kappa=kappa + 0.002 * seed)
        for method, kappa in kappas.items()
        for seed in range(3)
    ]
    (section,) = build("1", pd.DataFrame(runs)).sections
    lines = {line.title: line.cells[0].text for line in section.blocks[0].lines}
    assert lines["CoMCL beats all others"] == verdicts[0]
    assert lines["CoMCL beats all but reconstructed ones"] == verdicts[1]
    assert any("MMCNN, Zoom-in-Net" in text for _, text in section.notes)
