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
    ScoredStudy,
    at_share,
    dagger_note,
    read_predictions,
    seeds_in_words,
)

NAME = "confusion"
CAPTION = (
    "Rows: true grade; columns: predicted grade. Shade and upper number: proportion of the row, in "
    "percent; lower number: images, mean over {seeds}. {dagger}"
)
LIGHT_TEXT = 0.55


def pictures(study: ScoredStudy) -> list[Picture]:
    """One picture a ratio."""
    if read_predictions(study.scored.runs.folders[0]).grading:
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


def matrices(study: ScoredStudy, ratio: str) -> list[Matrix]:
    """Of every method that was run at a ratio."""
    result = []
    for method in study.methods:
        folders = study.folders(method, ratio)
        if folders:
            mean = np.mean([_counts(folder) for folder in folders.values()], axis=0)
            totals = mean.sum(axis=1, keepdims=True)
            proportion = np.divide(mean, totals, out=np.full_like(mean, np.nan), where=totals > 0)
            result.append(Matrix(method, mean, proportion, len(folders)))
    return result


def _table(matrices_found: list[Matrix]) -> pd.DataFrame:
    rows = [
        (matrix.method, *index, matrix.images[index], matrix.share[index], matrix.n)
        for matrix in matrices_found
        for index in np.ndindex(*matrix.images.shape)
    ]
    return pd.DataFrame(rows, columns=["method", "true", "predicted", "count", "share", "n"])


def _counts(folder: Path) -> np.ndarray:
    predictions = read_predictions(folder)
    return confusion(
        predictions.labels,
        predictions.probabilities.argmax(axis=1),
        predictions.probabilities.shape[1],
    )


def _picture(study: ScoredStudy, ratio: str) -> Picture:
    matrices_found = matrices(study, ratio)
    title = f"True and predicted grades {at_share(ratio, study.share(ratio))}"
    with style.styled():
        figure, all_axes = style.panels(
            len(matrices_found), columns=4, width=2.0, height=2.1, sharex=True, sharey=True
        )
        for axes, matrix in zip(all_axes, matrices_found, strict=True):
            _matrix(axes, matrix)
            style.panel_title(axes, f"{study.title(matrix.method)} (n={matrix.n})", letters=24)
        style.label_below(all_axes, 4, "predicted grade")
        figure.supylabel("true grade", fontsize=8)
        style.heading(figure, title, study.about)
    caption = CAPTION.format(
        seeds=seeds_in_words([matrix.n for matrix in matrices_found]),
        dagger=dagger_note(study, [matrix.method for matrix in matrices_found]),
    )
    return Picture(f"{NAME}-{ratio}", title, caption.strip(), _table(matrices_found), figure)


def _matrix(axes: Axes, matrix: Matrix) -> None:
    axes.imshow(np.nan_to_num(matrix.share), cmap="Blues", vmin=0, vmax=1, interpolation="none")
    for true, predicted in np.ndindex(*matrix.images.shape):
        proportion, count = matrix.share[true, predicted], matrix.images[true, predicted]
        if np.isnan(proportion):
            continue
        ink = "white" if proportion > LIGHT_TEXT else style.INK if count >= 0.5 else style.GREY
        text = {"ha": "center", "va": "center", "fontsize": 5.5, "color": ink}
        axes.text(predicted, true, f"{100 * proportion:.0f}\n{count:.0f}", **text)
    grades = range(len(matrix.images))
    axes.set_xticks(grades, map(str, grades))
    axes.set_yticks(grades, map(str, grades))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
