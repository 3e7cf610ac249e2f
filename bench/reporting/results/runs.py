"""The runs that a page asks for, by cell and seed, each scored once on the same patients."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import NotComparable
from bench.evaluation.influence import JointScores
from bench.evaluation.joint import joint_scores
from bench.reporting.results.records import newest

MethodAtRatio = tuple[str, str]


@dataclass(frozen=True)
class Runs:
    """The runs of one data set.

    Attributes:
        by_cell: (method, ratio) -> seed -> place among the runs.
        ids: Of the runs, in their order.
        stale: Whether each was made by an older version of the code.
        folders: Of each.
        scores: By name, of all runs in their order.
    """

    by_cell: dict[MethodAtRatio, dict[int, int]] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    stale: tuple[bool, ...] = ()
    folders: tuple[Path, ...] = ()
    scores: dict[str, JointScores] = field(default_factory=dict)


def collect(records: pd.DataFrame, cells: set[MethodAtRatio], scores: tuple[str, ...]) -> Runs:
    """The runs of some cells: of the present code, or without any the latest stale ones.

    Args:
        records: Of one data set under one comparability key.
        cells: (method, ratio) of those to take.
        scores: Names as in `bench.evaluation.metrics`.

    Raises:
        NotComparable: if a cell has two runs of one seed, or two runs saw other test images.
    """
    rows: list[dict[Any, Any]] = []
    by_cell: dict[MethodAtRatio, dict[int, int]] = {}
    by_method: dict[Any, pd.DataFrame] = dict(iter(records.groupby(["method", "lq_ratio"])))
    for cell in sorted(cells & by_method.keys()):
        indices = by_cell.setdefault(cell, {})
        for row in newest(by_method[cell]).sort_values(["seed", "id"]).to_dict("records"):
            if row["seed"] in indices:
                raise NotComparable(
                    f"two runs of {' at '.join(cell)} have seed {row['seed']}; "
                    "name a folder that has only one of them with --records DIR"
                )
            indices[row["seed"]] = len(rows)
            rows.append(row)
    folders = tuple(Path(str(row["folder"])) for row in rows)
    return Runs(
        by_cell,
        tuple(str(row["id"]) for row in rows),
        tuple(row["state"] == "stale" for row in rows),
        folders,
        joint_scores(folders, scores) if folders else {},
    )


def first_run(folders: Iterable[Path]) -> str | None:
    """The earliest `date` in the provenance of some runs; None without runs or if one has none."""
    dates = [json.loads((f / "provenance.json").read_text()).get("date") for f in folders]
    return min(dates) if dates and all(dates) else None
