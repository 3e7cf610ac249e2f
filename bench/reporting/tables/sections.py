"""One data set in one table: its title, columns, blocks of lines, and notes."""

import pandas as pd

from bench.experiments import EXPERIMENTS, RATIOS, TABLE1, Experiment, ExperimentRow
from bench.reporting.results.comparability import Group, whole
from bench.reporting.results.published import published
from bench.reporting.results.scores import ScoredRuns
from bench.reporting.results.significance import Significance, beats_all, significance
from bench.reporting.tables import footnotes
from bench.reporting.tables.cells import Part, cell
from bench.reporting.tables.data_block import data_block, frequent
from bench.reporting.tables.model import Block, Cell, Column, Line, Section
from bench.reporting.tables.rank_block import NOTE, rank_block
from bench.roster import METHODS

GRADING = {"kappa": "Quadratic weighted kappa", "accuracy": "Accuracy"}
FINDINGS = {
    "auroc_macro": "AUROC, mean over findings",
    "kappa_macro": "Kappa, mean over findings",
    "kappa_macro_tuned": "Kappa, mean over findings, thresholds tuned on validation",
    "acc_label": "Accuracy over single findings",
    "acc_subset": "Accuracy of all findings at once",
    "acc_top1": "Accuracy of the top finding",
}
PROPOSED = "comcl"
BEATS = (
    "supported: CoMCL beats each of the paper's other methods (every p below 0.05, 3 seeds or "
    "more); contradicted: one of them beats CoMCL after Holm's correction; else undecided"
)
RECONSTRUCTED = "left out, being reconstructed from their abstracts: {}"


def section(experiment: Experiment, group: Group, measured: ScoredRuns) -> Section:
    """A section from the runs of one data set under one comparability key."""
    records, notes = group.records, footnotes.Footnotes()
    beside = _beside(experiment, group)
    part = Part(experiment, group, measured, _columns(experiment, group, beside), notes)
    notes.say(footnotes.CELLS)
    metrics = metrics_of(records)
    if metrics is FINDINGS:
        notes.say(footnotes.THRESHOLDS)
    blocks = [_scores(part, metric, heading) for metric, heading in metrics.items()]
    blocks[1:1] = _ranks(part, *next(iter(metrics.items())))
    _explain(part, beside)
    return Section(
        group.dataset,
        str(records["key"].iloc[0]),
        _title(group.dataset, records),
        part.columns,
        (*blocks, data_block(records, part.columns)),
        notes.lines(),
    )


def metrics_of(records: pd.DataFrame) -> dict[str, str]:
    """The scores of a data set with their headings, the first being the main one."""
    has_findings = "acc_label" in records and bool(records["acc_label"].notna().any())
    return FINDINGS if has_findings else GRADING


def rows_of(experiment: Experiment, records: pd.DataFrame) -> tuple[ExperimentRow, ...]:
    """A table's rows; below Table 1's, methods with runs that no table of the paper lists."""
    if experiment is not TABLE1:
        return experiment.rows
    listed = {row.method for each in EXPERIMENTS.values() for row in each.rows}
    return with_others(records.loc[~records["method"].isin(sorted(listed))])


def with_others(records: pd.DataFrame) -> tuple[ExperimentRow, ...]:
    """Table 1's rows, and below them every other method that has runs."""
    names = sorted(set(records["method"]) - {row.method for row in TABLE1.rows})
    titles = {name: METHODS[name].title if name in METHODS else name for name in names}
    return (
        *TABLE1.rows,
        *(ExperimentRow(name, title, in_paper=False) for name, title in titles.items()),
    )


def _beside(experiment: Experiment, group: Group) -> bool:
    """Whether the section stands beside published numbers: whole real sets that the paper has."""
    if not whole(group.records):
        return False
    row = next(row for row in experiment.rows if row.method == PROPOSED)
    return published(experiment.table, row.title, group.dataset, "native") is not None


def _title(dataset: str, records: pd.DataFrame) -> str:
    first = records.iloc[0]
    protocol = f"protocol {first['protocol_name']}, {first['key']}"
    if whole(records) and dataset != "folder":
        return f"{dataset} ({protocol})"
    kind = "not all of its images or labels"
    if dataset.endswith("-twin"):
        kind = "drawn images"
    elif dataset == "folder":
        kind = "your own images"
    return f"{dataset}: {kind}, not comparable with the published numbers ({protocol})"


