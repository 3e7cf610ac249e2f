"""Every open question of the paper, with the effect that each alternative was measured to have."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.protocol.ambiguities import Ambiguity, load
from bench.protocol.presets import named_protocol
from bench.protocol.switches import DEFAULT, METHODS, STUDY, chosen
from bench.reporting.report.embedded import smallest
from bench.reporting.report.verdict_rows import interval
from bench.reporting.sensitivity.effects import Effect, QuestionEffects, Sensitivity, sensitivity
from bench.reporting.sensitivity.page import summary
from bench.reporting.sensitivity.tornado import tornado

MEASURED = tuple(dict.fromkeys((*DEFAULT, *METHODS)))
"""The points that a study measures."""


class MeasuredEffect(NamedTuple):
    """The effect of one alternative.

    Attributes:
        dataset: Where it was measured.
        alternative: Which.
        effect: Its minus the default's score, as text; "not run" without runs.
        interval: 95 %, as text.
        seeds: How many.
        stale: Whether runs of older code stand behind it.
    """

    dataset: str
    alternative: str
    effect: str
    interval: str
    seeds: int
    stale: bool


class QuestionEntry(NamedTuple):
    """One open question with its measured effects, and the largest by size; None if none is."""

    entry: Ambiguity
    number: int
    effects: tuple[MeasuredEffect, ...]
    largest: float | None


class StudySummary(NamedTuple):
    """One study: its title, what is to be said of it, and its plot."""

    title: str
    sentences: tuple[str, ...]
    plot: str
    score: str


def sensitivity_studies(records: pd.DataFrame, protocol: str | None) -> tuple[Sensitivity, ...]:
    """The sensitivity studies of all data sets that have one, at the share that most runs have.

    Args:
        records: One row a run, studies included; may be empty.
        protocol: As of the page.
    """
    study_runs = records.loc[records["study"] == STUDY] if len(records) else records
    studies = []
    for dataset in sorted(set(study_runs["dataset"])) if len(study_runs) else ():
        ratios = study_runs.loc[study_runs["dataset"] == dataset, "lq_ratio"].value_counts()
        ratio = min(ratios.index, key=lambda ratio: (-ratios[ratio], ratio != "native", ratio))
        studies.append(sensitivity(records, chosen(MEASURED), dataset, str(ratio), protocol))
    return tuple(study for study in studies if study is not None)


def question_entries(studies: Sequence[Sensitivity]) -> tuple[QuestionEntry, ...]:
    """The registry, each point with what the studies found: what moves most first."""
    entries = [_open(entry, studies) for entry in load().values()]
    return tuple(
        sorted(
            entries,
            key=lambda entry_row: -1.0 if entry_row.largest is None else -entry_row.largest - 2,
        )
    )


def study_summaries(studies: Sequence[Sensitivity]) -> tuple[StudySummary, ...]:
    """The studies in words and as tornado plots."""
    return tuple(_plot(study) for study in studies)


def _plot(study: Sensitivity) -> StudySummary:
    drawn = tornado(study)
    title = f"{study.dataset}, {named_protocol(study.protocol)} ({study.key})"
    return StudySummary(
        title, tuple(summary(study)), smallest(drawn["svg"], lambda: drawn["png"]), study.metric
    )


def _open(entry: Ambiguity, studies: Sequence[Sensitivity]) -> QuestionEntry:
    pairs = [(s.dataset, m) for s in studies for m in s.questions if m.question.id == entry.id]
    moves = tuple(_moves(dataset, e) for dataset, m in pairs for e in m.effects)
    sizes = [abs(value) for _, m in pairs for value in _values(m)]
    return QuestionEntry(entry, int(entry.id.removeprefix("D")), moves, max(sizes, default=None))


def _values(moved: QuestionEffects) -> list[float]:
    values = [e.difference.value for e in moved.effects if e.difference is not None]
    return [value for value in values if np.isfinite(value)]


def _moves(dataset: str, effect: Effect) -> MeasuredEffect:
    difference, alternative = effect.difference, effect.alternative.name
    if difference is None:
        return MeasuredEffect(dataset, alternative, "not run", "", 0, effect.stale)
    text = f"{difference.value:+.3f}"
    return MeasuredEffect(
        dataset, alternative, text, interval(difference.interval()), difference.seeds, effect.stale
    )
