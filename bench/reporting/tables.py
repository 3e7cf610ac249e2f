"""The paper's tables from the records.

A pure function of the records: the same records give the same bytes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bench.errors import RequestError
from bench.experiments import RATIOS, TABLE1, Row
from bench.reporting.comparability import Group, comparable_groups, whole
from bench.reporting.footnotes import Footnotes
from bench.reporting.published import published
from bench.reporting.records import newest
from bench.reporting.table import (
    Block,
    Cell,
    Column,
    Line,
    Score,
    Section,
    Table,
    spread,
)
from bench.roster import METHODS

NEXT = "bench run --method resnet50 --dataset eyeq-twin --protocol smoke"
NOTHING = f"No finished runs here yet. Make one, without any download:\n  {NEXT}\n  bench table 1"
ONLY_STUDIES = (
    "The {n} runs here all belong to sensitivity studies, which never enter Table 1.\n"
    f"Make one that does:\n  {NEXT}\n  bench table 1"
)
GRADING = {"kappa": "Quadratic weighted kappa", "accuracy": "Accuracy"}
FINDINGS = {
    "auroc_macro": "AUROC, mean over findings",
    "kappa_macro": "Kappa, mean over findings",
    "acc_label": "Accuracy over single findings",
    "acc_subset": "Accuracy of all findings at once",
    "acc_top1": "Accuracy of the top finding",
}
# Which of the paper's two numbers a score may stand beside; accuracy over single findings is
# excluded as what the paper can have meant, since answering "none" beats its values (card 8.2).
PAPERS_NAME = {
    "kappa": "kappa",
    "accuracy": "accuracy",
    "kappa_macro": "kappa",
    "acc_subset": "accuracy",
    "acc_top1": "accuracy",
}


@dataclass(frozen=True)
class _Part:
    """The records of one data set, and what its rows need to know."""

    dataset: str
    records: pd.DataFrame
    columns: tuple[Column, ...]
    notes: Footnotes

    @cached_property
    def by_cell(self) -> dict[Any, pd.DataFrame]:
        """The runs of each (method, ratio) that has any."""
        return dict(iter(self.records.groupby(["method", "lq_ratio"])))

    @cached_property
    def by_ratio(self) -> dict[Any, pd.DataFrame]:
        """The runs of each ratio that has any."""
        return dict(iter(self.records.groupby("lq_ratio")))


def build(which: str, records: pd.DataFrame, *, protocol: str | None = None) -> Table:
    """A table of the paper by its number.

    Raises:
        RequestError: for a table that there is not; see also `build_table1`.
    """
    if which not in TABLES:
        raise RequestError(f"no table {which!r}; there is {', '.join(TABLES)}")
    return TABLES[which](records, protocol=protocol)


def build_table1(records: pd.DataFrame, *, protocol: str | None = None) -> Table:
    """Table 1 from the records: mean, spread and number of seeds; one section a data set.

    Args:
        records: One row a run, as `store.load` gives them; may be empty.
        protocol: Name or comparability key to select; None if there is only one.

    Raises:
        NotComparable: if a data set has runs that must not share a table.
        RequestError: if no run has the protocol that was asked for.
    """
    groups = comparable_groups(records, protocol)
    message = NOTHING if records.empty else ONLY_STUDIES.format(n=len(records))
    sections = tuple(_section(group) for group in groups)
    return Table("table1", f"Table 1. {TABLE1.caption}", sections, "" if sections else message)


def _section(group: Group) -> Section:
    dataset, records = group.dataset, group.records
    beside = whole(records) and published("1", "CoMCL", dataset, "native") is not None
    part = _Part(dataset, records, _columns(dataset, records, beside), Footnotes())
    part.notes.about_data(group, beside=beside)
    metrics = FINDINGS if _has(records, "acc_label") else GRADING
    blocks = [_scores(part, metric, heading) for metric, heading in metrics.items()]
    return Section(
        dataset,
        str(records["key"].iloc[0]),
        _title(dataset, records),
        part.columns,
        (*blocks, _data(part)),
        part.notes.lines(),
    )


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


def _columns(dataset: str, records: pd.DataFrame, beside: bool) -> tuple[Column, ...]:
    """The paper's ratios and whatever else was run, native first."""
    ratios = {*(TABLE1.ratios(dataset) or RATIOS), *records["lq_ratio"]}
    columns = []
    for ratio in sorted(ratios, key=lambda r: -1.0 if r == "native" else float(r)):
        columns.append(Column(ratio, ratio))
        if beside:
            columns.append(Column(ratio, "published", measured=False))
    return tuple(columns)


