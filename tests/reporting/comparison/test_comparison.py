"""Two rows side by side: the claims' own numbers, and no more said than the runs do."""

import csv
import io
import json

import pytest
from claim_world import claim, world
from known import known

from bench.errors import NotComparable, RequestError
from bench.evaluation.statistics import holm
from bench.reporting.claims.judge import judge
from bench.reporting.comparison.page import comparison_page

RATIOS = ("native", "0.7")
CELLS = {
    ("comcl", "native"): 0.10,
    ("comcl", "0.7"): 0.20,
    ("resnet50", "native"): 0.14,
    ("resnet50", "0.7"): 0.21,
}


@pytest.fixture
def records(tmp_path):
    return world(tmp_path, CELLS)


def rows(records, *names):
    page = comparison_page(records, *(names or ("comcl", "resnet50")), as_json=True)
    return {(row["metric"], row["lq_ratio"]): row for row in json.loads(page)["comparisons"]}


def test_its_numbers_are_those_of_a_claim_about_the_same_columns(records):
    found = rows(records)
    about = claim(columns=[["native"], ["0.7"]], combination="each")
    (judgement,) = judge(records, [about])
    for judged in judgement.findings[0].comparisons:
        row = found["kappa", judged.comparison.ratios[0]]
        estimate = known(judged.estimate)
        assert row["difference"] == estimate.value
        assert [row["low"], row["high"]] == list(known(estimate.interval()))
        assert (row["p"], row["holm_p"]) == (judged.p, judged.adjusted_p)
        assert row["first_score"] - row["second_score"] == pytest.approx(estimate.value)
    p_values = [found["kappa", ratio]["p"] for ratio in RATIOS]
    assert [found["kappa", ratio]["holm_p"] for ratio in RATIOS] == holm(p_values)


def test_the_other_way_round_is_the_other_sign(records):
    there, back = rows(records), rows(records, "resnet50", "comcl")
    for place, row in there.items():
        assert back[place]["difference"] == pytest.approx(-row["difference"])
        assert back[place]["holm_p"] == pytest.approx(row["holm_p"])
        assert row["difference"] != 0


def test_a_method_that_nobody_asked_about_changes_nothing(records, tmp_path):
    """No comparison is open because others were not run, and none is corrected for others."""
    others = {("cabnet", "native"): 0.3, ("cabnet", "1.0"): 0.3}
    assert rows(world(tmp_path / "more", CELLS | others)) == rows(records)
    assert "undecided" not in comparison_page(records, "comcl", "resnet50")


def test_few_seeds_have_neither_interval_nor_p(tmp_path):
    records = world(tmp_path, {cell: [0.1, 0.12] for cell in CELLS})
    page = comparison_page(records, "comcl", "resnet50")
    assert "2 of 3 seeds" in page
    assert " to " not in page.partition("difference: ")[0]
    row = rows(records)["kappa", "native"]
    assert (row["low"], row["p"], row["detects"]) == (None, None, None)
    assert row["why"] == "2 of 3 seeds"


def test_what_has_not_learnt_is_not_compared(records):
    records["trained"] = records["id"] != records["id"].iloc[0]
    assert "5 of 6 trained" in comparison_page(records, "comcl", "resnet50")
    of_untrained, of_others = (rows(records)["kappa", ratio] for ratio in RATIOS)
    assert of_untrained["p"] is None and of_untrained["low"] is None
    assert of_others["p"] is not None


def test_two_runs_are_two_networks_and_the_page_says_so(records):
    ids = [str(records.loc[records["method"] == m, "id"].iloc[0]) for m in ("comcl", "resnet50")]
    page = comparison_page(records, *ids)
    assert "of these two trained networks" in page
    assert "says nothing of their methods" in page
    row = rows(records, *ids)["kappa", ""]
    assert row["runs"] == ids
    assert row["low"] < row["difference"] < row["high"]
    assert row["p"] is None


def test_two_runs_of_which_one_has_not_learnt_are_said_to_be_so(records):
    ids = [str(records.loc[records["method"] == m, "id"].iloc[0]) for m in ("comcl", "resnet50")]
    assert "trained" not in comparison_page(records, *ids).replace("trained networks", "")
    records["trained"] = records["id"] != ids[0]
    assert "1 of 2 trained: what has not learnt shows luck" in comparison_page(records, *ids)


def test_two_runs_of_two_protocols_are_refused(records):
    ids = [str(records.loc[records["method"] == m, "id"].iloc[0]) for m in ("comcl", "resnet50")]
    records.loc[records["id"] == ids[0], "key"] = "0" * 8
    with pytest.raises(NotComparable, match="under two protocols, 00000000 and "):
        comparison_page(records, *ids)


@pytest.mark.parametrize("form", ["terminal", "text", "markdown", "latex"])
def test_every_format_has_the_same_numbers(records, form):
    page = comparison_page(records, "comcl", "resnet50", form=form)
    for row in rows(records).values():
        assert f"{row['difference']:+.3f}" in page
        assert f"{row['detects']:.3f}" in page


def test_csv_has_full_precision(records):
    found = rows(records)
    page = comparison_page(records, "comcl", "resnet50", form="csv")
    for line in csv.DictReader(io.StringIO(page)):
        row = found.pop((line["metric"], line["lq_ratio"]))
        assert float(line["difference"]) == row["difference"]
        assert line["runs"].split() == row["runs"]
    assert not found


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("comcl", "comcl"), "are one method"),
        (("comcl", "lanet"), "methods with runs: comcl, resnet50"),
        (("comcl", "no-such"), "no data set here has finished runs of both"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(records, names, said):
    with pytest.raises(RequestError, match=said):
        comparison_page(records, *names)


def test_an_unknown_format_is_refused(records):
    with pytest.raises(RequestError, match="--format yaml: choose one of"):
        comparison_page(records, "comcl", "resnet50", form="yaml")


def test_synthetic_images_are_said_to_be_so(records):
    page = comparison_page(records, "comcl", "resnet50")
    assert "say nothing about the published numbers" in page
