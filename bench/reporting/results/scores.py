"""The runs behind a table's cells, each scored once and all on the same patients.

Letters: M runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.errors import NotComparable
from bench.evaluation.influence import JointScores
from bench.evaluation.statistics import Estimate, estimate, first_minus_second, score
from bench.reporting.results.runs import Runs, collect

# A score of a million images adds up as many rounding errors of 1e-16.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Score:
    """One run's score in full precision."""

    run: str
    seed: int
    value: float


@dataclass(frozen=True)
class ScoredRuns:
    """The runs of one data set that a table shows.

    Attributes:
        runs: By cell and seed, with their joint scores.
        recorded: By metric, (M,) scores as the records have them.
    """

    runs: Runs
    recorded: Mapping[str, np.ndarray]

    def has_runs(self, method: str, ratio: str) -> bool:
        """Whether a cell has runs."""
        return (method, ratio) in self.runs.by_cell

    def seeds(self, method: str, ratio: str) -> dict[int, int]:
        """Seed -> index among the runs; empty where nothing was run."""
        return self.runs.by_cell.get((method, ratio), {})

    def stale(self, method: str, ratio: str) -> bool:
        """Whether a cell has runs of older code."""
        return any(self.runs.stale[index] for index in self.seeds(method, ratio).values())

    def trained(self, method: str, ratio: str) -> tuple[int, int]:
        """How many of a cell's runs have learnt, and of how many."""
        return self.runs.trained((method, ratio))

    def all_trained(self, method: str, ratio: str) -> bool:
        """Whether every run of a cell has learnt; cells with one that has not are never ranked."""
        learnt, total = self.trained(method, ratio)
        return learnt == total

    def scores(self, metric: str, method: str, ratio: str) -> tuple[Score, ...]:
        """The recorded scores of a cell, by seed."""
        indices = sorted(self.seeds(method, ratio).items())
        values = self.recorded[metric]
        return tuple(
            Score(self.runs.ids[index], seed, float(values[index])) for seed, index in indices
        )

    def score(self, metric: str, method: str, ratio: str) -> Estimate | None:
        """The score of a cell over its seeds; None where nothing was run."""
        indices = [[index] for _, index in sorted(self.seeds(method, ratio).items())]
        joint = self.runs.scores.get(metric)
        return estimate(joint, np.array(indices), score) if joint and indices else None

    def difference(self, metric: str, method: str, rival: str, ratio: str) -> Estimate | None:
        """The score of one method minus that of another; None without a seed that both have."""
        first, second = self.seeds(method, ratio), self.seeds(rival, ratio)
        shared = sorted(first.keys() & second.keys())
        if not shared:
            return None
        indices = np.array([[first[seed], second[seed]] for seed in shared])
        return estimate(self.runs.scores[metric], indices, first_minus_second(score))


def score_runs(
    records: pd.DataFrame, methods: Iterable[str] | None, metrics: Sequence[str]
) -> ScoredRuns:
    """Score the runs of some methods from their predictions.

    Args:
        records: Of one data set under one comparability key.
        methods: Those to take; None for all.
        metrics: Names as in `bench.evaluation.metrics`.

    Raises:
        NotComparable: if a record's scores are not those of its predictions, if a cell has two runs
            of one seed, or if two runs saw other test images.
    """
    kept_methods = set(records["method"]) if methods is None else set(methods)
    cells = set(zip(records["method"], records["lq_ratio"], strict=True))
    runs = collect(records, {cell for cell in cells if cell[0] in kept_methods}, tuple(metrics))
    by_id = records.set_index("id")
    recorded = {metric: _recorded(metric, runs, by_id) for metric in runs.scores}
    for metric, joint in runs.scores.items():
        _refuse_other_scores(runs.ids, metric, recorded[metric], joint)
    return ScoredRuns(runs, recorded)


def _recorded(metric: str, runs: Runs, by_id: pd.DataFrame) -> np.ndarray:
    """(M,) scores as the records have them; computed, where that is a repeat's or they have none.

    A repeat is scored on all of its folds at once, which no record is.
    """
    values = runs.scores[metric].values.copy()
    if metric in by_id:
        alone = [index for index, run in enumerate(runs.ids) if run in by_id.index]
        values[alone] = by_id.loc[[runs.ids[index] for index in alone], metric].to_numpy(float)
    return values


def _refuse_other_scores(
    ids: Sequence[str], metric: str, recorded: np.ndarray, joint: JointScores
) -> None:
    same = np.isclose(recorded, joint.values, rtol=0, atol=ROUNDING, equal_nan=True)
    if not same.all():
        index = int(np.flatnonzero(~same)[0])
        raise NotComparable(
            f"run {ids[index]} records {metric} {recorded[index]:.6g}, but its predictions give "
            f"{joint.values[index]:.6g}; delete its folder and run it again"
        )
