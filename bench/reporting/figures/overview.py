"""Several data sets in one picture: what the README shows, the proposed method among all others."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.reporting.figures import style
from bench.reporting.figures.score_curves import (
    MeanScore,
    at_several_shares,
    draw_curve,
    frame,
    limits,
    line_of,
    mean_scores,
    of_method,
)
from bench.reporting.figures.study import Picture, ScoredStudy, seeds_in_words

NAMED = ("resnet50", "resnet50-long", "comcl")
"""Methods with a mark, an interval and a name; all others are pale lines."""

CAPTION = (
    "Mean over seeds against the proportion of low-quality test images, with 95 % "
    "intervals over seeds "
    "and patients where a method is named. {seeds}. Pale: the paper's other methods. Dotted: the "
    "most frequent class for every image. Intervals that reach an edge go on beyond it."
)


def overview(studies: Sequence[ScoredStudy]) -> Picture:
    """The main score of each data set, a panel each.

    Args:
        studies: One or more.
    """
    points = {study.group.dataset: mean_scores(study, _main(study)) for study in studies}
    with style.styled():
        figure, all_axes = style.panels(len(studies), columns=2, width=3.6, height=2.9)
        for axes, study in zip(all_axes, studies, strict=True):
            _panel(axes, study, points[study.group.dataset])
        _legend(figure, all_axes)
    rows = [(name, *point) for name, of_dataset in points.items() for point in of_dataset]
    data = pd.DataFrame(rows, columns=["dataset", *MeanScore._fields])
    caption = CAPTION.format(seeds=seeds_in_words(data["n"].tolist()).capitalize())
    return Picture("overview", "Score as images lose quality", caption, data, figure)


def _main(study: ScoredStudy) -> str:
    return next(iter(study.metrics))


def _panel(axes: Axes, study: ScoredStudy, points: Sequence[MeanScore]) -> None:
    """All methods that were run at two shares or more, the named ones on top."""
    metric = _main(study)
    frame(axes, study, metric)
    axes.set_ylim(*_ends(points))
    for method in at_several_shares(study):
        of_one_method = of_method(points, method)
        if method in NAMED:
            # Side by side, so that intervals at one share do not hide each other.
            shift = 0.006 * (NAMED.index(method) - 1)
            draw_curve(axes, of_one_method, style.method_style(method), study.title(method), shift)
        else:
            axes.plot(*line_of(of_one_method), color=style.PALE, lw=0.9, zorder=1)
    kind = ", synthetic images" if study.group.dataset.endswith("-twin") else ""
    style.panel_title(axes, f"{study.group.dataset}{kind}", letters=40)
    axes.set_ylabel(study.metrics[metric])
    axes.set_xlabel("low-quality test images")


def _ends(points: Sequence[MeanScore]) -> tuple[float, float]:
    """All means, and the named methods' intervals as far as a figure of scores shows them."""
    means = [point.mean for point in points]
    named = [p for p in points if p.method in NAMED]
    ends = [end for p in named for end in (p.low, p.high) if np.isfinite(end)]
    low, high = min((*means, *ends)), max((*means, *ends))
    least, most = limits(points)
    room = 0.05 * (high - low)
    return max(low, least) - room, min(high, most) + room


def _legend(figure: Figure, all_axes: Sequence[Axes]) -> None:
    """Each name once, below the panels."""
    handles, labels = [], []
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    if labels:
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
