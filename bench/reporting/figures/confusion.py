"""Which grade is taken for which: confusion matrices, averaged over seeds.

Of findings, which do not exclude each other, `findings` draws what each one's answers are worth.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bench.evaluation.measures import confusion
from bench.reporting.figures import findings, style
from bench.reporting.figures.study import (
    Picture,
    Study,
    answers,
    at_share,
    said_of,
    seeds_in_words,
)

NAME = "confusion"
CAPTION = (
    "Rows: true grade; columns: predicted grade. Shade and upper number: share of the row, in "
    "percent; lower number: images, mean over {seeds}. {dagger}"
)
LIGHT_TEXT = 0.55


def pictures(study: Study) -> list[Picture]:
    """One picture a ratio."""
    if answers(study.measured.runs.folders[0]).grading:
        return [_picture(study, ratio) for ratio in study.ratios]
    return [findings.picture(study, ratio, NAME) for ratio in study.ratios]


class Matrix(NamedTuple):
    """One method's matrix, true grades by predicted ones.

    Attributes:
        images: (C, C) number of images, mean over n seeds.
        share: (C, C) of the row; nan for a grade without images.
    """

    method: str
    images: np.ndarray
    share: np.ndarray
    n: int


def matrices(study: Study, ratio: str) -> list[Matrix]:
    """Of every method that was run at a ratio."""
    found = []
    for method in study.methods:
        folders = study.folders(method, ratio)
        if folders:
            mean = np.mean([_counts(folder) for folder in folders.values()], axis=0)
            totals = mean.sum(axis=1, keepdims=True)
            share = np.divide(mean, totals, out=np.full_like(mean, np.nan), where=totals > 0)
            found.append(Matrix(method, mean, share, len(folders)))
    return found


def _table(found: list[Matrix]) -> pd.DataFrame:
    rows = [
        (one.method, *place, one.images[place], one.share[place], one.n)
        for one in found
        for place in np.ndindex(*one.images.shape)
    ]
    return pd.DataFrame(rows, columns=["method", "true", "predicted", "count", "share", "n"])


def _counts(folder: Path) -> np.ndarray:
    given = answers(folder)
    return confusion(given.labels, given.probabilities.argmax(axis=1), given.probabilities.shape[1])


def _picture(study: Study, ratio: str) -> Picture:
    found = matrices(study, ratio)
    title = f"True and predicted grades {at_share(ratio, study.share(ratio))}"
    with style.styled():
        figure, all_axes = style.panels(
            len(found), columns=4, width=2.0, height=2.1, sharex=True, sharey=True
        )
        for axes, one in zip(all_axes, found, strict=True):
            _matrix(axes, one)
            style.panel_title(axes, f"{study.title(one.method)} (n={one.n})", letters=24)
        style.label_below(all_axes, 4, "predicted grade")
        figure.supylabel("true grade", fontsize=8)
        style.heading(figure, title, study.about)
    caption = CAPTION.format(
        seeds=seeds_in_words([one.n for one in found]),
        dagger=said_of(study, [one.method for one in found]),
    )
    return Picture(f"{NAME}-{ratio}", title, caption.strip(), _table(found), figure)


def _matrix(axes: Axes, one: Matrix) -> None:
    axes.imshow(np.nan_to_num(one.share), cmap="Blues", vmin=0, vmax=1, interpolation="none")
    for true, predicted in np.ndindex(*one.images.shape):
        share, count = one.share[true, predicted], one.images[true, predicted]
        if np.isnan(share):
            continue
        ink = "white" if share > LIGHT_TEXT else style.INK if count >= 0.5 else style.GREY
        text = {"ha": "center", "va": "center", "fontsize": 5.5, "color": ink}
        axes.text(predicted, true, f"{100 * share:.0f}\n{count:.0f}", **text)
    grades = range(len(one.images))
    axes.set_xticks(grades, map(str, grades))
    axes.set_yticks(grades, map(str, grades))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
