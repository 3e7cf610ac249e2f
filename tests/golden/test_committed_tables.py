"""Committed pages are those of the committed records, byte for byte."""

import json

import pandas as pd
import pytest
from paths import STUDIES

from bench.evaluation import registry
from bench.evaluation.metrics import score_all
from bench.reporting.results.records import load
from bench.reporting.tables.build import build
from bench.reporting.tables.render import ENDINGS, render

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
