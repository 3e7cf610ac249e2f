"""One cell of a table: our score, the published one, and the verdict on it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.evaluation import registry
from bench.experiments import Experiment, ExperimentRow
from bench.reporting.results.comparability import ComparableRuns
from bench.reporting.results.published import PublishedCell, published
from bench.reporting.results.runs import folds_of
from bench.reporting.results.scores import ScoredRuns
from bench.reporting.results.significance import Significance
from bench.reporting.results.verdicts import Verdict, verdict
from bench.reporting.tables.footnotes import ONE_SEED, Footnotes
from bench.reporting.tables.model import Column, TableCell


@dataclass(frozen=True)
class SectionContext:
    """One data set's place in one table, and what its cells need to know."""

    experiment: Experiment
    group: ComparableRuns
    scored: ScoredRuns
    columns: tuple[Column, ...]
    footnotes: Footnotes

    @cached_property
    def numbers(self) -> dict[tuple[str, str], int]:
        """How many runs a cell has, those left out counted."""
        runs = self.group.records.groupby(["method", "lq_ratio"]).size()
        return {(str(cell[0]), str(cell[1])): int(n) for cell, n in runs.items()}  # pyright: ignore

    def left_out(self, method: str, ratio: str) -> int:
        """How many runs of a cell are older than those shown."""
        runs = self.scored.runs
        shown = sum(len(runs.members[i]) for i in self.scored.seeds(method, ratio).values())
        folds = folds_of(self.group.records.iloc[0]) or 1
        lacking = runs.incomplete.get((method, ratio), {}).values()
        return self.numbers[method, ratio] - shown - sum(folds - len(gone) for gone in lacking)

    def unpretrained(self, method: str, ratio: str) -> int:
        """How many runs of a cell have an encoder that its pretraining taught nothing."""
        shown = [self.scored.runs.members[i] for i in self.scored.seeds(method, ratio).values()]
        folders = {folder for members in shown for folder in members.values()}
        return len(folders & self._unpretrained)

    @cached_property
    def _unpretrained(self) -> set[Path]:
        """Folders of all such runs."""
        records = self.group.records
        if "pretraining_failed" not in records:
            return set()
        failed = records["pretraining_failed"].fillna("") != ""
        return {Path(str(folder)) for folder in records.loc[failed, "folder"]}

    @cached_property
    def seeds(self) -> set[int]:
        """Of all runs shown."""
        return {seed for indices in self.scored.runs.by_cell.values() for seed in indices}


def table_cell(
    context: SectionContext,
    row: ExperimentRow,
    metric: str,
    column: Column,
    significance: Significance | None,
) -> TableCell:
    """What stands in a row under a column."""
    if column.kind == "measured":
        return _measured(context, row.method, metric, column.ratio, significance)
    printed = None
    if row.in_paper and registry.named(metric).paper:
        printed = published(
            context.experiment.table, row.title, context.group.dataset, column.ratio
        )
    if printed is None:
        return TableCell("")
    if column.kind == "published":
        return _published(context.footnotes, printed, metric)
    return _verdict(context.scored, row, metric, column.ratio, printed)


def verdicts(
    scored: ScoredRuns, method: str, metric: str, ratio: str, printed: PublishedCell
) -> tuple[Verdict, Verdict]:
    """On the number under the table's own header, and on the one under the other table's."""
    name, ours = registry.named(metric).paper, scored.score(metric, method, ratio)
    pairs = zip(printed.readings(name), printed.doubtful(name), strict=True)
    first, second = (
        verdict(
            ours,
            value,
            comparable=not doubtful,
            stale=scored.stale(method, ratio),
            trained=scored.trained(method, ratio),
        )
        for value, doubtful in pairs
    )
    return first, second


def _measured(
    context: SectionContext, method: str, metric: str, ratio: str, significance: Significance | None
) -> TableCell:
    estimate, digits = context.scored.score(metric, method, ratio), registry.named(metric).digits
    incomplete = context.scored.runs.incomplete.get((method, ratio), {})
    lacking = context.footnotes.of_repeats(incomplete)
    if estimate is None:
        return TableCell("incomplete" if incomplete else "not run", marks=lacking)
    scores = context.scored.scores(metric, method, ratio)
    interval, mean = estimate.interval(), np.mean([score.value for score in scores])
    learnt, total = context.scored.trained(method, ratio)
    short = ""
    if not np.isfinite(mean):
        text = f"undefined (n={estimate.seeds})"
    elif learnt < total:  # no cloud around a mean: all of them, and no interval
        values = sorted(score.value for score in scores)
        median = f"median {_rounded(np.median(values), digits)}"
        each = " ".join(_rounded(value, digits) for value in values)
        text = f"{learnt} of {total} trained: {median} of {each} (n={estimate.seeds})"
        short = f"{median}, {learnt} of {total} trained"
    elif interval is None:
        text = f"{_rounded(mean, digits)} (n={estimate.seeds})"
    else:
        half = (interval.high - interval.low) / 2
        text = f"{_rounded(mean, digits)} ± {half:.{digits}f} (n={estimate.seeds})"
    if estimate.seeds == 1:
        context.footnotes.say(ONE_SEED)
    seeds = {score.seed for score in scores}
    letters = context.footnotes.of_cell(
        stale=context.scored.stale(method, ratio),
        left_out=context.left_out(method, ratio),
        missing=sorted(context.seeds - seeds),
        why=estimate.why_not if estimate.seeds > 1 and np.isfinite(mean) else "",
        trained=(learnt, total),
        unpretrained=context.unpretrained(method, ratio),
    )
    return TableCell(
        text,
        scores,
        (*context.footnotes.sign(significance), *letters, *lacking),
        stale=context.scored.stale(method, ratio),
        untrained=learnt < total,
        short=short,
    )


def _rounded(mean: float | np.floating, digits: int) -> str:
    """Without a zero's minus."""
    return f"{round(float(mean), digits) + 0.0:.{digits}f}"


def _published(footnotes: Footnotes, cell: PublishedCell, metric: str) -> TableCell:
    printed, swapped = cell.readings(registry.named(metric).paper)
    marks: tuple[str, ...] = ()
    if any(cell.rises):
        marks = (footnotes.add(f"published value: {cell.note}; never judged (ambiguity D36)"),)
    return TableCell(f"{printed:.3f} / {swapped:.3f}", marks=marks)


def _verdict(
    scored: ScoredRuns, row: ExperimentRow, metric: str, ratio: str, cell: PublishedCell
) -> TableCell:
    printed, swapped = verdicts(scored, row.method, metric, ratio, cell)
    if printed != swapped:
        return TableCell(f"{printed.text} / {swapped.text}")
    of_the_runs = printed.name in ("NOT RUN", "STALE")
    return TableCell(printed.text if of_the_runs else f"both {printed.text}")
