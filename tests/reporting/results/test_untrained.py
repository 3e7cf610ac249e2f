"""Runs that have not learnt: shown, and never ranked, compared or judged."""

import pandas as pd
import pytest

from bench.evaluation.statistics import Estimate
from bench.reporting.claims.judge import judge
from bench.reporting.claims.page import claims_page
from bench.reporting.results.scores import score_runs
from bench.reporting.results.significance import beats_all, significance
from bench.reporting.results.verdicts import verdict
from bench.reporting.run_summary import record_card
from bench.reporting.tables.build import build
from bench.reporting.tables.render import render

METHODS = ("resnet50", "resnet50-long", "comcl")


@pytest.fixture
def records(run):
    """Three methods, three seeds; those of `untrained` (method, seed) have not learnt."""

    def make(*untrained):
        rows = [
            run(method, "native", seed, trained=(method, seed) not in untrained)
            for method in METHODS
            for seed in range(3)
        ]
        for row in rows:
            (row["folder"] / "provenance.json").write_text("{}")
        return pd.DataFrame(rows)

    return make


def row_of(page, title):
    rows = [line.split("|")[1:] for line in page.splitlines() if line.startswith("|")]
    named = ((first.strip(), cells) for first, *cells in rows if "beats" not in first)
    return next(cells for first, cells in named if first.startswith(title))


def test_a_cell_with_a_run_that_has_not_learnt_bears_no_sign_and_a_note(records):
    signed = render(build("1", records()), "markdown")
    assert "*" in row_of(signed, "CoMCL")[0]
    page = render(build("1", records(("comcl", 1))), "markdown")
    cell = row_of(page, "CoMCL")[0]
    assert not {"*", "="} & set(cell.replace("n=3", ""))
    assert "2 of 3 runs trained: ranked nowhere" in page
    assert "not trained: on its validation images" in page
    assert "runs trained" not in signed and "not trained:" not in signed


def test_the_others_are_ranked_without_it(records):
    scored = score_runs(records(("comcl", 1)), None, ("kappa",))
    found = significance(scored, "kappa", METHODS, "native")
    assert set(found) == {"resnet50", "resnet50-long"}
    everyone = score_runs(records(), None, ("kappa",))
    assert significance(everyone, "kappa", METHODS, "native")["comcl"] == "best"


@pytest.mark.parametrize("failed", ["comcl", "resnet50"])
def test_it_beats_nobody_and_nobody_beats_it(records, failed):
    sure = score_runs(records(), None, ("kappa",))
    assert beats_all(sure, "kappa", "comcl", ["resnet50"], "native") == "supported"
    scored = score_runs(records((failed, 0)), None, ("kappa",))
    assert beats_all(scored, "kappa", "comcl", ["resnet50"], "native") == "undecided"
    assert beats_all(scored, "kappa", "resnet50", ["comcl"], "native") == "undecided"


def test_a_claim_that_needs_it_is_undecided_and_says_how_many_trained(records):
    def why(found):
        results = (r for judgement in judge(found) for r in judgement.findings)
        compared = (c for r in results for c in r.comparisons if c.estimate)
        return {c.why for c in compared if set(c.comparison.methods) == {"comcl", "resnet50-long"}}

    assert not any("trained" in text for text in why(records()))
    assert why(records(("comcl", 1))) == {"5 of 6 trained"}
    assert "5 of 6 trained" in claims_page(records(("comcl", 1)))


def test_no_published_number_is_judged_by_it():
    ours = Estimate(0.8, (0.79, 0.80, 0.81), 1e-5, 400)
    assert verdict(ours, 0.8, trained=(3, 3)).text == "EQUIVALENT"
    assert verdict(ours, 0.8, trained=(2, 3)).text == "INCONCLUSIVE (2 of 3 trained)"
    assert verdict(ours, 0.2, trained=(0, 3)).text == "NOT TRAINED"


def test_a_cell_where_a_training_failed_shows_each_run_and_no_interval(records):
    """A mean with an interval would speak of a cloud that is not there."""
    steady = row_of(render(build("1", records()), "markdown"), "CoMCL")[0]
    assert " ± " in steady and "median" not in steady
    runs = records(("comcl", 1))
    cell = row_of(render(build("1", runs), "markdown"), "CoMCL")[0]
    kappas = sorted(runs.loc[runs["method"] == "comcl", "kappa"])
    each = " ".join(f"{kappa:.3f}" for kappa in kappas)
    assert f"2 of 3 trained: median {kappas[1]:.3f} of {each} (n=3)" in cell
    assert "±" not in cell
    none = row_of(
        render(build("1", records(*(("comcl", s) for s in range(3)))), "markdown"), "CoMCL"
    )
    assert none[0].strip().startswith("0 of 3 trained: ")


def test_the_card_of_a_run_says_why_it_counts_as_not_trained(run):
    about = {"boxes": "none", "kind": "grading", "classes": ("a",) * 5}
    record = run("resnet50", **about) | {"not_trained": "not trained: kappa 0.01"}
    assert "  not trained: kappa 0.01" in record_card(record).splitlines()
    assert "not trained" not in record_card(record | {"not_trained": ""})


@pytest.mark.parametrize(
    ("name", "said"), [("smoke", "wiring only"), ("demo", "an illustration, no evidence")]
)
def test_a_run_that_decides_nothing_says_so_on_every_page(records, name, said):
    found = records().assign(protocol_name=name)
    for page in (render(build("1", found), "markdown"), claims_page(found)):
        assert f"protocol {name}: {said}" in page
    assert said not in claims_page(records())
