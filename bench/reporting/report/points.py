"""Every open point of the paper, with the effect that another reading was measured to have."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.protocol.ambiguities import Ambiguity, load
from bench.protocol.switches import DEFAULT, METHODS, STUDY, chosen
from bench.reporting.report.embedded import smallest
from bench.reporting.report.judged import interval
from bench.reporting.sensitivity.effects import Effect, Moved, Sensitivity, sensitivity
from bench.reporting.sensitivity.page import summary
from bench.reporting.sensitivity.tornado import tornado

MEASURED = tuple(dict.fromkeys((*DEFAULT, *METHODS)))
"""The points that a study measures."""


class Moves(NamedTuple):
    """One reading's effect.

    Attributes:
        dataset: Where it was measured.
        reading: Which.
        effect: Its minus the default's score, as text; "not run" without runs.
        interval: 95 %, as text.
        seeds: How many.
        stale: Whether runs of older code stand behind it.
    """

    dataset: str
    reading: str
    effect: str
    interval: str
    seeds: int
    stale: bool


class Open(NamedTuple):
    """One open point with its measured effects, and the largest by size; None if none is."""

    entry: Ambiguity
    number: int
    moves: tuple[Moves, ...]
    largest: float | None


class Told(NamedTuple):
    """One study: its title, what is to be said of it, and its plot."""

    title: str
    sentences: tuple[str, ...]
    plot: str
    score: str


def studied(records: pd.DataFrame, protocol: str | None) -> tuple[Sensitivity, ...]:
    """The sensitivity studies of all data sets that have one, at the share that most runs have.

    Args:
        records: One row a run, studies included; may be empty.
        protocol: As of the page.
    """
    own = records.loc[records["study"] == STUDY] if len(records) else records
    found = []
    for dataset in sorted(set(own["dataset"])) if len(own) else ():
        shares = own.loc[own["dataset"] == dataset, "lq_ratio"].value_counts()
        ratio = min(shares.index, key=lambda share: (-shares[share], share != "native", share))
        found.append(sensitivity(records, chosen(MEASURED), dataset, str(ratio), protocol))
    return tuple(one for one in found if one is not None)


def points(studies: Sequence[Sensitivity]) -> tuple[Open, ...]:
    """The registry, each point with what the studies found: what moves most first."""
    found = [_open(entry, studies) for entry in load().values()]
    return tuple(sorted(found, key=lambda one: -1.0 if one.largest is None else -one.largest - 2))


def plots(studies: Sequence[Sensitivity]) -> tuple[Told, ...]:
    """The studies in words and as tornado plots."""
    return tuple(_plot(study) for study in studies)


def _plot(study: Sensitivity) -> Told:
    drawn = tornado(study)
    title = f"{study.dataset}, protocol {study.protocol} ({study.key})"
    return Told(
        title, tuple(summary(study)), smallest(drawn["svg"], lambda: drawn["png"]), study.metric
    )


def _open(entry: Ambiguity, studies: Sequence[Sensitivity]) -> Open:
    found = [(s.dataset, m) for s in studies for m in s.points if m.point.id == entry.id]
    moves = tuple(_moves(dataset, e) for dataset, m in found for e in m.effects)
    sizes = [abs(value) for _, m in found for value in _values(m)]
    return Open(entry, int(entry.id.removeprefix("D")), moves, max(sizes, default=None))


def _values(moved: Moved) -> list[float]:
    values = [e.difference.value for e in moved.effects if e.difference is not None]
    return [value for value in values if np.isfinite(value)]


def _moves(dataset: str, effect: Effect) -> Moves:
    found, reading = effect.difference, effect.reading.name
    if found is None:
        return Moves(dataset, reading, "not run", "", 0, effect.stale)
    text = f"{found.value:+.3f}"
    return Moves(dataset, reading, text, interval(found.interval()), found.seeds, effect.stale)
