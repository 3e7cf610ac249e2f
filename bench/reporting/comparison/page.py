"""Two rows side by side as a page, in every format that tables have."""

import csv
import io
from typing import Any

import pandas as pd

from bench.errors import RequestError
from bench.evaluation import registry
from bench.evaluation.power import POWER
from bench.reporting.claims.page import title
from bench.reporting.comparison.differences import (
    OF_NETWORKS,
    ComparedRows,
    Difference,
    are_runs,
    compare_methods,
    compare_runs,
)
from bench.reporting.console import json_object
from bench.reporting.tables.model import Block, Column, Section, Table, TableCell, TableLine
from bench.reporting.tables.render import FORMATS, render
from bench.titles import of_method

NOTES = (
    "difference: {first} minus {second}, mean over the seeds that both have, with its 95 % "
    "interval over seeds and patients",
    "p: two-sided, after Holm's correction over the columns of a score",
    f"detects: the smallest difference that these seeds find with power {POWER:g} after the "
    "correction; it takes the spread found here, of few seeds, for the true one",
)
OF_RUNS = (
    "difference: {first} minus {second}, with the 95 % interval over patients alone: it is of "
    "these two trained networks; another seed of either may turn it, so that it says nothing of "
    "their methods",
)
CSV_HEAD = (
    *("dataset", "key", "first", "second", "metric", "lq_ratio", "first_score", "second_score"),
    *("difference", "low", "high", "p", "holm_p", "detects", "seeds", "why", "runs"),
)


def comparison_page(
    records: pd.DataFrame,
    first: str,
    second: str,
    *,
    protocol: str | None = None,
    form: str = "terminal",
    as_json: bool = False,
) -> str:
    """How two methods, or two runs, differ in every column that both have.

    Args:
        records: One row a run, as `bench.reporting.results.records.load` gives them.
        first: Name of a method, or id of a run or its first digits.
        second: Likewise, of the same kind.
        protocol: Name or comparability key to select; None if there is only one.
        form: As of tables; "csv" has one line a difference, in full precision.
        as_json: One JSON object instead.

    Raises:
        NotComparable: if the runs must not be compared.
        RequestError: if there is nothing to compare, or for another form.
    """
    if form not in FORMATS:
        raise RequestError(f"--format {form}: choose one of {', '.join(FORMATS)}")
    of_runs = are_runs(records, first, second)
    compare = compare_runs if of_runs else compare_methods
    arguments = () if of_runs else (protocol,)
    found = compare(records, first, second, *arguments)
    if as_json:
        return json_object({"comparisons": [row for each in found for row in _rows(each)]})
    if form == "csv":
        return _csv([row for each in found for row in _rows(each)])
    sections = tuple(_section(each, of_runs=of_runs) for each in found)
    return render(Table("comparison", f"{first} and {second}", sections), form)


def _section(compared: ComparedRows, *, of_runs: bool) -> Section:
    records = compared.group.records
    names = [_named(name, records, of_runs=of_runs) for name in compared.names]
    by_metric: dict[str, list[Difference]] = {}
    for each in compared.differences:
        by_metric.setdefault(each.metric, []).append(each)
    ratios = dict.fromkeys(each.ratio for each in compared.differences)
    kind = registry.kind_of(records)
    blocks = tuple(
        Block(metric, registry.named(metric, kind).title, _lines(names, differences))
        for metric, differences in by_metric.items()
    )
    notes = [("", note.format(first=names[0], second=names[1])) for note in _notes(of_runs)]
    if of_runs and compared.differences[0].why != OF_NETWORKS:
        notes.append(("", f"{compared.differences[0].why}: what has not learnt shows luck."))
    if any(each.stale for each in compared.differences):
        notes.append(("", "Of an older version of the code, in part or all."))
    columns = tuple(Column(ratio, ratio or "the same images") for ratio in ratios)
    key = str(records["key"].iloc[0])
    return Section(
        compared.group.dataset, key, title(compared.group), columns, blocks, tuple(notes)
    )


def _notes(of_runs: bool) -> tuple[str, ...]:
    return OF_RUNS if of_runs else NOTES


def _named(name: str, records: pd.DataFrame, *, of_runs: bool) -> str:
    if not of_runs:
        return of_method(name, records)
    run = records.loc[records["id"] == name].iloc[0]
    method = of_method(run["method"], records)
    return f"{method} at {run['lq_ratio']}, seed {run['seed']} ({name[:8]})"


def _lines(names: list[str], differences: list[Difference]) -> tuple[TableLine, ...]:
    rows: list[tuple[str, list[str]]] = [
        *(
            (name, [f"{each.scores[n]:.3f}" for each in differences])
            for n, name in enumerate(names)
        ),
        ("difference", [_difference(each) for each in differences]),
        ("95 % interval", [_interval(each) for each in differences]),
    ]
    if any(each.ratio for each in differences):
        rows += [
            ("p after Holm", [_p(each) for each in differences]),
            ("detects", [_number(each.detects) for each in differences]),
            ("seeds", [_seeds(each) for each in differences]),
        ]
    return tuple(
        TableLine(head, head, tuple(map(TableCell, cells)), ruled=head == "difference")
        for head, cells in rows
    )


def _difference(each: Difference) -> str:
    return "-" if each.estimate is None else f"{each.estimate.value:+.3f}"


def _ends(each: Difference) -> tuple[float, float] | None:
    """Over seeds and patients where there is a test; of two runs, over patients alone."""
    if each.estimate is None or (each.ratio and each.why):
        return None
    return each.estimate.interval() if each.ratio else each.estimate.interval_of_these_runs()


def _interval(each: Difference) -> str:
    ends = _ends(each)
    return "-" if ends is None else f"{ends[0]:+.3f} to {ends[1]:+.3f}"


def _p(each: Difference) -> str:
    if each.adjusted is None:
        return each.why or "-"
    return "<0.001" if each.adjusted < 0.001 else f"{each.adjusted:.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _seeds(each: Difference) -> str:
    return "0" if each.estimate is None else str(each.estimate.seeds)


def _rows(compared: ComparedRows) -> list[dict[str, Any]]:
    """Everything of each difference, in full precision."""
    rows = []
    for each in compared.differences:
        low, high = _ends(each) or (None, None)
        found = each.estimate
        about = (compared.group.dataset, str(compared.group.records["key"].iloc[0]))
        numbers = (*each.scores, None if found is None else found.value, low, high)
        tests = (each.p, each.adjusted, each.detects, 0 if found is None else found.seeds)
        values = (*about, *compared.names, each.metric, each.ratio, *numbers, *tests)
        rows.append(dict(zip(CSV_HEAD, (*values, each.why, list(each.runs)), strict=True)))
    return rows


def _csv(rows: list[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_HEAD, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"runs": " ".join(row["runs"])} for row in rows)
    return file.getvalue()
