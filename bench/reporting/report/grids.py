"""The tables as a page needs them: each measured cell leads to its runs, each column sorts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bench.reporting.tables.footnotes import CELLS, READINGS, SIGNS, VERDICTS
from bench.reporting.tables.model import Block, Column, Section, Table, TableCell, TableLine

NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
RANKS = "95 % interval of the rank, chance to be highest"
CELL = "cells: "
SIGNED = {mark for mark, _ in SIGNS.values()}
CellKey = tuple[str, str, str]
"""Data set, method, ratio."""


class VerdictBadge(NamedTuple):
    """A verdict as shown, what stands beside it, and its name alone."""

    text: str
    more: str
    name: str


class GridCell(NamedTuple):
    """One cell.

    Attributes:
        text: As printed.
        marks: Letters and signs of its notes.
        sort: What its column is sorted by; None stands below all numbers.
        link: Anchor of its runs, or "".
        verdicts: On each reading of the published number, or one on both; none in other cells.
    """

    text: str
    marks: tuple[str, ...]
    sort: float | None
    link: str = ""
    verdicts: tuple[VerdictBadge, ...] = ()


class GridLine(NamedTuple):
    """One line: its title with marks, its cells, and whether a rule stands above it."""

    title: str
    marks: tuple[str, ...]
    cells: tuple[GridCell, ...]
    ruled: bool


class Grid(NamedTuple):
    """One score of one data set: lines that can be sorted, and those that stay below.

    `note` says what the numbers of a cell are, where they are not scores.
    """

    heading: str
    note: str
    columns: tuple[Column, ...]
    body: tuple[GridLine, ...]
    foot: tuple[GridLine, ...]


class GridSection(NamedTuple):
    """One data set in one table; `legend` holds those notes that every reader needs."""

    title: str
    grids: tuple[Grid, ...]
    legend: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, str], ...]


class PageTable(NamedTuple):
    """One table of the paper; `message` stands in its place where there is nothing to show."""

    number: str
    caption: str
    sections: tuple[GridSection, ...]
    message: str


def page_table(table: Table, anchors: Mapping[CellKey, str]) -> PageTable:
    """A table with its cells linked.

    Args:
        table: As `bench.reporting.tables.build.build_all` gives it.
        anchors: Where the runs of a cell stand in the page.
    """
    parts = tuple(_part(section, anchors) for section in table.sections)
    return PageTable(table.name.removeprefix("table"), table.caption, parts, table.message)


def cell_keys(tables: tuple[Table, ...]) -> Iterator[tuple[str, CellKey]]:
    """Number of the table, and the place, of every cell with runs, in reading order."""
    for table in tables:
        for section in table.sections:
            for line, column, cell in _measured(section):
                if cell.scores:
                    key = (section.dataset, line.method, column.ratio)
                    yield table.name.removeprefix("table"), key


def _measured(section: Section) -> Iterator[tuple[TableLine, Column, TableCell]]:
    for block in section.blocks:
        for line in block.lines:
            for column, cell in zip(section.columns, line.cells, strict=True):
                yield line, column, cell


def _part(section: Section, anchors: Mapping[CellKey, str]) -> GridSection:
    grids = tuple(_grid(section, block, anchors) for block in section.blocks)
    legend = [note for note in section.notes if _is_needed(*note)]
    rest = tuple(note for note in section.notes if note not in legend)
    named = tuple((mark, CELL + text if text == CELLS else text) for mark, text in legend)
    return GridSection(section.title, grids, named, rest)


def _is_needed(mark: str, text: str) -> bool:
    """Whether nobody can read the table without this note."""
    readings, _, _ = READINGS.partition("{")
    return mark in SIGNED or text in (CELLS, VERDICTS) or text.startswith(readings)


def _grid(section: Section, block: Block, anchors: Mapping[CellKey, str]) -> Grid:
    kept = [
        index
        for index, column in enumerate(section.columns)
        if column.measured or any(line.cells[index].text for line in block.lines)
    ]
    ranks = [(line, _rank(section, line, anchors, kept)) for line in block.lines]
    body = tuple(rank for line, rank in ranks if line.method)
    foot = tuple(rank for line, rank in ranks if not line.method)
    # Facts of the data are lines without a method, and there is nothing else to sort.
    note = RANKS if body and not block.metric else ""
    lines = (body, foot) if body else (foot, ())
    return Grid(block.heading, note, tuple(section.columns[index] for index in kept), *lines)


def _rank(
    section: Section, line: TableLine, anchors: Mapping[CellKey, str], kept: Sequence[int]
) -> GridLine:
    pairs = [(section.columns[index], line.cells[index]) for index in kept]
    boxes = tuple(
        _box(cell, anchors.get((section.dataset, line.method, column.ratio), ""), column)
        for column, cell in pairs
    )
    return GridLine(line.title, line.marks, boxes, line.ruled)


def _box(cell: TableCell, anchor: str, column: Column) -> GridCell:
    if cell.scores:
        mean = float(np.mean([score.value for score in cell.scores]))
        return GridCell(cell.text, cell.marks, mean if np.isfinite(mean) else None, anchor)
    if column.kind == "verdict":
        return GridCell(cell.text, cell.marks, None, verdicts=_verdicts(cell.text))
    number = NUMBER.search(cell.text)
    text = cell.text.replace(" %", "\u00a0%")
    return GridCell(text, cell.marks, float(number.group()) if number else None)


def _verdicts(text: str) -> tuple[VerdictBadge, ...]:
    """Of "CLOSE / INCONCLUSIVE (detects 0.031)": two; of "both DIFFERENT": one; of "": none."""
    badges = []
    for part in filter(None, text.split(" / ")):
        shown, _, more = part.partition(" (")
        name = shown.removeprefix("both ")
        badges.append(VerdictBadge(shown, more.removesuffix(")"), name))
    return tuple(badges)
