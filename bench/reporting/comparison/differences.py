"""The difference of two rows in every column that both have, or of two runs on the same images.

Two methods are compared over the seeds that both have, as claims compare them; p is corrected over
the columns of a score. Two runs are two trained networks: what is sure of them is said of these
networks, and of the methods that made them nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench.errors import NotComparable, RequestError
from bench.evaluation import registry
from bench.evaluation.joint import joint_scores
from bench.evaluation.power import design_of
from bench.evaluation.statistics import Estimate, estimate, first_minus_second, holm, score
from bench.experiments import RATIOS, SEEDS
from bench.reporting.results.comparability import ComparableRuns, comparable_groups
from bench.reporting.results.runs import is_trained
from bench.reporting.results.scores import ScoredRuns, score_runs
from bench.roster import ALIASES

ALPHA = 0.05
SHORTEST_ID = 4
OF_NETWORKS = "two runs: nothing says how much seeds vary"


@dataclass(frozen=True)
class Difference:
    """First minus second, by one score in one column.

    Attributes:
        metric: Name of the score.
        ratio: The column; "" between two runs.
        scores: Of the first and of the second, means over their seeds.
        estimate: None where they share no seed.
        runs: Ids of both, in the order of the seeds; all of the first before those of the second.
        why: What stands in the way of a test, or "".
        p: Two-sided; None where `why`.
        adjusted: The same after Holm's correction over the columns of the score.
        detects: The smallest difference that these seeds find after the correction.
        stale: Whether a run is of older code.
    """

    metric: str
    ratio: str
    scores: tuple[float, float]
    estimate: Estimate | None
    runs: tuple[str, ...]
    why: str = ""
    p: float | None = None
    adjusted: float | None = None
    detects: float | None = None
    stale: bool = False


@dataclass(frozen=True)
class ComparedRows:
    """Two rows on one data set.

    Attributes:
        group: The records.
        names: Of the rows: methods, or ids of runs.
        differences: By score, then by column.
    """

    group: ComparableRuns
    names: tuple[str, str]
    differences: tuple[Difference, ...]


def compare_methods(
    records: pd.DataFrame, first: str, second: str, protocol: str | None = None
) -> tuple[ComparedRows, ...]:
    """Two methods on every data set where both have runs.

    Args:
        records: One row a run, as `bench.reporting.results.records.load` gives them.
        first: Name of a method.
        second: Of another.
        protocol: Name or comparability key to select; None if there is only one.

    Raises:
        NotComparable: if a data set has runs that must not be compared.
        RequestError: if the two are one, or have no data set in common.
    """
    names = (ALIASES.get(first, first), ALIASES.get(second, second))
    if names[0] == names[1]:
        raise RequestError(f"{first} and {second} are one method: name two")
    found = [
        _compared(group, names)
        for group in comparable_groups(records, protocol)
        if set(names) <= set(group.records["method"])
    ]
    if not found:
        there = ", ".join(sorted(set(records["method"]))) if len(records) else "none"
        raise RequestError(
            f"no data set here has finished runs of both {names[0]} and {names[1]}; methods with "
            f"runs: {there}. Make them, without any download: bench sweep --table 1 --dataset "
            f"eyeq-twin --methods {','.join(names)}"
        )
    return tuple(found)


def compare_runs(records: pd.DataFrame, first: str, second: str) -> tuple[ComparedRows, ...]:
    """Two runs that were tested on the same images.

    Args:
        records: As of `compare_methods`.
        first: Id of a run, or its first digits.
        second: Of another.

    Raises:
        NotComparable: if they saw other test images, or are of two data sets or protocols.
        RequestError: if one is no run here, or both are the same.
    """
    rows = [_run(records, name) for name in (first, second)]
    ids = (str(rows[0]["id"]), str(rows[1]["id"]))
    if ids[0] == ids[1]:
        raise RequestError(f"{first} and {second} are one run: name two")
    datasets = {str(row["dataset"]) for row in rows}
    if len(datasets) > 1:
        raise NotComparable(f"the runs are of two data sets: {', '.join(sorted(datasets))}")
    if len(keys := {str(row["key"]) for row in rows}) > 1:
        raise NotComparable(
            f"the runs are under two protocols, {' and '.join(sorted(keys))}: name two of one"
        )
    both = records.loc[records["id"].isin(ids)]
    metrics = [metric.name for metric in registry.printed(registry.kind_of(both))]
    joint = joint_scores([(Path(str(row["folder"])),) for row in rows], tuple(metrics))
    untrained = sum(not is_trained([row.to_dict()]) for row in rows)
    why = f"{len(rows) - untrained} of {len(rows)} trained" if untrained else OF_NETWORKS
    differences = tuple(
        Difference(
            metric,
            "",
            (float(scores.values[0]), float(scores.values[1])),
            estimate(scores, np.array([[0, 1]]), first_minus_second(score)),
            ids,
            why,
            stale=any(row["state"] == "stale" for row in rows),
        )
        for metric, scores in joint.items()
    )
    group = ComparableRuns(datasets.pop(), both, 0)
    return (ComparedRows(group, ids, differences),)


def are_runs(records: pd.DataFrame, *names: str) -> bool:
    """Whether all names are ids of runs here, or their first digits, and none a method's."""
    if records.empty or set(names) & {*records["method"], *ALIASES}:
        return False
    ids = records["id"].astype(str)
    return all(len(name) >= SHORTEST_ID and ids.str.startswith(name).any() for name in names)


