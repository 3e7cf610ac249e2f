"""Has every method been trained for long enough? The validation score of each run over its epochs.

A best epoch in the last quarter of a training says that the training may have been too short.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.reporting.figures import style
from bench.reporting.figures.study import (
    Picture,
    ScoredStudy,
    Skipped,
    dagger_note,
    in_words,
    seeds_in_words,
)
from bench.store import EventLog

NAME, TITLE = "learning", "Learning curves: has every method been trained for long enough?"
COLUMNS = 4
LAST_QUARTER = 0.75
LINES = ((style.BLUE, "-"), (style.ORANGE, (0, (4, 1.5))), (style.INK, (0, (1, 1))))
PHASE = ["method", "ratio", "seed", "stage"]
CAPTION = (
    "Score of the validation split over the epochs of supervised training, phases one after the "
    "other with an upright line between them; one line a run ({seeds}), its ring the epoch whose "
    "weights were kept. In the last quarter of its phase lies the best epoch of {late} of {phases} "
    "phases ({share:.0%}); in each panel, of those of the method. {dagger}"
)


def pictures(study: ScoredStudy) -> list[Picture | Skipped]:
    """One picture, a panel a method."""
    curves = read(study)
    if curves.empty:
        return [Skipped(NAME, "no run has logged a validation score")]
    with style.styled():
        figure, all_axes = style.panels(
            len(study.methods), columns=COLUMNS, width=2.0, height=1.75, sharey=True
        )
        for axes, method in zip(all_axes, study.methods, strict=True):
            _panel(axes, study, curves.loc[curves["method"] == method])
            style.panel_title(axes, study.title(method))
        style.label_below(all_axes, COLUMNS, "epoch")
        figure.supylabel("validation score", fontsize=8)
        style.heading(figure, TITLE, study.about)
        figure.legend(
            handles=[_mark(study, ratio) for ratio in study.ratios],
            loc="outside lower center",
            ncols=len(study.ratios),
            frameon=False,
            handlelength=3.2,
        )
    late, phases = late_of(curves)
    numbers = curves.groupby(["method", "ratio"])["seed"].nunique()
    caption = CAPTION.format(
        seeds=seeds_in_words(list(numbers)),
        late=late,
        phases=phases,
        share=late / phases,
        dagger=dagger_note(study, study.methods),
    )
    return [Picture(NAME, TITLE, caption.strip(), curves, figure)]


def read(study: ScoredStudy) -> pd.DataFrame:
    """Every scored epoch of every run, a row each; `best` marks the one that a phase kept."""
    rows = [
        (method, ratio, seed, *epoch)
        for method in study.methods
        for ratio in study.ratios
        for seed, folder in study.folders(method, ratio).items()
        for epoch in _scored(folder)
    ]
    table = pd.DataFrame(rows, columns=[*PHASE, "epoch", "score"])
    first_best = table.groupby(PHASE)["score"].transform("idxmax")
    return table.assign(best=first_best == table.index)


def late_of(curves: pd.DataFrame) -> tuple[int, int]:
    """How many phases have their best epoch in their last quarter, and how many there are."""
    last = curves.groupby(PHASE)["epoch"].transform("max").to_numpy(float)
    best = curves["best"].to_numpy(bool)
    late = best & (curves["epoch"].to_numpy(float) > LAST_QUARTER * last)
    return int(late.sum()), int(best.sum())


def _scored(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Stage, epoch and score, for each epoch with a score that is a number."""
    for event in EventLog(folder / "events.jsonl").read():
        score = event.get("validation", {}).get("score")
        if score is not None:
            yield event["stage"], event["epoch"], score


def _panel(axes: Axes, study: ScoredStudy, curves: pd.DataFrame) -> None:
    for _, run in curves.groupby(["ratio", "seed"], sort=False):
        line, places = _mark(study, run["ratio"].iloc[0]), range(1, len(run) + 1)
        line.set_data(places, run["score"])
        line.set(lw=0.8)
        axes.add_line(line)
        kept = run["best"].to_numpy()
        axes.plot(
            [place for place, best in zip(places, kept, strict=True) if best],
            run["score"].to_numpy()[kept],
            ls="",
            marker="o",
            markersize=3.5,
            markerfacecolor="white",
            color=line.get_color(),
        )
        begins = run["stage"].ne(run["stage"].shift()).to_numpy()
        for place in (place for place, new in zip(places, begins, strict=True) if new):
            if place > 1:
                axes.axvline(place - 0.5, color=style.PALE, lw=0.5, zorder=0)
    late, phases = late_of(curves)
    axes.text(
        *(0.98, 0.03, f"late: {late} of {phases}"),
        transform=axes.transAxes,
        ha="right",
        fontsize=6.5,
    )
    axes.set_xlim(left=0)
    axes.margins(y=0.05)


def _mark(study: ScoredStudy, ratio: str) -> Line2D:
    """The line of a ratio, without points."""
    colour, line = LINES[study.ratios.index(ratio) % len(LINES)]
    label = in_words(ratio, study.share(ratio))
    return Line2D([], [], ls=line, color=colour, lw=1.2, label=label)
