"""A table as text in the format that was asked for; the same value gives the same bytes.

The printed formats show what a reader compares; CSV holds every run's score in full precision, for
whoever computes with them.
"""

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.errors import RequestError
from bench.reporting.tables.latex import latex
from bench.reporting.tables.markdown import markdown
from bench.reporting.tables.model import Block, Section, Table, TableLine
from bench.reporting.tables.terminal import terminal, text
from bench.store import write_bytes

ENDINGS = {"txt": "text", "md": "markdown", "tex": "latex", "csv": "csv"}
CSV_HEAD = (
    "table",
    "dataset",
    "key",
    "method",
    "title",
    "metric",
    "lq_ratio",
    "seed",
    "score",
    "run",
)


def render(table: Table, form: str) -> str:
    """The table as text that ends in a newline.

    Args:
        table: What to print; its message alone where it has one.
        form: "terminal" (coloured only if standard output is one), "text", "markdown", "latex" or
            "csv".

    Raises:
        RequestError: for another form.
    """
    if form not in FORMATS:
        raise RequestError(f"--format {form}: choose one of {', '.join(FORMATS)}")
    return FORMATS[form](table).rstrip("\n") + "\n"


def render_all(tables: Sequence[Table], form: str) -> str:
    """Several tables one below the other; a message or a head of columns that they share, once."""
    if form == "csv":
        head, *_ = pages = [render(table, form).splitlines() for table in tables]
        return "\n".join([head[0], *(line for page in pages for line in page[1:])]) + "\n"
    return "\n".join(dict.fromkeys(render(table, form) for table in tables))


def write_all(table: Table, folder: Path) -> list[Path]:
    """Write the table as `<name>.txt`, `.md`, `.tex` and `.csv`; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for ending, form in ENDINGS.items():
        paths.append(folder / f"{table.name}.{ending}")
        write_bytes(paths[-1], render(table, form).encode())
    return paths


def per_run_csv(table: Table) -> str:
    """One line a run and score in full precision; the head alone where nothing was run."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for section in table.sections:
        for block in section.blocks:
            for line in block.lines:
                rows = _csv_rows(section, block, line)
                writer.writerows((table.name, *row) for row in rows)
    return file.getvalue()


def _csv_rows(section: Section, block: Block, line: TableLine) -> Iterator[tuple[object, ...]]:
    for column, cell in zip(section.columns, line.cells, strict=True):
        cell_columns = (
            section.dataset,
            section.key,
            line.method,
            line.title,
        )
        for name, score in (*((block.metric, score) for score in cell.scores), *cell.facts):
            yield (
                *cell_columns,
                name,
                column.ratio,
                score.seed,
                "" if math.isnan(score.value) else score.value,
                score.run,
            )


FORMATS: dict[str, Callable[[Table], str]] = {
    "terminal": terminal,
    "text": text,
    "markdown": markdown,
    "latex": latex,
    "csv": per_run_csv,
}
