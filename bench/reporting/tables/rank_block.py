"""How sure the order of a column is: rank intervals, and each method's chance to be best."""

from collections.abc import Sequence

import numpy as np

from bench.evaluation.ranks import ranking
from bench.evaluation.statistics import FEWEST_SEEDS
from bench.experiments import ExperimentRow
from bench.reporting.results.scores import ScoredRuns
from bench.reporting.tables.model import Block, Column, TableCell, TableLine

NOTE = (
    "ranks: 95 % interval of the rank, and the chance of the highest mean, over other seeds and "
    "other patients like these; methods with three seeds or more, 1 the highest"
)


def rank_block(
    scored: ScoredRuns,
    metric: str,
    heading: str,
    rows: Sequence[ExperimentRow],
    columns: Sequence[Column],
) -> Block | None:
    """A line a method, as "1 to 2, 83 %"; "-" where it has fewer than three seeds.

    None where no column has two methods to rank.
    """
    ranks = {c.ratio: _ranked(scored, metric, rows, c.ratio) for c in columns if c.measured}
    ranked = {method for by_method in ranks.values() for method in by_method}
    if not ranked:
        return None
    lines = tuple(
        TableLine(row.method, row.title, tuple(_cell(column, row, ranks) for column in columns))
        for row in rows
        if row.method in ranked
    )
    return Block("", f"Rank by {_inside(heading)}", lines)


def _inside(heading: str) -> str:
    """A heading inside a sentence: "Kappa" as "kappa", "AUROC" as it is."""
    return heading if heading[1:2].isupper() else f"{heading[0].lower()}{heading[1:]}"


def _ranked(
    scored: ScoredRuns, metric: str, rows: Sequence[ExperimentRow], ratio: str
) -> dict[str, tuple[int, int, float]]:
    """Method -> best and worst rank of its interval, and its chance to be best."""
    scores = scored.runs.scores.get(metric)
    learnt = [row.method for row in rows if scored.all_trained(row.method, ratio)]
    cells = {method: list(scored.seeds(method, ratio).values()) for method in learnt}
    if scores is None:
        return {}
    values = scores.values
    enough = {m: c for m, c in cells.items() if len(c) >= FEWEST_SEEDS}
    cells = {m: c for m, c in enough.items() if np.isfinite(values[c]).all()}
    if len(cells) < 2:
        return {}
    ranking_of_cells = ranking(scores, list(cells.values()))
    results = zip(
        ranking_of_cells.low.tolist(),
        ranking_of_cells.high.tolist(),
        ranking_of_cells.best.tolist(),
        strict=True,
    )
    return dict(zip(cells, results, strict=True))


def _cell(
    column: Column, row: ExperimentRow, ranks: dict[str, dict[str, tuple[int, int, float]]]
) -> TableCell:
    if not column.measured:
        return TableCell("")
    if row.method not in ranks[column.ratio]:
        return TableCell("-")
    low, high, best = ranks[column.ratio][row.method]
    return TableCell(f"{f'{low} to {high}' if low < high else low}, {100 * best:.0f} %")
