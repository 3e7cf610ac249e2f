"""Training curves of a cell's runs from their `events.jsonl`, as points of small SVG plots."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.store import EventLog

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 300.0, 150.0, 44.0, 22.0, 8.0, 10.0
MOST = 120
"""Points of a line; of longer training every n-th epoch and the last are drawn."""

DASHES = ("", "6 2", "2 2", "8 2 2 2", "1 3")
Points = list[tuple[float, float]]


class TrainingCurve(NamedTuple):
    """One run's line.

    Attributes:
        seed: Of the run.
        dash: Its pattern, so that seeds are told apart without colour.
        points: "x,y x,y", in the plot's units.
        last: The value it ends with, as text.
    """

    seed: int
    dash: str
    points: str
    last: str


class TrainingPlot(NamedTuple):
    """One quantity of one stage over epochs.

    Attributes:
        title: "finetune: loss".
        lines: One a run.
        ticks: Texts at the bottom left, bottom right, low and high ends of the axes.
    """

    title: str
    lines: tuple[TrainingCurve, ...]
    ticks: tuple[str, str, str, str]


def plots(folders: Mapping[int, Path]) -> tuple[TrainingPlot, ...]:
    """The loss of each stage, and where it was scored the validation split's score.

    Args:
        folders: Seed -> run folder.
    """
    by_title: dict[str, dict[int, Points]] = {}
    for seed, folder in folders.items():
        for title, epoch, value in _values(EventLog(folder / "events.jsonl").read()):
            by_title.setdefault(title, {}).setdefault(seed, []).append((epoch, value))
    return tuple(_plot(title, by_seed) for title, by_seed in by_title.items())


def _values(events: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float, float]]:
    """(title, epoch, value) of what is a number."""
    for event in events:
        if "epoch" not in event:
            continue
        validation = event.get("validation", {}).get("score")
        pairs = (("loss", event["train"].get("loss")), ("validation score", validation))
        for what, value in pairs:
            if value is not None and math.isfinite(value):
                yield f"{event['stage']}: {what}", float(event["epoch"]), float(value)


def _plot(title: str, by_seed: Mapping[int, Points]) -> TrainingPlot:
    epochs = [epoch for points in by_seed.values() for epoch, _ in points]
    values = [value for points in by_seed.values() for _, value in points]
    x, y = (min(epochs), max(epochs)), _ends(values)
    lines = tuple(
        TrainingCurve(
            seed,
            DASHES[index % len(DASHES)],
            " ".join(_at(point, x, y) for point in _line(points)),
            f"{points[-1][1]:.3f}",
        )
        for index, (seed, points) in enumerate(by_seed.items())
    )
    return TrainingPlot(title, lines, (f"{x[0]:g}", f"{x[1]:g}", f"{y[0]:.3g}", f"{y[1]:.3g}"))


def thinned(points: Points) -> Points:
    """At most MOST points and the last one, evenly taken."""
    if len(points) <= MOST:
        return points
    step = math.ceil(len(points) / MOST)
    kept = points[::step]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _line(points: Points) -> Points:
    """What is drawn of a line; one point alone twice, since a line of one point is none."""
    return thinned(points) if len(points) > 1 else points * 2


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Of an axis; one apart around values that are all alike."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _at(point: tuple[float, float], x: tuple[float, float], y: tuple[float, float]) -> str:
    across = _part(point[0], *x) * (WIDTH - LEFT - RIGHT) + LEFT
    down = (1 - _part(point[1], *y)) * (HEIGHT - TOP - BOTTOM) + TOP
    return f"{across:.1f},{down:.1f}"


def _part(value: float, low: float, high: float) -> float:
    """Where a value stands between two others; the middle, where they are one."""
    return (value - low) / (high - low) if high > low else 0.5
