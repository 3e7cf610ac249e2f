"""Are confident answers right? Reliability diagrams with the expected calibration error.

Of grades by the largest probability of an image, of findings by each finding's own probability.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.reporting.figures import style
from bench.reporting.figures.study import (
    Picture,
    ScoredStudy,
    TestPredictions,
    dagger_note,
    in_words,
    read_predictions,
    seeds_in_words,
)

BINS = 15  # as the expected calibration error of `bench.evaluation.measures`
LEAST_ANSWERS = 10
COLUMNS = 4
LINES = (("o", "-", style.BLUE), ("s", (0, (4, 1.5)), style.ORANGE), ("^", (0, (1, 1)), style.INK))
CAPTION = (
    "{what} {bins} equally wide bins; seeds count together, bins with fewer than {least} "
    "answers are left out. ECE: expected calibration error, mean over {seeds}. {dagger}"
)


class CalibrationText(NamedTuple):
    """How the two axes are named, and what a caption says of them."""

    title: str
    across: str
    up: str
    what: str


GRADES = CalibrationText(
    "Calibration: is confidence what comes true?",
    "confidence",
    "proportion right",
    "Proportion of right answers against confidence: on the diagonal, confidence is "
    "what comes true; "
    "below it, the method is too sure of itself.",
)
FINDINGS = CalibrationText(
    "Calibration: is a finding there as often as said?",
    "probability given",
    "proportion with the finding",
    "Proportion of answers whose finding is there, against the probability given to "
    "it, an answer being "
    "one finding of one image: on the diagonal, findings are there as often as said; below it, "
    "more rarely. Most answers are low probabilities of absent findings, which weigh most in the "
    "error.",
)


class ReliabilityCurve(NamedTuple):
    """A method's answers at one ratio by bin, those without answers left out.

    Attributes:
        confidence: (b,) mean of the bin.
        right: (b,) share of the bin; of findings, the share that is there.
        answers: (b,) how many, over all seeds.
        ece: Mean over n seeds.
    """

    method: str
    ratio: str
    confidence: np.ndarray
    right: np.ndarray
    answers: np.ndarray
    ece: float
    n: int


def pictures(study: ScoredStudy) -> list[Picture]:
    """One picture, a panel a method."""
    grading = read_predictions(study.scored.runs.folders[0]).grading
    curves, text = reliability(study), GRADES if grading else FINDINGS
    with style.styled():
        figure, all_axes = style.panels(
            len(study.methods), columns=COLUMNS, width=2.0, height=2.15, sharex=True, sharey=True
        )
        for axes, method in zip(all_axes, study.methods, strict=True):
            _panel(axes, study, [curve for curve in curves if curve.method == method])
            style.panel_title(axes, study.title(method))
        style.label_below(all_axes, COLUMNS, text.across)
        figure.supylabel(text.up, fontsize=8)
        style.heading(figure, text.title, study.about)
        handles = [_mark(study, ratio) for ratio in study.ratios]
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=len(handles),
            frameon=False,
            handlelength=3.2,
        )
    caption = CAPTION.format(
        bins=BINS,
        least=LEAST_ANSWERS,
        seeds=seeds_in_words([curve.n for curve in curves]),
        what=text.what,
        dagger=dagger_note(study, study.methods),
    )
    return [Picture("calibration", text.title, caption.strip(), _table(curves), figure)]


def reliability(study: ScoredStudy) -> list[ReliabilityCurve]:
    """The curves of all methods at all ratios at which they were run."""
    return [
        _binned(method, ratio, list(study.folders(method, ratio).values()))
        for method in study.methods
        for ratio in study.ratios
        if study.folders(method, ratio)
    ]


def _table(curves: list[ReliabilityCurve]) -> pd.DataFrame:
    """One row a bin."""
    rows = [
        (curve.method, curve.ratio, *numbers, curve.ece, curve.n)
        for curve in curves
        for numbers in zip(curve.confidence, curve.right, curve.answers, strict=True)
    ]
    columns = ["method", "ratio", "confidence", "right", "answers", "ece", "n"]
    return pd.DataFrame(rows, columns=columns)


def _binned(method: str, ratio: str, folders: list[Path]) -> ReliabilityCurve:
    each = [_one(read_predictions(folder)) for folder in folders]
    count, surest, right = np.sum(each, axis=0)
    gaps = [np.abs(sure - hits).sum() / counts.sum() for counts, sure, hits in each]
    answered = count > 0
    per_bin = (
        surest[answered] / count[answered],
        right[answered] / count[answered],
        count[answered].astype(int),
    )
    return ReliabilityCurve(method, ratio, *per_bin, float(np.mean(gaps)), len(folders))


def _one(predictions: TestPredictions) -> np.ndarray:
    """(3, BINS): answers, their summed confidence, and how many of them are right."""
    if predictions.grading:
        confidence = predictions.probabilities.max(axis=1)
        right = predictions.probabilities.argmax(axis=1) == predictions.labels
    else:
        confidence, right = predictions.probabilities.ravel(), predictions.labels.ravel() == 1
    which = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    sums = [np.bincount(which, weights, BINS) for weights in (None, confidence, right)]
    return np.array(sums, dtype=float)


def _panel(axes: Axes, study: ScoredStudy, curves: list[ReliabilityCurve]) -> None:
    axes.plot([0, 1], [0, 1], color=style.PALE, lw=0.8, zorder=1)
    for curve in curves:
        shown = curve.answers >= LEAST_ANSWERS
        line = _mark(study, curve.ratio)
        line.set_data(curve.confidence[shown], curve.right[shown])
        line.set(markersize=2.8, clip_on=False)
        axes.add_line(line)
    texts = ["ECE", *(f"{in_words(curve.ratio)}: {curve.ece:.3f}" for curve in curves)]
    axes.text(0.98, 0.03, "\n".join(texts), transform=axes.transAxes, ha="right", fontsize=6.5)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])


def _mark(study: ScoredStudy, ratio: str) -> Line2D:
    """The line of a ratio, without points."""
    marker, line, colour = LINES[study.ratios.index(ratio) % len(LINES)]
    label = in_words(ratio, study.share(ratio))
    return Line2D([], [], marker=marker, ls=line, color=colour, markersize=3.5, lw=1, label=label)
