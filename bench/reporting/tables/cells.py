"""One cell of a table: our score, the published one, and the verdict on it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.experiments import Experiment, ExperimentRow
from bench.reporting.results.comparability import Group
from bench.reporting.results.published import Published, published
from bench.reporting.results.scores import ScoredRuns
from bench.reporting.results.significance import Significance
from bench.reporting.results.verdicts import Verdict, verdict
from bench.reporting.tables.footnotes import ONE_SEED, Footnotes
from bench.reporting.tables.model import Cell, Column

# Which of the paper's two numbers a score may stand beside; accuracy over single findings is
# excluded as what the paper can have meant, since answering "none" beats its values
# (docs/reference/metrics.md#scores-of-radiographs).
PAPERS_NAME = {
    "kappa": "kappa",
    "accuracy": "accuracy",
    "kappa_macro": "kappa",
    "acc_subset": "accuracy",
    "acc_top1": "accuracy",
}


@dataclass(frozen=True)
class Part:
    """One data set's place in one table, and what its cells need to know."""

    experiment: Experiment
    group: Group
    measured: ScoredRuns
    columns: tuple[Column, ...]
    notes: Footnotes

    @cached_property
    def numbers(self) -> dict[tuple[str, str], int]:
        """How many runs a cell has, those left out counted."""
        runs = self.group.records.groupby(["method", "lq_ratio"]).size()
        return {(str(place[0]), str(place[1])): int(n) for place, n in runs.items()}  # pyright: ignore

    @cached_property
    def seeds(self) -> set[int]:
        """Of all runs shown."""
        return {seed for places in self.measured.runs.by_cell.values() for seed in places}


def cell(
    part: Part, row: ExperimentRow, metric: str, column: Column, standing: Significance | None
) -> Cell:
    """What stands in a row under a column."""
    if column.kind == "measured":
        return _measured(part, row.method, metric, column.ratio, standing)
    theirs = None
    if row.in_paper and metric in PAPERS_NAME:
        theirs = published(part.experiment.table, row.title, part.group.dataset, column.ratio)
    if theirs is None:
        return Cell("")
    if column.kind == "published":
        return _published(part.notes, theirs, metric)
    return _verdict(part.measured, row, metric, column.ratio, theirs)


def verdicts(
    measured: ScoredRuns, method: str, metric: str, ratio: str, theirs: Published
) -> tuple[Verdict, Verdict]:
    """On the number under the table's own header, and on the one under the other table's."""
    name, ours = PAPERS_NAME[metric], measured.score(metric, method, ratio)
    pairs = zip(theirs.readings(name), theirs.doubtful(name), strict=True)
    first, second = (
        verdict(ours, value, comparable=not doubtful, stale=measured.stale(method, ratio))
        for value, doubtful in pairs
    )
    return first, second


def _measured(
    part: Part, method: str, metric: str, ratio: str, standing: Significance | None
) -> Cell:
    found = part.measured.score(metric, method, ratio)
    if found is None:
        return Cell("not run")
    scores = part.measured.scores(metric, method, ratio)
    interval, mean = found.interval(), np.mean([score.value for score in scores])
    if not np.isfinite(mean):
        text = f"undefined (n={found.seeds})"
    elif interval is None:
        text = f"{_three(mean)} (n={found.seeds})"
    else:
        text = f"{_three(mean)} ± {(interval.high - interval.low) / 2:.3f} (n={found.seeds})"
    if found.seeds == 1:
        part.notes.say(ONE_SEED)
    own = {score.seed for score in scores}
    letters = part.notes.of_cell(
        stale=part.measured.stale(method, ratio),
        left_out=part.numbers[method, ratio] - len(own),
        missing=sorted(part.seeds - own),
        why=found.why_not if found.seeds > 1 and np.isfinite(mean) else "",
    )
    return Cell(text, scores, (*part.notes.sign(standing), *letters))


def _three(mean: np.floating) -> str:
    """Three digits, without a zero's minus."""
    return f"{round(float(mean), 3) + 0.0:.3f}"


def _published(notes: Footnotes, theirs: Published, metric: str) -> Cell:
    printed, swapped = theirs.readings(PAPERS_NAME[metric])
    marks: tuple[str, ...] = ()
    if any(theirs.rises):
        marks = (notes.add(f"published value: {theirs.note}; never judged (ambiguity D36)"),)
    return Cell(f"{printed:.3f} / {swapped:.3f}", marks=marks)


def _verdict(
    measured: ScoredRuns, row: ExperimentRow, metric: str, ratio: str, theirs: Published
) -> Cell:
    printed, swapped = verdicts(measured, row.method, metric, ratio, theirs)
    if printed != swapped:
        return Cell(f"{printed.text} / {swapped.text}")
    of_the_runs = printed.name in ("NOT RUN", "STALE")
    return Cell(printed.text if of_the_runs else f"both {printed.text}")
