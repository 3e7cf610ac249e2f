"""One data set in one table: its title, columns, blocks of lines, and notes."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from bench.evaluation import registry
from bench.experiments import EXPERIMENTS, RATIOS, TABLE1, Experiment, ExperimentRow
from bench.protocol.presets import named_protocol
from bench.reporting.results.comparability import ComparableRuns, whole
from bench.reporting.results.published import published
from bench.reporting.results.scores import ScoredRuns
from bench.reporting.results.significance import Significance, beats_all, significance
from bench.reporting.tables import footnotes
from bench.reporting.tables.cells import SectionContext, table_cell
from bench.reporting.tables.data_block import data_block, frequent
from bench.reporting.tables.model import Block, Column, Section, TableCell, TableLine
from bench.reporting.tables.rank_block import NOTE, rank_block
from bench.reporting.tables.training_block import NOTE as NOTE_ON_TRAINING
from bench.reporting.tables.training_block import training_block
from bench.roster import METHODS
from bench.titles import of_row

PROPOSED = "comcl"
BEATS = (
    "supported: CoMCL beats each of the paper's other methods (every p below 0.05, 3 seeds or "
    "more); contradicted: one of them beats CoMCL after Holm's correction; else undecided"
)
RECONSTRUCTED = "left out, being reconstructed from their abstracts: {}"


def section(experiment: Experiment, group: ComparableRuns, scored: ScoredRuns) -> Section:
    """A section from the runs of one data set under one comparability key."""
    records, footnote_list = group.records, footnotes.Footnotes()
    beside = _beside(experiment, group)
    context = SectionContext(
        experiment, group, scored, _columns(experiment, group, beside), footnote_list
    )
    footnote_list.say(footnotes.CELLS)
    metrics = metrics_of(records)
    if any(registry.named(name).tuned for name in metrics):
        footnote_list.say(footnotes.THRESHOLDS)
    footnote_list.means(records, registry.printed(registry.kind_of(records)))
    blocks = [_scores(context, metric, heading) for metric, heading in metrics.items()]
    blocks[1:1] = _ranks(context, *next(iter(metrics.items())))
    rows = _titled(rows_of(experiment, records), records)
    trained = training_block(records, rows, context.columns)
    if trained:
        footnote_list.say(NOTE_ON_TRAINING)
    _explain(context, beside)
    return Section(
        group.dataset,
        str(records["key"].iloc[0]),
        _title(group.dataset, records),
        context.columns,
        (*blocks, *trained, data_block(records, context.columns)),
        footnote_list.lines(),
    )


def metrics_of(records: pd.DataFrame) -> dict[str, str]:
    """The scores of a data set with their headings, the first being the main one."""
    return {metric.name: metric.title for metric in registry.printed(registry.kind_of(records))}


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


def _titled(rows: Sequence[ExperimentRow], records: pd.DataFrame) -> list[ExperimentRow]:
    """Rows in words that name the backbone in force; published values go by the paper's titles."""
    return [
        replace(
            row,
            title=of_row(row.title, row.method, records),
            note=of_row(row.note, row.method, records),
        )
        for row in rows
    ]


def _beside(experiment: Experiment, group: ComparableRuns) -> bool:
    """Whether the section stands beside published numbers: whole real sets that the paper has."""
    if not whole(group.records):
        return False
    row = next(row for row in experiment.rows if row.method == PROPOSED)
    return published(experiment.table, row.title, group.dataset, "native") is not None


def _title(dataset: str, records: pd.DataFrame) -> str:
    first = records.iloc[0]
    protocol = f"{named_protocol(first['protocol_name'])}, {first['key']}"
    if whole(records) and dataset != "folder":
        return f"{dataset} ({protocol})"
    kind = "not all of its images or labels"
    if dataset.endswith("-twin"):
        kind = "synthetic images"
    elif dataset == "folder":
        kind = "your own images"
    return f"{dataset}: {kind}, not comparable with the published numbers ({protocol})"


def _columns(experiment: Experiment, group: ComparableRuns, beside: bool) -> tuple[Column, ...]:
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


def _scores(context: SectionContext, metric: str, heading: str) -> Block:
    rows = rows_of(context.experiment, context.group.records)
    names = [row.method for row in rows]
    by_ratio = {
        column.ratio: significance(context.scored, metric, names, column.ratio)
        for column in context.columns
        if column.measured
    }
    lines, listed = [], len(context.experiment.rows)
    for index, row in enumerate(rows):
        ruled = index == listed or (index < listed and not row.in_paper)
        lines.append(_line(context, row, metric, by_ratio, ruled=ruled))
    if context.experiment is TABLE1:
        lines += _beats_lines(context, metric)
    return Block(
        metric, heading, (*lines, frequent(context.group.records, context.columns, metric))
    )


def _ranks(context: SectionContext, metric: str, heading: str) -> list[Block]:
    """By the main score alone, below it."""
    records = context.group.records
    rows = _titled(rows_of(context.experiment, records), records)
    block = rank_block(context.scored, metric, heading, rows, context.columns)
    if block is None:
        return []
    context.footnotes.say(NOTE)
    return [block]


def _line(
    context: SectionContext,
    row: ExperimentRow,
    metric: str,
    by_ratio: dict[str, dict[str, Significance]],
    ruled: bool,
) -> TableLine:
    records = context.group.records
    runs = records.loc[records["method"] == row.method]
    (shown,) = _titled([row], records)
    marks = context.footnotes.of_method(shown, runs["boxes"])
    marks += context.footnotes.of_gates(runs["gates_missed"] if "gates_missed" in runs else ())
    cells = tuple(
        table_cell(context, row, metric, column, by_ratio[column.ratio].get(row.method))
        for column in context.columns
    )
    return TableLine(row.method, shown.title, cells, marks, ruled)


def _beats_lines(context: SectionContext, metric: str) -> list[TableLine]:
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
        mark = context.footnotes.add(note)
        cells = tuple(
            TableCell(beats_all(context.scored, metric, PROPOSED, names, column.ratio))
            if column.measured
            else TableCell("")
            for column in context.columns
        )
        lines.append(TableLine("", title, cells, (mark,), ruled=not lines))
    return lines


def _explain(context: SectionContext, beside: bool) -> None:
    """The notes on the whole section, after its cells have said theirs."""
    collected, table = context.footnotes, context.experiment.table
    uneven = footnotes.balance(context.group.records)
    if uneven:
        collected.say(uneven)
    if beside:
        collected.say(footnotes.READINGS.format(other={"1": "2", "2": "1"}[table]))
        collected.say(footnotes.VERDICTS)
        if context.group.dataset == "chestxray":
            collected.say(footnotes.UNDEFINED_CHEST)
    elif table == "3" and whole(context.group.records) and context.group.dataset == "eyeq":
        collected.say(footnotes.NO_TABLE_3)
    collected.about_data(context.group)
