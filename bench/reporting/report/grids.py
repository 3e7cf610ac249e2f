"""The tables as a page needs them: each measured cell leads to its runs, each column sorts."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bench.reporting.table import Block, Cell, Column, Line, Section, Table

NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
Place = tuple[str, str, str]
"""Data set, method, ratio."""


class Box(NamedTuple):
    """One cell.

    Attributes:
        text: As printed.
        marks: Letters and signs of its notes.
        sort: What its column is sorted by; None stands below all numbers.
        link: Anchor of its runs, or "".
        verdict: The first verdict in it, as a class name; "" in cells that hold none.
    """

    text: str
    marks: tuple[str, ...]
    sort: float | None
    link: str = ""
    verdict: str = ""


class Rank(NamedTuple):
    """One line: its title with marks, its cells, and whether a rule stands above it."""

    title: str
    marks: tuple[str, ...]
    boxes: tuple[Box, ...]
    ruled: bool


class Grid(NamedTuple):
    """One score of one data set: lines that can be sorted, and those that stay below."""

    heading: str
    columns: tuple[Column, ...]
    body: tuple[Rank, ...]
    foot: tuple[Rank, ...]


class Part(NamedTuple):
    """One data set in one table."""

    title: str
    grids: tuple[Grid, ...]
    notes: tuple[tuple[str, str], ...]


class Shown(NamedTuple):
    """One table of the paper; `message` stands in its place where there is nothing to show."""

    number: str
    caption: str
    parts: tuple[Part, ...]
    message: str


def shown(table: Table, anchors: Mapping[Place, str]) -> Shown:
    """A table with its cells linked.

    Args:
        table: As `bench.reporting.tables.build_all` gives it.
        anchors: Where the runs of a cell stand in the page.
    """
    parts = tuple(_part(section, anchors) for section in table.sections)
    return Shown(table.name.removeprefix("table"), table.caption, parts, table.message)


def places(tables: tuple[Table, ...]) -> Iterator[tuple[str, Place]]:
    """Number of the table, and the place, of every cell with runs, in reading order."""
    for table in tables:
        for section in table.sections:
            for line, column, cell in _measured(section):
                if cell.scores:
                    place = (section.dataset, line.method, column.ratio)
                    yield table.name.removeprefix("table"), place


def _measured(section: Section) -> Iterator[tuple[Line, Column, Cell]]:
    for block in section.blocks:
        for line in block.lines:
            for column, cell in zip(section.columns, line.cells, strict=True):
                yield line, column, cell


def _part(section: Section, anchors: Mapping[Place, str]) -> Part:
    grids = tuple(_grid(section, block, anchors) for block in section.blocks)
    return Part(section.title, grids, section.notes)


def _grid(section: Section, block: Block, anchors: Mapping[Place, str]) -> Grid:
    ranks = [(line, _rank(section, line, anchors)) for line in block.lines]
    body = tuple(rank for line, rank in ranks if line.method)
    foot = tuple(rank for line, rank in ranks if not line.method)
    # Facts of the data are lines without a method, and there is nothing else to sort.
    heading, columns = block.heading, section.columns
    return Grid(heading, columns, body, foot) if body else Grid(heading, columns, foot, ())


def _rank(section: Section, line: Line, anchors: Mapping[Place, str]) -> Rank:
    boxes = tuple(
        _box(cell, anchors.get((section.dataset, line.method, column.ratio), ""), column)
        for column, cell in zip(section.columns, line.cells, strict=True)
    )
    return Rank(line.title, line.marks, boxes, line.ruled)


def _box(cell: Cell, anchor: str, column: Column) -> Box:
    if cell.scores:
        mean = float(np.mean([score.value for score in cell.scores]))
        return Box(cell.text, cell.marks, mean if np.isfinite(mean) else None, anchor)
    found = NUMBER.search(cell.text)
    verdict = cell.text.split("/")[0].strip() if column.kind == "verdict" else ""
    verdict = re.sub(r" \(.*", "", verdict).removeprefix("both ")
    sort = float(found.group()) if found else None
    return Box(cell.text, cell.marks, sort, verdict=verdict.lower().replace(" ", "-"))
