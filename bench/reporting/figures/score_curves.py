"""Score against the proportion of low-quality images, with intervals: does quality cost less?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.evaluation import registry
from bench.reporting.figures import style
from bench.reporting.figures.study import (
    Picture,
    ScoredStudy,
    dagger_note,
    in_words,
    seeds_in_words,
)

TOGETHER = 4
"""Methods that one panel can hold; more get a panel each."""

COLUMNS = 4

CAPTION = (
    "Mean over seeds with its 95 % interval, in which another choice of seeds and another sample "
    "of patients both vary; a hollow mark has none, being one seed or runs "
    "exactly alike. {seeds}. {tuned}{dotted}{panels}{cut}{left_out}{dagger}"
)
AT_TUNED = (
    "Each finding is answered from a threshold on that is tuned on the run's own validation rows; "
    "intervals take it as given. "
)
DOTTED = "Dotted: the most frequent class for every image. "
CUT = "Intervals that reach a panel's edge go on beyond it. "
EACH = (
    "One panel per method, with CoMCL beside it (diamonds) and all other methods in light grey "
    "behind. "
)


class MeanScore(NamedTuple):
    """A method's mean score at one ratio over n seeds.

    Attributes:
        share: Of low-quality test images.
        low: End of the 95 % interval, nan where there is none; so is `high`.
    """

    method: str
    ratio: str
    share: float
    mean: float
    low: float
    high: float
    n: int


def pictures(study: ScoredStudy) -> list[Picture]:
    """One picture a score."""
    return [_picture(study, metric) for metric in study.metrics]


def mean_scores(study: ScoredStudy, metric: str) -> list[MeanScore]:
    """The points of all curves, method by method; undefined scores are left out."""
    points = []
    for method in at_several_shares(study):
        for ratio in study.ratios:
            mean_score = study.scored.score(metric, method, ratio)
            if mean_score is None or not np.isfinite(mean_score.value):
                continue
            low, high = mean_score.interval() or (np.nan, np.nan)
            proportion = study.share(ratio)
            points.append(
                MeanScore(method, ratio, proportion, mean_score.value, low, high, mean_score.seeds)
            )
    return points


def limits(points: Sequence[MeanScore]) -> tuple[float, float]:
    """What a panel shows: all means with room for intervals that are of use.

    Two seeds can give an interval many times as wide as the score's whole range; shown to its ends
    it would flatten every curve.
    """
    means = [point.mean for point in points] or [0.0]
    room = max(0.1, 0.5 * (max(means) - min(means)))
    return min(means) - room, max(means) + room


def at_several_shares(study: ScoredStudy) -> tuple[str, ...]:
    """The methods that a curve can be drawn of; where no method was run at two shares, all."""
    counts = {
        m: sum(bool(study.folders(m, ratio)) for ratio in study.ratios) for m in study.methods
    }
    return tuple(m for m, n in counts.items() if n > 1) or study.methods


def _picture(study: ScoredStudy, metric: str) -> Picture:
    points, methods = mean_scores(study, metric), at_several_shares(study)
    together = len(methods) <= TOGETHER
    draw = _together if together else _apart
    heading = study.metrics[metric]
    title = f"{heading}{',' * (',' in heading)} as images lose quality"
    with style.styled():
        figure = draw(study, metric, points, methods)
        low, high = limits(points)
        for axes in figure.axes:
            axes.set_ylim(low, high)
        style.heading(figure, title, study.about)
    gone = [study.title(method) for method in study.methods if method not in methods]
    caption = CAPTION.format(
        seeds=seeds_in_words([p.n for p in points]).capitalize() if points else "No score defined",
        tuned=AT_TUNED if registry.named(metric).tuned else "",
        dotted="" if study.constant(metric) is None else DOTTED,
        panels="" if together else EACH,
        cut=CUT if any(p.low < low or p.high > high for p in points) else "",
        left_out=f"Left out, run at one proportion only: {', '.join(gone)}. " if gone else "",
        dagger=dagger_note(study, methods),
    )
    return Picture(
        f"scores-{metric}",
        title,
        caption.strip(),
        pd.DataFrame(points, columns=MeanScore._fields),
        figure,
    )


def _together(
    study: ScoredStudy, metric: str, points: list[MeanScore], methods: tuple[str, ...]
) -> Figure:
    """All methods in one panel, a legend beside it."""
    figure, (axes,) = style.panels(1, columns=1, width=6.6, height=3.8)
    frame(axes, study, metric)
    styles = _looks(methods)
    for index, method in enumerate(methods):
        # Side by side, so that intervals at one share do not hide each other.
        shift = 0.008 * (index - (len(methods) - 1) / 2)
        draw_curve(axes, of_method(points, method), styles[method], study.title(method), shift)
    axes.set_ylabel(study.metrics[metric])
    axes.set_xlabel("proportion of low-quality test images")
    figure.legend(loc="outside right center", frameon=False, handlelength=3.2)
    return figure


def _apart(
    study: ScoredStudy, metric: str, points: list[MeanScore], methods: tuple[str, ...]
) -> Figure:
    """A panel a method."""
    figure, all_axes = style.panels(
        len(methods), columns=COLUMNS, width=2.05, height=1.85, sharex=True, sharey=True
    )
    for axes, method in zip(all_axes, methods, strict=True):
        frame(axes, study, metric)
        for rival in (name for name in methods if name not in (method, "comcl")):
            proportions, means = line_of(of_method(points, rival))
            axes.plot(proportions, means, color=style.PALE, lw=0.7, zorder=1)
        if method != "comcl":
            draw_curve(axes, of_method(points, "comcl"), _BESIDE, "")
        draw_curve(axes, of_method(points, method), style.method_style(method), study.title(method))
        style.panel_title(axes, study.title(method), bold=method == "comcl")
    style.label_below(all_axes, COLUMNS, "low-quality test images")
    figure.supylabel(study.metrics[metric], fontsize=8)
    return figure


_BESIDE = style.MethodStyle(style.VERMILION, "D", "-", 0.9, 2.5)
"""CoMCL in the panels of others."""

_REST = (
    style.OTHER_STYLE,
    style.MethodStyle(style.PURPLE, "s", (0, (6, 1.5, 1, 1.5))),
    style.MethodStyle(style.ORANGE, "v", (0, (3, 1))),
    style.MethodStyle(style.INK, "P", "-"),
)


def _looks(methods: tuple[str, ...]) -> dict[str, style.MethodStyle]:
    """Looks that differ in marker, line and colour."""
    rest = iter(_REST)
    fixed = ("comcl", "resnet50-long")
    return {
        method: style.method_style(method) if method in fixed else next(rest) for method in methods
    }


def frame(axes: Axes, study: ScoredStudy, metric: str) -> None:
    """Ticks at the shares that were run, and the line that no method is needed for."""
    proportions = [study.share(ratio) for ratio in study.ratios]
    texts = [in_words(*pair) for pair in zip(study.ratios, proportions, strict=True)]
    axes.set_xticks(proportions, [text.replace(" (", "\n(") for text in texts])
    constant = study.constant(metric)
    if constant is not None:
        axes.axhline(constant, color=style.GREY, lw=0.8, ls=":", zorder=1)


def draw_curve(
    axes: Axes, curve: list[MeanScore], drawn_as: style.MethodStyle, label: str, shift: float = 0.0
) -> None:
    """A line through the means; bars where there are intervals, hollow marks where not."""
    proportions, mean = line_of(curve)
    x = proportions + shift
    bars = np.array([(p.mean - p.low, p.high - p.mean) for p in curve]).reshape(-1, 2).T
    has_interval = np.isfinite(bars[0])
    paint = {"color": drawn_as.colour, "zorder": 4 if drawn_as.width > 2 else 3}
    marks = {"marker": drawn_as.marker, "ms": drawn_as.size}
    axes.plot(x, mean, ls=drawn_as.line, lw=drawn_as.width, label=label, **marks, **paint)
    axes.plot(x[~has_interval], mean[~has_interval], ls="", mfc="white", **marks, **paint)
    if drawn_as is not _BESIDE:
        axes.errorbar(
            x[has_interval],
            mean[has_interval],
            bars[:, has_interval],
            ls="",
            capsize=2,
            elinewidth=0.9,
            **paint,
        )


def of_method(points: Sequence[MeanScore], method: str) -> list[MeanScore]:
    """The points of one method."""
    return [point for point in points if point.method == method]


def line_of(curve: Sequence[MeanScore]) -> tuple[np.ndarray, np.ndarray]:
    """Shares and means."""
    return np.array([p.share for p in curve]), np.array([p.mean for p in curve])
