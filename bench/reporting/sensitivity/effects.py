"""What each open question of the paper changes: the effect of each alternative, and on whose rank.

An alternative is compared with the default over the seeds that both have, on the same test images.
Rivals are the other rows of the first table that shows the method, from runs under the same key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.evaluation import registry
from bench.evaluation.statistics import Estimate, estimate, first_minus_second, score
from bench.experiments import EXPERIMENTS
from bench.protocol.switches import STUDY, Alternative, OpenQuestion
from bench.reporting.results.comparability import comparable_groups
from bench.reporting.results.scores import ScoredRuns, score_runs
from bench.store import EventLog


@dataclass(frozen=True)
class Crossing:
    """A rival on the other side of the method under an alternative.

    Attributes:
        rival: Its name.
        passed: Whether the alternative ranks above it, and the default below.
        sure: Whether the 95 % intervals of both differences exclude 0.
    """

    rival: str
    passed: bool
    sure: bool


@dataclass(frozen=True)
class RankChange:
    """The rank among the rivals, 1 the highest, over seeds that all have; who is crossed."""

    default: int
    other: int
    methods: int
    crossings: tuple[Crossing, ...]


@dataclass(frozen=True)
class Effect:
    """One alternative against the default.

    Attributes:
        alternative: Which.
        score: Of the alternative; None where nothing was run.
        difference: Reading minus default; None without a seed that both have.
        selected: Share of anchors that self-paced learning selects, the mean over pairs of levels,
            epochs and seeds; None where the method selects none.
        ranks: None without the default, or without rivals that share its seeds; and wherever a run
            of either did not learn. Rivals with such a run have no part in it.
        seeds: Of `difference`, in order.
        stale: Whether it stands on runs of older code.
        undecided: "5 of 6 trained" where a run of either did not learn, else "".
    """

    alternative: Alternative
    score: Estimate | None
    difference: Estimate | None
    selected: float | None
    ranks: RankChange | None
    seeds: tuple[int, ...] = ()
    stale: bool = False
    undecided: str = ""


@dataclass(frozen=True)
class QuestionEffects:
    """What one point moves.

    Attributes:
        question: Which.
        ratio: The proportion of low-quality images that its runs have.
        default: The score of the default; None where nothing was run.
        selected: Of the default, as of an effect.
        effects: One per alternative.
    """

    question: OpenQuestion
    ratio: str
    default: Estimate | None
    selected: float | None
    effects: tuple[Effect, ...]

    @property
    def largest(self) -> float:
        """The largest effect either way; -1 where there is none."""
        values = [e.difference.value for e in self.effects if e.difference is not None]
        finite = [abs(value) for value in values if np.isfinite(value)]
        return max(finite, default=-1.0)


@dataclass(frozen=True)
class Sensitivity:
    """A study on one data set under one key, the point that moves most first."""

    dataset: str
    key: str
    protocol: str
    metric: str
    questions: tuple[QuestionEffects, ...]


def sensitivity(
    records: pd.DataFrame,
    points: Sequence[OpenQuestion],
    dataset: str,
    lq_ratio: str = "native",
    protocol: str | None = None,
) -> Sensitivity | None:
    """What the points move on a data set; None without runs of a study.

    Args:
        records: One row a run, as `bench.reporting.results.records.load` gives them; may be empty.
        points: To report.
        dataset: Its name.
        lq_ratio: The share to look at, where a point does not have its own.
        protocol: Name or comparability key to select; None if the study has only one.

    Raises:
        NotComparable: if the study has runs that must not be compared.
        RequestError: if no run has the protocol that was asked for.
    """
    if records.empty:
        return None
    records = _of_study(records.loc[records["dataset"] == dataset])
    if records.empty:
        return None
    (group,) = comparable_groups(records, protocol)
    runs = group.records
    metric = registry.primary(registry.kind_of(runs)).name
    wanted = {alternative.cell for point in points for alternative in point.readings}
    rivals = {name for point in points for name in rivals_of(point.default.method)}
    scored = score_runs(runs, wanted | rivals, [metric])
    effects = [_moved(scored, metric, p, p.ratio or lq_ratio) for p in points]
    effects.sort(key=lambda effect_of: -effect_of.largest)
    first = runs.iloc[0]
    return Sensitivity(
        dataset, str(first["key"]), str(first["protocol_name"]), metric, tuple(effects)
    )


def rivals_of(method: str) -> tuple[str, ...]:
    """The other rows of the first table that shows a method."""
    for experiment in EXPERIMENTS.values():
        rows = [row.method for row in experiment.rows]
        if method in rows:
            return tuple(name for name in rows if name != method)
    return ()


def _of_study(records: pd.DataFrame) -> pd.DataFrame:
    """Runs of the study and of the main one under the study's keys, a run of both once.

    Their study is then forgotten, so that what refuses runs that must not be compared sees all.
    """
    study = records.loc[records["study"] == STUDY]
    kept = records.loc[
        (records["study"].isna() | (records["study"] == STUDY)) & records["key"].isin(study["key"])
    ]
    main_first = kept.assign(own=kept["study"] == STUDY).sort_values(["own", "id"], kind="stable")
    once = main_first.drop_duplicates(["key", "method", "lq_ratio", "seed", "state"])
    return once.drop(columns="own").assign(study=None)


def _moved(scored: ScoredRuns, metric: str, point: OpenQuestion, ratio: str) -> QuestionEffects:
    default = point.default.cell
    effects = tuple(_effect(scored, metric, point, r, ratio) for r in point.others)
    score_of = scored.score(metric, default, ratio)
    return QuestionEffects(
        point, ratio, score_of, selected_proportion(scored, default, ratio), effects
    )


def _effect(
    scored: ScoredRuns, metric: str, point: OpenQuestion, alternative: Alternative, ratio: str
) -> Effect:
    default = point.default.cell
    undecided = scored.runs.want_of_training([(default, ratio), (alternative.cell, ratio)])
    return Effect(
        alternative,
        scored.score(metric, alternative.cell, ratio),
        scored.difference(metric, alternative.cell, default, ratio),
        selected_proportion(scored, alternative.cell, ratio),
        None if undecided else _standing(scored, metric, point, alternative, ratio),
        tuple(_shared(scored, (default, alternative.cell), ratio)),
        scored.stale(alternative.cell, ratio) or scored.stale(default, ratio),
        undecided,
    )


def selected_proportion(scored: ScoredRuns, method: str, ratio: str) -> float | None:
    """The share of anchors that self-paced learning selects, from the runs' own logs."""
    indices = scored.seeds(method, ratio).values()
    members = [scored.runs.members[index] for index in indices]
    by_run = [_selected(folder) for folders in members for folder in folders.values()]
    known = [proportion for proportion in by_run if proportion is not None]
    return float(np.mean(known)) if known else None


