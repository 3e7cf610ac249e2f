"""What a method's answers to each finding are worth: sensitivity, specificity, PPV and kappa.

An image can have several findings, so there is no matrix of one against another: each finding has
a table of two by two of its own, at the threshold that its run tuned on the validation split.
Letters: N images, C findings, M methods.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.evaluation.joint import FILE
from bench.evaluation.measures import confusion
from bench.evaluation.metrics import answered, finding_kappa, tuned_thresholds
from bench.reporting.figures import style
from bench.reporting.figures.study import (
    Picture,
    ScoredStudy,
    at_share,
    dagger_note,
    read_predictions,
    seeds_in_words,
)

CAPTION = (
    "Each finding of each test image is answered with yes from the probability on that gives the "
    "highest kappa on the run's own validation rows. In percent, of the answers of {seeds}: "
    "sensitivity, the images with the finding that are answered yes; specificity, those without "
    "it that are answered no; PPV, the yes answers that are right, where blind answers would be "
    "right as often as the finding occurs (in brackets below); a dash where there is no yes. "
    "Kappa: mean over seeds, and its mean over findings is that of Table 1. Shade: 0 to 1 "
    "everywhere. {untuned}{dagger}"
)
UNTUNED = "* answered from 0.5 on: the validation rows lack an image with it or one without it. "
LIGHT_TEXT = 0.55
ROW, COLUMN = 0.2, 0.36
"""Sides of a cell, inches."""


class FindingScores(NamedTuple):
    """One method's answers to one finding, counts as means over n seeds.

    Attributes:
        ppv: Of all seeds' answers; nan where none is yes. So is `npv` of those that are no.
        kappa: Mean over seeds; nan if no image or every image has the finding.
        untuned: Seeds without a threshold of their own.
    """

    method: str
    finding: str
    true_positive: float
    false_positive: float
    false_negative: float
    true_negative: float
    sensitivity: float
    specificity: float
    ppv: float
    npv: float
    kappa: float
    untuned: int
    n: int

    @property
    def share(self) -> float:
        """Of images that have the finding."""
        with_it = self.true_positive + self.false_negative
        return with_it / (with_it + self.false_positive + self.true_negative)


PANELS = {
    "sensitivity": "Sensitivity, %",
    "specificity": "Specificity, %",
    "ppv": "Positive predictive value, %",
    "kappa": "Kappa",
}


def picture(study: ScoredStudy, ratio: str, name: str) -> Picture:
    """One ratio's: a panel a measure, a row a method, a column a finding."""
    scores = tables(study, ratio)
    title = f"Findings answered at tuned thresholds {at_share(ratio, study.share(ratio))}"
    with style.styled():
        figure = _figure(study, scores)
        style.heading(figure, title, study.about)
    caption = CAPTION.format(
        seeds=seeds_in_words([finding.n for finding in scores]),
        untuned=UNTUNED if any(finding.untuned for finding in scores) else "",
        dagger=dagger_note(study, [finding.method for finding in scores]),
    )
    return Picture(f"{name}-{ratio}", title, caption.strip(), pd.DataFrame(scores), figure)


def tables(study: ScoredStudy, ratio: str) -> list[FindingScores]:
    """Of every method that was run at a ratio, finding by finding."""
    scores = []
    for method in study.methods:
        folders = list(study.folders(method, ratio).values())
        if folders:
            runs = [two_by_two(folder) for folder in folders]
            counts = np.mean([run.counts for run in runs], axis=0)
            kappas = np.mean([run.kappas for run in runs], axis=0)
            untuned = np.sum([run.untuned for run in runs], axis=0)
            rows = zip(names(folders[0]), counts, kappas, untuned, strict=True)
            scores += [_one(method, *row, len(runs)) for row in rows]
    return scores


class FindingCounts(NamedTuple):
    """One run's answers: (C, 2, 2) images by truth and answer, (C,) kappas, (C,) bool."""

    counts: np.ndarray
    kappas: np.ndarray
    untuned: np.ndarray


def two_by_two(folder: Path) -> FindingCounts:
    """The tables of a run's findings on the test split."""
    rows, predictions = pd.read_parquet(folder / FILE), read_predictions(folder)
    validation = rows.loc[rows["split"] == "validation"]
    thresholds = tuned_thresholds(validation, predictions.probabilities.shape[1])
    pairs = list(
        zip(predictions.labels.T, answered(predictions.probabilities, thresholds).T, strict=True)
    )
    counts = np.array([confusion(*pair, 2) for pair in pairs])
    return FindingCounts(
        counts, np.array([finding_kappa(*pair) for pair in pairs]), np.isnan(thresholds)
    )


def names(folder: Path) -> list[str]:
    """Of the findings, in the order of the columns."""
    return json.loads((folder / "spec.json").read_text())["about"]["classes"]


def _one(
    method: str, finding: str, counts: np.ndarray, kappa: float, untuned: int, n: int
) -> FindingScores:
    (no_no, no_yes), (yes_no, yes_yes) = counts.tolist()
    proportions = (
        _share(yes_yes, yes_no),
        _share(no_no, no_yes),
        _share(yes_yes, no_yes),
        _share(no_no, yes_no),
    )
    cells = (yes_yes, no_yes, yes_no, no_no)
    return FindingScores(method, finding, *cells, *proportions, float(kappa), int(untuned), n)


def _share(part: float, rest: float) -> float:
    """A part of the whole; nan of nothing."""
    return part / (part + rest) if part + rest else float("nan")


def _figure(study: ScoredStudy, scores: list[FindingScores]) -> Figure:
    methods = list(dict.fromkeys(finding.method for finding in scores))
    columns = [finding for finding in scores if finding.method == methods[0]]
    width, height = COLUMN * len(columns) + 0.5, ROW * len(methods) + 0.55
    figure, all_axes = style.panels(
        len(PANELS), columns=2, width=width, height=height, sharex=True, sharey=True
    )
    for axes, (measure, heading) in zip(all_axes, PANELS.items(), strict=True):
        values = np.array([getattr(finding, measure) for finding in scores])
        _matrix(axes, values.reshape(len(methods), -1), whole=measure != "kappa")
        style.panel_title(axes, heading, letters=40)
    untuned = {finding.finding for finding in scores if finding.untuned}
    texts = [f"{'* ' * (c.finding in untuned)}{c.finding} ({c.share:.0%})" for c in columns]
    all_axes[0].set_yticks(range(len(methods)), [f"{study.title(m)}" for m in methods])
    for axes in all_axes[-2:]:
        turned = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(texts)), texts, **turned)
    return figure


def _matrix(axes: Axes, values: np.ndarray, *, whole: bool) -> None:
    """(M, C) values as shaded cells with their numbers, `whole` ones in percent."""
    axes.imshow(
        np.nan_to_num(values), cmap="Blues", vmin=0, vmax=1, interpolation="none", aspect="auto"
    )
    for row, column in np.ndindex(*values.shape):
        value = float(values[row, column])
        text = "-" if np.isnan(value) else f"{100 * value:.0f}" if whole else _number(value)
        ink = "white" if value > LIGHT_TEXT else style.INK
        axes.text(column, row, text, ha="center", va="center", fontsize=6, color=ink)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _number(value: float) -> str:
    """Two digits, without a zero's minus."""
    return f"{round(value, 2) + 0.0:.2f}"