def _run(records: pd.DataFrame, name: str) -> pd.Series:
    found = records.loc[records["id"].astype(str).str.startswith(name)]
    if len(found) != 1:
        raise RequestError(f"{len(found)} runs here have an id that begins with {name}: give more")
    return found.iloc[0]


def _compared(group: ComparableRuns, names: tuple[str, str]) -> ComparedRows:
    metrics = [metric.name for metric in registry.printed(registry.kind_of(group.records))]
    scored = score_runs(group.records, names, tuple(metrics))
    ratios = [r for r in _ratios(group.records) if all(scored.has_runs(n, r) for n in names)]
    found = [
        each
        for metric in scored.runs.scores
        for each in _corrected([_difference(scored, metric, names, ratio) for ratio in ratios])
    ]
    return ComparedRows(group, names, tuple(found))


def _ratios(records: pd.DataFrame) -> Sequence[str]:
    """The columns, those of the paper first."""
    there = dict.fromkeys(records["lq_ratio"])
    return [*(ratio for ratio in RATIOS if ratio in there), *sorted(there.keys() - set(RATIOS))]


def _difference(scored: ScoredRuns, metric: str, names: tuple[str, str], ratio: str) -> Difference:
    first, second = names
    found = scored.difference(metric, first, second, ratio)
    means = tuple(scored.score(metric, name, ratio) for name in names)
    seeds = sorted(scored.seeds(first, ratio).keys() & scored.seeds(second, ratio).keys())
    runs = tuple(scored.runs.ids[scored.seeds(n, ratio)[s]] for n in names for s in seeds)
    low, high = (float("nan") if mean is None else mean.value for mean in means)
    difference = Difference(
        metric,
        ratio,
        (low, high),
        found,
        runs,
        _obstacle(scored, names, ratio, found),
        stale=any(scored.stale(name, ratio) for name in names),
    )
    if difference.why or found is None:
        return difference
    return replace(difference, p=found.p_value())


def _obstacle(
    scored: ScoredRuns, names: tuple[str, str], ratio: str, found: Estimate | None
) -> str:
    if found is None:
        return "no seed that both have"
    untrained = scored.runs.want_of_training([(name, ratio) for name in names])
    if untrained or found.seeds >= SEEDS:
        return untrained or found.why_not
    return f"{found.seeds} of {SEEDS} seeds"


def _corrected(differences: list[Difference]) -> list[Difference]:
    """With Holm's correction over the columns, and what each finds by its first step."""
    adjusted = holm([each.p for each in differences])
    return [
        replace(each, adjusted=p, detects=_detects(each.estimate, len(differences)))
        if each.estimate is not None and p is not None
        else each
        for each, p in zip(differences, adjusted, strict=True)
    ]


def _detects(found: Estimate, tests: int) -> float | None:
    return design_of([found], ALPHA / tests).detects(found.seeds)