def _selected(folder: Path) -> float | None:
    events: list[dict[str, Any]] = EventLog(folder / "events.jsonl").read()
    proportions = [
        value
        for event in events
        for name, value in event.get("train", {}).items()
        if name.startswith("selected/")
    ]
    return float(np.mean(proportions)) if proportions else None


def _standing(
    scored: ScoredRuns, metric: str, point: OpenQuestion, alternative: Alternative, ratio: str
) -> RankChange | None:
    default, other = point.default.cell, alternative.cell
    rivals = [name for name in rivals_of(point.default.method) if name != other]
    by_rival: dict[str, tuple[Estimate, Estimate]] = {}
    for rival in rivals:
        seeds = _shared(scored, (default, other, rival), ratio)
        if seeds and scored.all_trained(rival, ratio):
            of_default, of_alternative = (
                _difference(scored, metric, (name, rival), ratio, seeds)
                for name in (default, other)
            )
            by_rival[rival] = (of_default, of_alternative)
    if not by_rival:
        return None
    ranks = [1 + sum(pair[side].value < 0 for pair in by_rival.values()) for side in (0, 1)]
    crossings = tuple(
        Crossing(rival, of_alternative.value > 0, _clear(of_default) and _clear(of_alternative))
        for rival, (of_default, of_alternative) in by_rival.items()
        if of_default.value * of_alternative.value < 0
    )
    return RankChange(ranks[0], ranks[1], len(by_rival) + 1, crossings)


def _shared(scored: ScoredRuns, methods: Iterable[str], ratio: str) -> list[int]:
    """The seeds that all of them have."""
    return sorted(set.intersection(*(set(scored.seeds(name, ratio)) for name in methods)))


def _difference(
    scored: ScoredRuns, metric: str, pair: tuple[str, str], ratio: str, seeds: Sequence[int]
) -> Estimate:
    first, second = (scored.seeds(name, ratio) for name in pair)
    indices = np.array([[first[seed], second[seed]] for seed in seeds])
    return estimate(scored.runs.scores[metric], indices, first_minus_second(score))


def _clear(difference: Estimate) -> bool:
    """Whether its interval leaves 0 out."""
    interval = difference.interval()
    return interval is not None and (interval.low > 0 or interval.high < 0)
