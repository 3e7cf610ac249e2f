"""A table on a terminal in its width, or as plain text in the width it needs."""

import io

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from bench.reporting.table import Section, Table, marked


def show(table: Table, console: Console) -> None:
    """Print the table on a terminal in its width, or as plain text in the width it needs."""
    if console.is_terminal:
        console.print(_for_terminal(table))
    else:
        console.out(terminal(table), end="", highlight=False)


def terminal(table: Table) -> str:
    """Plain text without colours, as wide as it needs."""
    content = _for_terminal(table)
    console = Console(file=io.StringIO(), width=10_000, color_system=None, force_terminal=False)
    console.width = max(Measurement.get(console, console.options, content).maximum, 80)
    with console.capture() as capture:
        console.print(content)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _for_terminal(table: Table) -> Group:
    if table.message:
        return Group(Text(table.message))
    parts: list[RichTable | Text] = [Text(table.caption + "\n", style="bold")]
    for section in table.sections:
        parts += [Text(section.title, style="bold"), _rich_section(section)]
        parts += [Text(f"{mark + ' ' if mark else ''}{text}") for mark, text in section.notes]
        parts.append(Text(""))
    return Group(*parts)


def _rich_section(section: Section) -> RichTable:
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