def _has(records: pd.DataFrame, metric: str) -> bool:
    return metric in records and bool(records[metric].notna().any())


def _scores(part: _Part, metric: str, heading: str) -> Block:
    lines = [_line(part, row, metric, ruled=not row.in_paper) for row in TABLE1.rows]
    lines += [
        _line(part, row, metric, ruled=place == 0)
        for place, row in enumerate(_others(part.records))
    ]
    frequent = _data_line(part, "always the most frequent class", _constant(metric), ruled=True)
    return Block(metric, heading, (*lines, frequent))


def _others(records: pd.DataFrame) -> list[Row]:
    """Methods with runs that Table 1 does not list: ablations, and the user's own."""
    names = sorted(set(records["method"]) - {row.method for row in TABLE1.rows})
    titles = {name: METHODS[name].title if name in METHODS else name for name in names}
    return [Row(name, title, in_paper=False) for name, title in titles.items()]


def _line(part: _Part, row: Row, metric: str, ruled: bool) -> Line:
    boxes = {
        b
        for (method, _), runs in part.by_cell.items()
        for b in runs["boxes"]
        if method == row.method
    }
    marks = part.notes.of_method(row, boxes)
    cells = []
    for column in part.columns:
        if column.measured:
            here = part.by_cell.get((row.method, column.ratio))
            cells.append(_measured(here, metric, part.notes))
        else:
            cells.append(_published(part, row, metric, column.ratio))
    return Line(row.method, row.title, tuple(cells), marks, ruled)


def _measured(runs: pd.DataFrame | None, metric: str, notes: Footnotes) -> Cell:
    if runs is None:
        return Cell("not run")
    shown = newest(runs).sort_values(["seed", "id"])
    columns = (shown["id"], shown["seed"], shown[metric])
    scores = tuple(Score(i, int(seed), float(v)) for i, seed, v in zip(*columns, strict=True))
    text = spread([score.value for score in scores])
    return Cell(text, scores, notes.of_cell(shown, len(runs) - len(shown)))


def _published(part: _Part, row: Row, metric: str, ratio: str) -> Cell:
    cell = published("1", row.title, part.dataset, ratio) if row.in_paper else None
    if cell is None or metric not in PAPERS_NAME:
        return Cell("")
    printed, swapped = cell.readings(PAPERS_NAME[metric])
    marks = (part.notes.add(f"published value: {cell.note}"),) if cell.note else ()
    return Cell(f"{printed:.3f} / {swapped:.3f}", marks=marks)


def _constant(metric: str) -> Callable[[pd.DataFrame], str]:
    """What the same answer for every image scores; its kappa is 0 whatever the images are."""
    if metric.startswith("kappa"):
        return lambda runs: "0.000"
    if metric in ("accuracy", "acc_label"):
        return lambda runs: _range(runs["majority"])
    return lambda runs: "0.500" if metric == "auroc_macro" else "-"


def _data(part: _Part) -> Block:
    lines = [
        _data_line(part, f"low-quality share, {split}", _share(split))
        for split in ("train", "validation", "test")
    ]
    return Block("", "Data", (*lines, _data_line(part, "test images", _count)))


def _data_line(
    part: _Part, title: str, text: Callable[[pd.DataFrame], str], ruled: bool = False
) -> Line:
    """A line of facts about the runs of each ratio; "-" where there are none."""
    cells = []
    for column in part.columns:
        runs = part.by_ratio.get(column.ratio)
        fact = "-" if runs is None else text(runs)
        cells.append(Cell(fact if column.measured else ""))
    return Line("", title, tuple(cells), ruled=ruled)


def _share(split: str) -> Callable[[pd.DataFrame], str]:
    return lambda runs: _range(runs[f"share_{split}"], "{:.2%}")


def _count(runs: pd.DataFrame) -> str:
    return " to ".join(f"{int(value):,}" for value in sorted(set(runs["n_test"])))


def _range(values: Iterable[float], form: str = "{:.3f}") -> str:
    """One number, or the two ends where the runs differ in the digits shown."""
    texts = [form.format(value) for value in sorted(values)]
    low, high = texts[0], texts[-1]
    return low if low == high else f"{low} to {high}"


TABLES: dict[str, Callable[..., Table]] = {"1": build_table1}
