"""Committed pages are those of the committed records, byte for byte."""

import json

import pandas as pd
import pytest
from paths import ROOT, STUDIES

from bench.evaluation import registry
from bench.evaluation.metrics import score_all
from bench.protocol.tuned import TUNED
from bench.reporting.results.records import load
from bench.reporting.tables.build import build
from bench.reporting.tables.render import ENDINGS, render
from bench.reporting.tuning.page import markdown, numbers
from bench.reporting.tuning.trials import collect

# Studies of one open question never enter a table and have none.
TABLES = sorted(STUDIES.glob("*/table[123].md"))


def test_there_are_committed_tables():
    assert STUDIES / "first" / "table1.md" in TABLES


@pytest.mark.parametrize("page", TABLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_committed_tables_are_current(page):
    table = build(page.stem.removeprefix("table"), load(page.parent))
    for ending, form in ENDINGS.items():
        assert page.with_suffix(f".{ending}").read_text() == render(table, form)


@pytest.mark.parametrize("study", sorted(STUDIES.iterdir()), ids=lambda path: path.name)
def test_scores_are_those_of_the_stored_predictions_to_the_last_digit(study):
    for record in load(study).to_dict("records"):
        rows = pd.read_parquet(record["folder"] / "predictions.parquet")
        about = json.loads((record["folder"] / "spec.json").read_text())["about"]
        again = score_all(rows, kind=about["kind"], classes=about["classes"])["test"]
        names = [metric.name for metric in registry.printed(about["kind"])]
        assert [again[name] for name in names] == [record[name] for name in names]


@pytest.mark.parametrize("preset", sorted(TUNED))
def test_tuned_values_are_those_that_the_committed_trials_choose(preset):
    for method, entry in TUNED[preset].items():
        page = ROOT / entry.study / f"tuning-{preset}.csv"
        rows = pd.read_csv(page, keep_default_na=False)
        own = rows.loc[rows["method"] == method]
        for setting, value in entry.chosen.items():
            assert list(own.loc[own["setting"] == setting, "value"]) == list(entry.tried[setting])
            assert list(own.loc[own["chosen"] == "yes", "value"]) == [value]


@pytest.mark.parametrize("page", sorted(STUDIES.glob("*/tuning-*.md")), ids=lambda path: path.name)
def test_committed_pages_of_tuning_are_current(page):
    preset = page.stem.removeprefix("tuning-")
    (dataset,) = set(pd.read_csv(page.with_suffix(".csv"))["dataset"])
    methods = collect(page.parent, dataset, preset)
    assert page.read_text() == markdown(f"Tuning on {dataset}, protocol {preset}", methods)
    assert page.with_suffix(".csv").read_text() == numbers(dataset, preset, methods)
