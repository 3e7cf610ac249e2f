"""Measured runs by the scores that a test asks for, without any files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.evaluation.influence import JointScores
from bench.reporting.results.runs import Runs
from bench.reporting.results.scores import ScoredRuns

Cell = tuple[str, str]


def measured_of(
    cells: Mapping[Cell, Sequence[float] | Mapping[int, float]],
    *,
    stale: Sequence[Cell] = (),
    patients: int = 400,
    patient_sd: float = 0.0,
    metrics: Sequence[str] = ("kappa",),
) -> ScoredRuns:
    """Runs of cells (method, ratio) with a score a seed, counted from 0 or named.

    Args:
        cells: The same scores by every metric.
        patient_sd: Standard error of each run's score under sampling of patients, independent.
    """
    by_cell, values, old = {}, [], []
    for cell, scores in cells.items():
        named = scores if isinstance(scores, Mapping) else dict(enumerate(scores))
        by_cell[cell] = {seed: len(values) + place for place, seed in enumerate(named)}
        values += named.values()
        old += [cell in stale] * len(named)
    noise = np.random.default_rng(0).standard_normal((patients, len(values)))
    joint = JointScores(np.array(values), patient_sd * noise / patients**0.5)
    names = tuple(f"run{place}" for place in range(len(values)))
    seeds = {place: seed for places in by_cell.values() for seed, place in places.items()}
    members = tuple({seeds[place]: Path(name)} for place, name in enumerate(names))
    runs = Runs(by_cell, names, tuple(old), members, dict.fromkeys(metrics, joint))
    return ScoredRuns(runs, dict.fromkeys(metrics, joint.values))
