"""Who is best, and how sure is that? Rank intervals and the probability of the highest mean."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import rankdata

from bench.evaluation.ranks import ranking
from bench.evaluation.statistics import FEWEST_SEEDS
from bench.reporting.figures import style
from bench.reporting.figures.study import Picture, ScoredStudy, Skipped, dagger_note, in_words

NAME = "ranks"
TOO_FEW = (
    "rank intervals need two methods with three seeds each at one ratio; "
    "bench sweep --table 1 --seeds 3 runs them"
)
CAPTION = (
    "Mark: rank of the mean score. Bar: 95 % interval of the rank over other seeds and other "
    "patients like these; a long bar means that the order says little. Number: probability of the "
    "highest mean, in percent. {left_out}{dagger}"
)
ROW = 0.24
LEFT_OUT = "Left out, having no three seeds or a run that has not learnt: {}. "


class Ranked(NamedTuple):
    """How one method stands at one ratio, over n seeds.

    Attributes:
        rank: Of its mean, 1 the highest.
        low: Best rank of the interval.
        high: Worst rank of the interval.
        best: Probability of the highest mean.
    """

    method: str
    ratio: str
    mean: float
    rank: int
    low: int
    high: int
    best: float
    n: int


def pictures(study: ScoredStudy) -> list[Picture | Skipped]:
    """The main score's ranks, a panel a ratio."""
    metric, heading = next(iter(study.metrics.items()))
    ranks = ranked(study, metric)
    if not ranks:
        return [Skipped(NAME, TOO_FEW)]
    ratios = list(dict.fromkeys(rank.ratio for rank in ranks))
    ranked_methods = {rank.method for rank in ranks}
    methods = [method for method in study.methods if method in ranked_methods]
    title = f"Rank stability: {heading}"
    with style.styled():
        figure, all_axes = style.panels(
            len(ratios),
            columns=len(ratios),
            width=2.4 + 1.2 / len(ratios),
            height=0.8 + ROW * len(methods),
            sharex=True,
            sharey=True,
        )
        for axes, ratio in zip(all_axes, ratios, strict=True):
            style.panel_title(axes, in_words(ratio, study.share(ratio)))
            _panel(axes, [rank for rank in ranks if rank.ratio == ratio], methods)
        style.name_rows(all_axes, map(study.title, methods))
        figure.supxlabel("rank (1 is the highest); right: P(best) in percent", fontsize=8)
        style.heading(figure, title, study.about)
    gone = [study.title(method) for method in study.methods if method not in methods]
    caption = CAPTION.format(
        left_out=LEFT_OUT.format(", ".join(gone)) if gone else "",
        dagger=dagger_note(study, methods),
    )
    return [Picture(NAME, title, caption.strip(), pd.DataFrame(ranks), figure)]


def ranked(study: ScoredStudy, metric: str) -> list[Ranked]:
    """The ranks of every ratio at which two methods have three seeds, all trained and defined."""
    scores, rows = study.scored.runs.scores[metric], []
    for ratio in study.ratios:
        cells = {
            method: list(indices.values())
            for method in study.methods
            if len(indices := study.scored.seeds(method, ratio)) >= FEWEST_SEEDS
            and study.scored.all_trained(method, ratio)
            and np.isfinite(scores.values[list(indices.values())]).all()
        }
        if len(cells) < 2:
            continue
        result = ranking(scores, list(cells.values()))
        ranks = rankdata(-result.means, method="min").astype(int).tolist()
        columns = (result.means.tolist(), ranks, result.low, result.high, result.best.tolist())
        for (method, indices), mean, rank, low, high, best in zip(
            cells.items(), *columns, strict=True
        ):
            rows.append(Ranked(method, ratio, mean, rank, int(low), int(high), best, len(indices)))
    return rows


def _panel(axes: Axes, ranks: list[Ranked], methods: list[str]) -> None:
    for rank in ranks:
        drawn_as, row = style.method_style(rank.method), methods.index(rank.method)
        bar = {"lw": 5, "alpha": 0.3, "solid_capstyle": "round"}
        axes.plot([rank.low, rank.high], [row] * 2, color=drawn_as.colour, **bar)
        axes.plot(rank.rank, row, drawn_as.marker, color=drawn_as.colour, ms=4.5)
        beside = axes.get_yaxis_transform()
        axes.text(1.01, row, _percent(rank.best), transform=beside, va="center", fontsize=6.5)
    axes.set_xlim(0.6, len(methods) + 0.4)
    axes.set_xticks([n for n in range(1, len(methods) + 1) if n == 1 or n % _step(methods) == 0])


def _step(methods: list[str]) -> int:
    """Of the rank's ticks, so that they stay apart."""
    return 1 if len(methods) <= 8 else 3


def _percent(probability: float) -> str:
    """Whole percents, with what is neither nothing nor all said to be so."""
    if 0 < probability < 0.01:
        return "<1"
    return ">99" if 0.99 < probability < 1 else f"{100 * probability:.0f}"
