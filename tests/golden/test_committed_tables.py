"""Committed pages are those of the committed records, byte for byte."""

from pathlib import Path

import pandas as pd
import pytest

from bench.evaluation.metrics import score_all
from bench.reporting.records import load
from bench.reporting.render import ENDINGS, render
from bench.reporting.tables import build

FOLDER = Path(__file__).parents[2] / "results" / "studies"
STUDIES = sorted(FOLDER.iterdir())
# Studies of one open point never enter a table and have none.
TABLES = sorted(FOLDER.glob("*/table[123].md"))


def test_there_are_committed_tables():
    assert FOLDER / "first" / "table1.md" in TABLES


@pytest.mark.parametrize("page", TABLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_committed_tables_are_current(page):
    table = build(page.stem.removeprefix("table"), load(page.parent))
    for ending, form in ENDINGS.items():
        assert page.with_suffix(f".{ending}").read_text() == render(table, form)


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.name)
def test_scores_are_those_of_the_stored_predictions_to_the_last_digit(study):
    for record in load(study).to_dict("records"):
        rows = pd.read_parquet(record["folder"] / "predictions.parquet")
        classes = [name for name in rows.columns if name.startswith("p_")]
        again = score_all(rows, kind="grading", classes=classes)["test"]
        assert (again["kappa"], again["accuracy"]) == (record["kappa"], record["accuracy"])