def _columns(experiment: Experiment, group: Group, beside: bool) -> tuple[Column, ...]:
    """The paper's ratios and whatever else was run, native first.

    For Tables 2 and 3 that is what methods were run at that Table 1 does not list.
    """
    records = group.records
    shown = {row.method for row in rows_of(experiment, records)}
    if experiment is not TABLE1:
        shown -= {row.method for row in TABLE1.rows}
    else_run = set(records.loc[records["method"].isin(list(shown)), "lq_ratio"])
    ratios = {*(experiment.stand_ins(group.dataset) or RATIOS), *else_run}
    columns = []
    for ratio in sorted(ratios, key=lambda r: -1.0 if r == "native" else float(r)):
        columns.append(Column(ratio, ratio))
        if beside:
            columns += [
                Column(ratio, "published", "published"),
                Column(ratio, "verdict", "verdict"),
            ]
    return tuple(columns)


def _scores(part: Part, metric: str, heading: str) -> Block:
    rows = rows_of(part.experiment, part.group.records)
    names = [row.method for row in rows]
    standing = {
        column.ratio: significance(part.measured, metric, names, column.ratio)
        for column in part.columns
        if column.measured
    }
    lines, listed = [], len(part.experiment.rows)
    for place, row in enumerate(rows):
        ruled = place == listed or (place < listed and not row.in_paper)
        lines.append(_line(part, row, metric, standing, ruled=ruled))
    if part.experiment is TABLE1:
        lines += _beats_lines(part, metric)
    return Block(metric, heading, (*lines, frequent(part.group.records, part.columns, metric)))


def _ranks(part: Part, metric: str, heading: str) -> list[Block]:
    """By the main score alone, below it."""
    rows = rows_of(part.experiment, part.group.records)
    block = rank_block(part.measured, metric, heading, rows, part.columns)
    if block is None:
        return []
    part.notes.say(NOTE)
    return [block]


def _line(
    part: Part,
    row: ExperimentRow,
    metric: str,
    standing: dict[str, dict[str, Significance]],
    ruled: bool,
) -> Line:
    records = part.group.records
    marks = part.notes.of_method(row, records.loc[records["method"] == row.method, "boxes"])
    cells = tuple(
        cell(part, row, metric, column, standing[column.ratio].get(row.method))
        for column in part.columns
    )
    return Line(row.method, row.title, cells, marks, ruled)


def _beats_lines(part: Part, metric: str) -> list[Line]:
    """Whether the proposed method beats all others of the paper, with and without guessed ones."""
    others = {row.method: row.title for row in TABLE1.rows if row.in_paper}
    del others[PROPOSED]
    sure = [name for name in others if METHODS[name].confidence != "low"]
    guessed = ", ".join(title for name, title in others.items() if name not in sure)
    lines = []
    for title, names, note in (
        ("CoMCL beats all others", list(others), BEATS),
        ("CoMCL beats all but reconstructed ones", sure, RECONSTRUCTED.format(guessed)),
    ):
        mark = part.notes.add(note)
        cells = tuple(
            Cell(beats_all(part.measured, metric, PROPOSED, names, column.ratio))
            if column.measured
            else Cell("")
            for column in part.columns
        )
        lines.append(Line("", title, cells, (mark,), ruled=not lines))
    return lines


def _explain(part: Part, beside: bool) -> None:
    """The notes on the whole section, after its cells have said theirs."""
    notes, table = part.notes, part.experiment.table
    uneven = footnotes.balance(part.group.records)
    if uneven:
        notes.say(uneven)
    if beside:
        notes.say(footnotes.READINGS.format(other={"1": "2", "2": "1"}[table]))
        notes.say(footnotes.VERDICTS)
        if part.group.dataset == "chestxray":
            notes.say(footnotes.UNDEFINED_CHEST)
    elif table == "3" and whole(part.group.records) and part.group.dataset == "eyeq":
        notes.say(footnotes.NO_TABLE_3)
    notes.about_data(part.group)
