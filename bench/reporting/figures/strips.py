"""Every seed as a mark of its own: how much of a difference is luck of the seed?"""

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from bench.reporting.figures import style
from bench.reporting.figures.study import Picture, ScoredStudy, dagger_note, in_words

CAPTION = (
    "Each ring is one run, set apart downwards by its seed; the upright line is their mean and the "
    "band its 95 % interval over seeds and patients, absent where a method has fewer than three "
    "seeds. Dotted: the most frequent class for every image. {dagger}"
)
ROW = 0.24


class SeedScore(NamedTuple):
    """One run's score."""

    method: str
    ratio: str
    seed: int
    score: float


def pictures(study: ScoredStudy) -> list[Picture]:
    """The main score's strips."""
    metric, heading = next(iter(study.metrics.items()))
    scores, title = runs(study, metric), f"{heading}, seed by seed"
    with style.styled():
        figure, all_axes = style.panels(
            len(study.ratios),
            columns=len(study.ratios),
            width=2.4 + 1.2 / len(study.ratios),
            height=0.8 + ROW * len(study.methods),
            sharex=True,
            sharey=True,
        )
        for axes, ratio in zip(all_axes, study.ratios, strict=True):
            _strip(axes, study, metric, ratio, [score for score in scores if score.ratio == ratio])
        style.name_rows(all_axes, map(study.title, study.methods))
        figure.supxlabel(heading, fontsize=8)
        style.heading(figure, title, study.about)
    caption = CAPTION.format(dagger=dagger_note(study, study.methods)).strip()
    return [Picture(f"seeds-{metric}", title, caption, pd.DataFrame(scores), figure)]


def runs(study: ScoredStudy, metric: str) -> list[SeedScore]:
    """Every run, method by method and by seed."""
    return [
        SeedScore(method, ratio, score.seed, score.value)
        for method in study.methods
        for ratio in study.ratios
        for score in study.scored.scores(metric, method, ratio)
    ]


def _strip(
    axes: Axes, study: ScoredStudy, metric: str, ratio: str, scores: list[SeedScore]
) -> None:
    style.panel_title(axes, in_words(ratio, study.share(ratio)))
    axes.use_sticky_edges = False
    constant = study.constant(metric)
    if constant is not None:
        axes.axvline(constant, color=style.GREY, lw=0.8, ls=":")
    for row, method in enumerate(study.methods):
        values = [score.score for score in scores if score.method == method]
        colour = style.method_style(method).colour
        if not values:
            continue
        apart = 0.5 / max(len(values), 2)
        y = [row + apart * (n - (len(values) - 1) / 2) for n in range(len(values))]
        axes.plot(values, y, "o", ms=3.5, mfc="none", mec=colour, mew=0.9, zorder=3)
        mean = study.scored.score(metric, method, ratio)
        interval = mean.interval() if mean else None
        if interval:
            width = interval.high - interval.low
            axes.barh(row, width, 0.55, interval.low, color=colour, alpha=0.18, lw=0)
        if mean and len(values) > 1:
            axes.plot([mean.value] * 2, [row - 0.32, row + 0.32], color=colour, lw=1.6)
