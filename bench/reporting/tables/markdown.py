"""A table as GitHub-flavoured Markdown: one grid a score, an em dash where a rule would stand."""

from collections.abc import Iterator

from bench.reporting.tables.model import Block, Section, Table, TableCell, marked


def markdown(table: Table) -> str:
    """The whole page, caption as its heading; or the message alone."""
    if table.message:
        return table.message
    parts = [f"# {table.caption}"]
    for section in table.sections:
        parts.append(f"## {escape(section.title)}")
        parts += [grid(section, block) for block in section.blocks]
        parts.append("\n".join(_notes(section)))
    return "\n\n".join(parts)


def grid(section: Section, block: Block) -> str:
    """One grid: a score of a data set."""
    heads = [f"**{block.heading}**", *(column.head for column in section.columns)]
    rows = [heads, [":--", *("--:" for _ in section.columns)]]
    for line in block.lines:
        if line.ruled:
            rows.append(["—", *("" for _ in section.columns)])
        rows.append(
            [_cell(cell) for cell in (TableCell(line.title, marks=line.marks), *line.cells)]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(cell: TableCell) -> str:
    marks = [escape(mark) for mark in cell.marks]
    return marked(escape(cell.text), marks, "<sup>{}</sup>")


def escape(text: str) -> str:
    """The text with Markdown's special characters held back."""
    for special in "\\|*_<>":
        text = text.replace(special, "\\" + special)
    return text


def _notes(section: Section) -> Iterator[str]:
    for mark, text in section.notes:
        yield f"- {f'<sup>{escape(mark)}</sup> ' if mark else ''}{escape(text)}"
