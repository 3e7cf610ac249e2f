"""Committed pages are those of the committed records, byte for byte."""

from pathlib import Path

import pandas as pd
import pytest

from bench.evaluation.metrics import score_all
from bench.reporting.records import load
from bench.reporting.render import ENDINGS, render
from bench.reporting.tables import build

STUDIES = sorted(Path(__file__).parents[2].joinpath("results", "studies").iterdir())


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.name)
def test_committed_tables_are_current(study):
    table = build("1", load(study), protocol=None)
    for ending, form in ENDINGS.items():
        assert (study / f"{table.name}.{ending}").read_text() == render(table, form)


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.name)
def test_scores_are_those_of_the_stored_predictions_to_the_last_digit(study):
    for record in load(study).to_dict("records"):
        rows = pd.read_parquet(record["folder"] / "predictions.parquet")
        classes = [name for name in rows.columns if name.startswith("p_")]
        again = score_all(rows, kind="grading", classes=classes)["test"]
        assert (again["kappa"], again["accuracy"]) == (record["kappa"], record["accuracy"])
