"""A cell among the records that it is printed from, and where their runs were made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import RequestError
from bench.evaluation.statistics import Estimate
from bench.experiments import TABLE1
from bench.protocol.presets import CHANGES
from bench.reporting.results.comparability import ComparableRuns, comparable_groups
from bench.reporting.results.scores import ScoredRuns, score_runs
from bench.reporting.tables.sections import metrics_of
from bench.reporting.tracing.cell_ids import CellId


@dataclass(frozen=True)
class LocatedCell:
    """A cell among the records that it is printed from.

    Attributes:
        cell: With its score filled in.
        group: The records of its data set.
        runs: Of the cell and not left out, one row each, by seed; may be empty.
        origins: Their provenance, in the same order.
    """

    cell: CellId
    group: ComparableRuns
    scored: ScoredRuns
    runs: tuple[Mapping[Any, Any], ...]
    origins: tuple[dict[str, Any], ...]

    @property
    def estimate(self) -> Estimate | None:
        """The score over seeds; None without runs."""
        return self.scored.score(self.cell.score, self.cell.method, self.cell.ratio)


def find(cell: CellId, records: pd.DataFrame, protocol: str | None = None) -> LocatedCell | None:
    """The cell with the records of its data set; None if there are none that it can stand among.

    Args:
        cell: Without a score, that of the data set's main one.
        records: One row a run, as `bench.reporting.results.records.load` gives them; may be empty.
        protocol: Name of a protocol or comparability key; None if there is only one.

    Raises:
        NotComparable: if runs of the data set must not share a table.
        RequestError: if no run has the comparability key that was asked for, or for a score that
            the data set does not have.
    """
    runs_of_dataset = records if records.empty else records.loc[records["dataset"] == cell.dataset]
    if runs_of_dataset.empty or (
        protocol in CHANGES and protocol not in set(runs_of_dataset["protocol_name"])
    ):
        return None
    groups = comparable_groups(runs_of_dataset, protocol)
    if not groups:
        return None
    (group,) = groups
    rows = {row.method for row in cell.experiment.rows}
    scores = metrics_of(group.records)
    scored = score_runs(group.records, None if cell.experiment is TABLE1 else rows, tuple(scores))
    if cell.score and cell.score not in scores:
        raise RequestError(
            f"{cell.dataset} has no score {cell.score!r}; it has {', '.join(scores)}"
        )
    score = cell.score or next(iter(scores))
    by_id = {run["id"]: run for run in group.records.to_dict("records")}
    ids = [score_of_run.run for score_of_run in scored.scores(score, cell.method, cell.ratio)]
    runs = tuple(by_id[run] for run in ids)
    return LocatedCell(
        replace(cell, score=score),
        group,
        scored,
        runs,
        tuple(origin_of(run["folder"]) for run in runs),
    )


def environment(origins: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Every field of the runs' environment with all values that it has in them."""
    skipped = ("command", "commit", "date", "seconds", "leakage", "shared")
    by_field: dict[str, set[str]] = {}
    for origin in origins:
        for name, value in origin.items():
            inner = value if isinstance(value, dict) else {"": value}
            for part, inner_value in inner.items() if name not in skipped else ():
                by_field.setdefault(f"{name}.{part}".rstrip("."), set()).add(str(inner_value))
    return {name: sorted(values) for name, values in by_field.items()}


def origin_of(folder: Path) -> dict[str, Any]:
    """A run's provenance."""
    return json.loads((Path(folder) / "provenance.json").read_text())
