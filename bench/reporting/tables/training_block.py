"""What each row was given and what its training took: input sides, samples, operations, seconds."""

from collections.abc import Sequence

import pandas as pd

from bench.evaluation import training_cost
from bench.experiments import ExperimentRow
from bench.reporting.results.scores import Score
from bench.reporting.tables.model import Block, Column, TableCell, TableLine

HEADING = "Input and training"
NOTE = (
    "input and training: side of what a network is given, stage by stage, the classifier's last; "
    "samples seen, repeats counted; floating-point operations of matrix products and convolutions, "
    "forward and backward; seconds of training alone. Means over runs; a lesion detector that runs "
    "share is not counted"
)


def training_block(
    records: pd.DataFrame, rows: Sequence[ExperimentRow], columns: Sequence[Column]
) -> list[Block]:
    """One line a row that has runs; no block where no record tells."""
    if "flops" not in records or not records["flops"].notna().to_numpy().any():
        return []
    lines = [
        TableLine(row.method, row.title, tuple(_cell(records, row.method, c) for c in columns))
        for row in rows
        if row.method in set(records["method"])
    ]
    return [Block("", HEADING, tuple(lines))]


def _cell(records: pd.DataFrame, method: str, column: Column) -> TableCell:
    runs = records.loc[(records["method"] == method) & (records["lq_ratio"] == column.ratio)]
    if not column.measured or runs.empty:
        return TableCell("" if not column.measured else "-")
    return TableCell(training_cost.summary(runs.to_dict("records")), facts=_facts(runs))


def _facts(runs: pd.DataFrame) -> tuple[tuple[str, Score], ...]:
    known = runs.loc[runs["flops"].notna()].sort_values("seed")
    values = {
        "input_px": [sides[-1] for sides in known["sides_px"]],
        **{name: known[name].tolist() for name in training_cost.FIELDS},
    }
    return tuple(
        (name, Score(run, seed, float(value)))
        for name, column in values.items()
        for run, seed, value in zip(known["id"], known["seed"], column, strict=True)
    )
