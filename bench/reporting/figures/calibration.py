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
    Answers,
    Picture,
    Study,
    answers,
    in_words,
    said_of,
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


class Words(NamedTuple):
    """How the two axes are named, and what a caption says of them."""

    title: str
    across: str
    up: str
    what: str


GRADES = Words(
    "Calibration: is confidence what comes true?",
    "confidence",
    "share right",
    "Share of right answers against confidence: on the diagonal, confidence is what comes true; "
    "below it, the method is too sure of itself.",
)
FINDINGS = Words(
    "Calibration: is a finding there as often as said?",
    "probability given",
    "share with the finding",
    "Share of answers whose finding is there, against the probability given to it, an answer being "
    "one finding of one image: on the diagonal, findings are there as often as said; below it, "
    "more rarely. Most answers are low probabilities of absent findings, which weigh most in the "
    "error.",
)


class Curve(NamedTuple):
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


def pictures(study: Study) -> list[Picture]:
    """One picture, a panel a method."""
    grading = answers(study.measured.runs.folders[0]).grading
    found, words = reliability(study), GRADES if grading else FINDINGS
    with style.styled():
        figure, all_axes = style.panels(
            len(study.methods), columns=COLUMNS, width=2.0, height=2.15, sharex=True, sharey=True
        )
        for axes, method in zip(all_axes, study.methods, strict=True):
            _panel(axes, study, [one for one in found if one.method == method])
            style.panel_title(axes, study.title(method))
        style.label_below(all_axes, COLUMNS, words.across)
        figure.supylabel(words.up, fontsize=8)
        style.heading(figure, words.title, study.about)
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
        seeds=seeds_in_words([one.n for one in found]),
        what=words.what,
        dagger=said_of(study, study.methods),
    )
    return [Picture("calibration", words.title, caption.strip(), _table(found), figure)]


def reliability(study: Study) -> list[Curve]:
    """The curves of all methods at all ratios at which they were run."""
    return [
        _binned(method, ratio, list(study.folders(method, ratio).values()))
        for method in study.methods
        for ratio in study.ratios
        if study.folders(method, ratio)
    ]


def _table(found: list[Curve]) -> pd.DataFrame:
    """One row a bin."""
    rows = [
        (one.method, one.ratio, *numbers, one.ece, one.n)
        for one in found
        for numbers in zip(one.confidence, one.right, one.answers, strict=True)
    ]
    columns = ["method", "ratio", "confidence", "right", "answers", "ece", "n"]
    return pd.DataFrame(rows, columns=columns)


def _binned(method: str, ratio: str, folders: list[Path]) -> Curve:
    each = [_one(answers(folder)) for folder in folders]
    count, surest, right = np.sum(each, axis=0)
    gaps = [np.abs(sure - hits).sum() / own.sum() for own, sure, hits in each]
    there = count > 0
    per_bin = (surest[there] / count[there], right[there] / count[there], count[there].astype(int))
    return Curve(method, ratio, *per_bin, float(np.mean(gaps)), len(folders))


def _one(given: Answers) -> np.ndarray:
    """(3, BINS): answers, their summed confidence, and how many of them are right."""
    if given.grading:
        confidence = given.probabilities.max(axis=1)
        right = given.probabilities.argmax(axis=1) == given.labels
    else:
        confidence, right = given.probabilities.ravel(), given.labels.ravel() == 1
    which = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    sums = [np.bincount(which, weights, BINS) for weights in (None, confidence, right)]
    return np.array(sums, dtype=float)


def _panel(axes: Axes, study: Study, curves: list[Curve]) -> None:
    axes.plot([0, 1], [0, 1], color=style.PALE, lw=0.8, zorder=1)
    for one in curves:
        shown = one.answers >= LEAST_ANSWERS
        line = _mark(study, one.ratio)
        line.set_data(one.confidence[shown], one.right[shown])
        line.set(markersize=2.8, clip_on=False)
        axes.add_line(line)
    texts = ["ECE", *(f"{in_words(one.ratio)}: {one.ece:.3f}" for one in curves)]
    axes.text(0.98, 0.03, "\n".join(texts), transform=axes.transAxes, ha="right", fontsize=6.5)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])


def _mark(study: Study, ratio: str) -> Line2D:
    """The line of a ratio, without points."""
    marker, line, colour = LINES[study.ratios.index(ratio) % len(LINES)]
    label = in_words(ratio, study.share(ratio))
    return Line2D([], [], marker=marker, ls=line, color=colour, markersize=3.5, lw=1, label=label)
