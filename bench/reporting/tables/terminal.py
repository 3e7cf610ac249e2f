"""A table for a terminal, or the same as a plain text."""

from rich import box
from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from bench.reporting.console import for_stdout, plain
from bench.reporting.tables.model import Section, Table, marked


def terminal(table: Table) -> str:
    """In colours and in the terminal's width if standard output is one, else plain."""
    return for_stdout(_grids(table))


def text(table: Table) -> str:
    """Without colours, as wide as it needs."""
    return plain(_grids(table))


def _grids(table: Table) -> Group:
    if table.message:
        return Group(Text(table.message))
    parts: list[RichTable | Text] = [Text(table.caption + "\n", style="bold")]
    for section in table.sections:
        parts += [Text(section.title, style="bold"), _grid(section)]
        parts += [Text(f"{mark + ' ' if mark else ''}{text}") for mark, text in section.notes]
        parts.append(Text(""))
    return Group(*parts)


def _grid(section: Section) -> RichTable:
    grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("")
    for column in section.columns:
        grid.add_column(column.head, justify="right", style="" if column.measured else "dim")
    for block in section.blocks:
        grid.add_section()
        grid.add_row(Text(block.heading, style="italic"))
        for line in block.lines:
            if line.ruled:
                grid.add_section()
            cells = [Text(marked(c.text, c.marks, " [{}]")) for c in line.cells]
            grid.add_row(Text("  " + marked(line.title, line.marks, " [{}]")), *cells)
    return grid
