"""How sure the order of a column is: rank intervals, and each method's chance to be best."""

from collections.abc import Sequence

import numpy as np

from bench.evaluation.ranks import ranking
from bench.experiments import ExperimentRow
from bench.reporting.results.scores import ScoredRuns
from bench.reporting.tables.model import Block, Cell, Column, Line

NOTE = (
    "ranks: 95 % interval of the rank, and the chance of the highest mean, over other seeds and "
    "other patients like these; methods with two seeds or more, 1 the highest"
)


def rank_block(
    measured: ScoredRuns,
    metric: str,
    heading: str,
    rows: Sequence[ExperimentRow],
    columns: Sequence[Column],
) -> Block | None:
    """A line a method, as "1 to 2, 83 %"; "-" where it has fewer than two seeds.

    None where no column has two methods to rank.
    """
    ranks = {c.ratio: _ranked(measured, metric, rows, c.ratio) for c in columns if c.measured}
    ranked = {method for found in ranks.values() for method in found}
    if not ranked:
        return None
    lines = tuple(
        Line(row.method, row.title, tuple(_cell(column, row, ranks) for column in columns))
        for row in rows
        if row.method in ranked
    )
    return Block("", f"Rank by {_inside(heading)}", lines)


def _inside(heading: str) -> str:
    """A heading inside a sentence: "Kappa" as "kappa", "AUROC" as it is."""
    return heading if heading[1:2].isupper() else f"{heading[0].lower()}{heading[1:]}"


def _ranked(
    measured: ScoredRuns, metric: str, rows: Sequence[ExperimentRow], ratio: str
) -> dict[str, tuple[int, int, float]]:
    """Method -> best and worst rank of its interval, and its chance to be best."""
    scores = measured.runs.scores.get(metric)
    cells = {row.method: list(measured.seeds(row.method, ratio).values()) for row in rows}
    if scores is None:
        return {}
    values = scores.values
    cells = {m: c for m, c in cells.items() if len(c) > 1 and np.isfinite(values[c]).all()}
    if len(cells) < 2:
        return {}
    found = ranking(scores, list(cells.values()))
    results = zip(found.low.tolist(), found.high.tolist(), found.best.tolist(), strict=True)
    return dict(zip(cells, results, strict=True))


def _cell(
    column: Column, row: ExperimentRow, ranks: dict[str, dict[str, tuple[int, int, float]]]
) -> Cell:
    if not column.measured:
        return Cell("")
    if row.method not in ranks[column.ratio]:
        return Cell("-")
    low, high, best = ranks[column.ratio][row.method]
    return Cell(f"{f'{low} to {high}' if low < high else low}, {100 * best:.0f} %")
