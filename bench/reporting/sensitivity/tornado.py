"""A sensitivity study as a tornado plot: one bar per alternative, the largest effect on top.

Blue for more and orange for less, which are told apart by all kinds of colour vision, and hatched
where less, which is told apart in grey. The same study gives the same bytes: no date, no name of
the program, and fixed names inside the SVG.
"""

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.protocol.presets import named_protocol
from bench.reporting.sensitivity.effects import Effect, Sensitivity

MORE, LESS, INK = "#0072B2", "#E69F00", "#222222"  # Okabe and Ito's blue and orange
WIDTH_IN, ROW_IN, HEAD_IN = 7.2, 0.28, 1.3
GAP = 0.6  # between points, in rows
ROOM = 1.25  # the axis beyond the farthest seed
LEAST = 0.01  # half of the axis where nothing moves

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "comcl-bench",
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8.0,
    "hatch.linewidth": 0.6,
    "axes.linewidth": 0.6,
}


class Bar(NamedTuple):
    """One alternative in the plot.

    Attributes:
        place: From the top, in rows.
        label: Its name.
        effect: Alternative minus default.
        seeds: The same of each seed.
        interval: 95 %, or None.
    """

    place: float
    label: str
    effect: float
    seeds: tuple[float, ...]
    interval: tuple[float, float] | None


def tornado(study: Sensitivity) -> dict[str, bytes]:
    """The plot as {"svg": ..., "png": ...}; alternatives without an effect are left out."""
    with mpl.rc_context(STYLE):
        figure = _draw(study)
        return {
            "svg": _saved(figure, "svg", {"Date": None, "Creator": None}),
            "png": _saved(figure, "png", {"Software": None}),
        }


def bars(study: Sensitivity) -> tuple[list[Bar], list[tuple[float, str]]]:
    """The bars, and where the heading of each point stands with its text."""
    drawn: list[Bar] = []
    heads: list[tuple[float, str]] = []
    row = 0.0
    for of_question in study.questions:
        effects = [effect for effect in of_question.effects if _is_there(effect)]
        if not effects:
            continue
        default = of_question.question.default
        where = f"{of_question.question.id}  {default.method} at {of_question.ratio}"
        heads.append((row, f"{where}, default: {default.name}"))
        for effect in effects:
            row += 1
            drawn.append(_bar(row, effect))
        row += 1 + GAP
    return drawn, heads


def reach(drawn: list[Bar]) -> float:
    """Half of the axis: every seed is on it; an interval of few seeds may not be."""
    values = [abs(value) for bar in drawn for value in (bar.effect, *bar.seeds)]
    return max(ROOM * max(values, default=0.0), LEAST)


def _is_there(effect: Effect) -> bool:
    return effect.difference is not None and bool(np.isfinite(effect.difference.value))


def _bar(row: float, effect: Effect) -> Bar:
    assert effect.difference is not None
    interval = effect.difference.interval()
    ends = None if interval is None else (interval.low, interval.high)
    difference = effect.difference
    name = effect.alternative.name + f" ({effect.undecided})" * bool(effect.undecided)
    return Bar(row, name, difference.value, difference.per_seed, ends)


def _draw(study: Sensitivity) -> Figure:
    drawn, heads = bars(study)
    rows = drawn[-1].place + 1 if drawn else 1.0
    figure = Figure(figsize=(WIDTH_IN, HEAD_IN + ROW_IN * rows), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    edge = reach(drawn)
    for bar in drawn:
        _one(axes, bar, edge)
    axes.axvline(0, color=INK, linewidth=0.8)
    ticks = [*((bar.place, bar.label) for bar in drawn), *heads]
    axes.set_yticks([row for row, _ in ticks], [text for _, text in ticks])
    for label, (_, text) in zip(axes.get_yticklabels(), ticks, strict=True):
        label.set_fontweight("bold" if text in {head for _, head in heads} else "normal")
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(-edge, edge)
    axes.set_ylim(rows, -0.8)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel(f"{study.metric}: alternative minus default")
    figure.suptitle(
        f"{study.dataset}, {named_protocol(study.protocol)}: one open question at a time\n"
        "bar: mean; dots: seeds; line: 95 % interval of three seeds or more, an arrow where it "
        "leaves the plot",
        fontsize=8.0,
        x=0.01,
        ha="left",
    )
    return figure


def _one(axes: Axes, bar: Bar, edge: float) -> None:
    more = bar.effect >= 0
    axes.barh(
        bar.place,
        bar.effect,
        height=0.62,
        color=MORE if more else LESS,
        edgecolor=INK,
        linewidth=0.5,
        hatch="" if more else "////",
    )
    if bar.interval is not None:
        low, high = np.clip(bar.interval, -edge, edge)
        axes.plot([low, high], [bar.place, bar.place], color=INK, linewidth=0.9)
        for end, marker in _ends(bar.interval, edge):
            axes.plot(end, bar.place, marker, color=INK, markersize=4.5, clip_on=False)
    each = np.full(len(bar.seeds), bar.place)
    axes.plot(bar.seeds, each, "o", color="white", markeredgecolor=INK, markersize=3.2, mew=0.7)


def _ends(interval: tuple[float, float], edge: float) -> Iterator[tuple[float, str]]:
    """A tick where an end is in the plot, an arrow where it is not."""
    low, high = interval
    yield (low, "|") if low >= -edge else (-edge, "<")
    yield (high, "|") if high <= edge else (edge, ">")


def _saved(figure: Figure, form: str, metadata: dict[str, None]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, metadata=metadata)
    return buffer.getvalue()
