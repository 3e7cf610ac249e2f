"""The runs that a page asks for, by cell and seed, each scored once on the same patients.

Where a set is tested in folds, what is scored is a repeat: the runs of all of its folds, whose test
images together are the whole set. Of a repeat that lacks a fold nothing is scored.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import NotComparable
from bench.evaluation import gates
from bench.evaluation.influence import JointScores
from bench.evaluation.joint import FILE, joint_scores
from bench.reporting.results.records import newest

MethodAtRatio = tuple[str, str]
Row = dict[Any, Any]


@dataclass(frozen=True)
class Runs:
    """The runs of one data set.

    Attributes:
        by_cell: (method, ratio) -> seed, or with folds the repeat -> place among the runs.
        ids: Of the runs, in their order; of a repeat those of its folds, joined by "+".
        stale: Whether each was made by an older version of the code.
        members: Of each, seed -> folder: of itself, or of a repeat's folds.
        scores: By name, of all runs in their order.
        incomplete: (method, ratio) -> repeat -> folds that are missing.
        untrained: Places of the runs that did not pass their gate; a repeat passes it as one.
    """

    by_cell: dict[MethodAtRatio, dict[int, int]] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    stale: tuple[bool, ...] = ()
    members: tuple[Mapping[int, Path], ...] = ()
    scores: dict[str, JointScores] = field(default_factory=dict)
    incomplete: dict[MethodAtRatio, dict[int, tuple[int, ...]]] = field(default_factory=dict)
    untrained: frozenset[int] = frozenset()

    def trained(self, cell: MethodAtRatio) -> tuple[int, int]:
        """How many of a cell's runs have learnt, and of how many."""
        places = self.by_cell.get(cell, {}).values()
        return sum(place not in self.untrained for place in places), len(places)

    def want_of_training(self, cells: Iterable[MethodAtRatio]) -> str:
        """How many runs of some cells have learnt, as "5 of 6 trained"; "" where all have.

        What is left where a training failed is a choice of the lucky runs: a cell counts whole.
        """
        counts = [self.trained(cell) for cell in dict.fromkeys(cells)]
        learnt, total = (sum(numbers) for numbers in zip(*counts, strict=True))
        return "" if learnt == total else f"{learnt} of {total} trained"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Of all runs."""
        return tuple(folder for runs in self.members for folder in runs.values())


def collect(records: pd.DataFrame, cells: set[MethodAtRatio], scores: tuple[str, ...]) -> Runs:
    """The runs of some cells: of the present code, or without any the latest stale ones.

    Args:
        records: Of one data set under one comparability key.
        cells: (method, ratio) of those to take.
        scores: Names as in `bench.evaluation.metrics`.

    Raises:
        NotComparable: if a cell has two runs of one seed, or two runs saw other test images.
    """
    scored: list[list[Row]] = []
    by_cell: dict[MethodAtRatio, dict[int, int]] = {}
    incomplete: dict[MethodAtRatio, dict[int, tuple[int, ...]]] = {}
    by_method: dict[Any, pd.DataFrame] = dict(iter(records.groupby(["method", "lq_ratio"])))
    for cell in sorted(cells & by_method.keys()):
        by_seed = _by_seed(cell, newest(by_method[cell]))
        for number, rows in _repeats(by_seed).items():
            if missing := _missing(number, rows):
                incomplete.setdefault(cell, {})[number] = missing
            else:
                by_cell.setdefault(cell, {})[number] = len(scored)
                scored.append(rows)
    members = tuple({row["seed"]: Path(str(row["folder"])) for row in rows} for rows in scored)
    return Runs(
        by_cell,
        tuple("+".join(str(row["id"]) for row in rows) for rows in scored),
        tuple(any(row["state"] == "stale" for row in rows) for rows in scored),
        members,
        joint_scores([tuple(folders.values()) for folders in members], scores) if members else {},
        incomplete,
        frozenset(place for place, rows in enumerate(scored) if not is_trained(rows)),
    )


def folds_of(run: Mapping[Any, Any]) -> int | None:
    """In how many folds a record's data set is tested; None where it is not."""
    return run["protocol"].get("data", {}).get("folds")


def _by_seed(cell: MethodAtRatio, records: pd.DataFrame) -> dict[int, Row]:
    by_seed: dict[int, Row] = {}
    for row in records.sort_values(["seed", "id"]).to_dict("records"):
        if row["seed"] in by_seed:
            raise NotComparable(
                f"two runs of {' at '.join(cell)} have seed {row['seed']}; "
                "name a folder that has only one of them with --records DIR"
            )
        by_seed[row["seed"]] = row
    return by_seed


def _repeats(by_seed: Mapping[int, Row]) -> dict[int, list[Row]]:
    """The runs that are scored as one: each by itself, or those of a repeat."""
    repeats: dict[int, list[Row]] = {}
    for seed, row in by_seed.items():
        repeats.setdefault(seed // (folds_of(row) or 1), []).append(row)
    return repeats


def _missing(repeat: int, rows: list[Row]) -> tuple[int, ...]:
    """The folds of a repeat that have no run."""
    folds = folds_of(rows[0]) or 1
    there = {row["seed"] - repeat * folds for row in rows}
    return tuple(sorted(set(range(folds)) - there))


def is_trained(rows: list[Row]) -> bool:
    """Whether a run passes its gate, or the folds of a repeat together."""
    if len(rows) == 1 and rows[0].get("trained") in (True, False):
        return bool(rows[0]["trained"])
    tables = [pd.read_parquet(Path(str(row["folder"])) / FILE) for row in rows]
    return gates.pooled([table.loc[table["split"] == "validation"] for table in tables]).trained


def first_run(folders: Iterable[Path]) -> str | None:
    """The earliest `date` in the provenance of some runs; None without runs or if one has none."""
    dates = [json.loads((f / "provenance.json").read_text()).get("date") for f in folders]
    return min(dates) if dates and all(dates) else None
