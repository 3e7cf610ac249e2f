"""A table cut down to what was run: for a small study, whose other cells all say "not run"."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from bench.reporting.tables.model import Block, Section, Table, TableCell, TableLine

Item = TypeVar("Item")


def only_run(table: Table) -> Table:
    """The table without methods and proportions that have no run, and without notes on them.

    What other lines say, such as whether CoMCL beats all others, is said of the whole table.
    """
    return replace(table, sections=tuple(_section(section) for section in table.sections))


def _section(section: Section) -> Section:
    lines = [line for block in section.blocks for line in block.lines]
    methods = {line.method for line in lines if any(cell.scores for cell in line.cells)}
    ratios = {
        column.ratio
        for index, column in enumerate(section.columns)
        if any(line.cells[index].scores for line in lines)
    }
    kept = [index for index, column in enumerate(section.columns) if column.ratio in ratios]
    blocks = tuple(_block(block, methods, kept) for block in section.blocks)
    used = _marks([line for block in blocks for line in block.lines])
    return replace(
        section,
        columns=_chosen(section.columns, kept),
        blocks=blocks,
        notes=tuple((mark, text) for mark, text in section.notes if not mark or mark in used),
    )


def _block(block: Block, methods: set[str], kept: Sequence[int]) -> Block:
    lines = (line for line in block.lines if not line.method or line.method in methods)
    return replace(
        block, lines=tuple(replace(line, cells=_chosen(line.cells, kept)) for line in lines)
    )


def _chosen(items: Sequence[Item], kept: Sequence[int]) -> tuple[Item, ...]:
    return tuple(items[index] for index in kept)


def _marks(lines: Sequence[TableLine]) -> set[str]:
    """The letters and signs that lines and their cells bear."""
    marked: list[TableLine | TableCell] = [*lines, *(cell for line in lines for cell in line.cells)]
    return {mark for each in marked for mark in each.marks}
