"""A label file as a table of text: read as it was meant, or refused by line and column.

Encodings with a byte-order mark and UTF-8 are read as they are, any other is named in
`dataset.toml`. Cells are separated by commas, semicolons or tabs, lines end as on any system. What
could be read in two ways is refused: nothing is shifted, renamed or filled in.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.errors import RequestError

SEPARATORS = (",", ";", "\t")
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte-order marks; the longer one first where one begins like another."""
NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.0*)?", re.ASCII)
Line = tuple[int, list[str]]


@dataclass(frozen=True)
class LabelTable:
    """Every cell of a label file as stripped text.

    Attributes:
        file: Its name, for messages.
        columns: The header; "" for a column without a name.
        rows: As many cells each as there are columns.
        lines: Where each row begins in the file, from 1.
    """

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def column(self, name: str) -> list[str]:
        """The cells of a column.

        Raises:
            RequestError: when the header does not have it, or has it twice.
        """
        count = self.columns.count(name)
        if not count:
            raise RequestError(
                f"{self.file} has no column {name!r}; its columns are "
                f"{', '.join(filter(None, self.columns))}"
            )
        if count > 1:
            raise RequestError(
                f"{self.file}: the header names {name!r} {count} times, and which of them is meant "
                "cannot be known; rename or delete all but one"
            )
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def where(self, row: int, column: str) -> str:
        """How a message calls a cell."""
        return f"{self.file}, line {self.lines[row]}, column {column!r}"


def read_table(
    path: Path,
    suits: Callable[[Sequence[str]], bool],
    encoding: str | None = None,
    *,
    may_be_empty: bool = False,
) -> LabelTable:
    """A label file.

    Args:
        suits: Whether a header is one of such a file; of the separators the first that gives such
            a header is taken, else the one that gives the most columns.
        encoding: For a file without a byte-order mark; None for UTF-8.
        may_be_empty: Whether a header without rows is such a file.

    Raises:
        RequestError: naming the file, and the line where there is one.
    """
    if not path.is_file():
        raise RequestError(f"{path} is not there; see `bench datasets` for the expected layout")
    text, skipped = _without_hint(read_text(path, encoding))
    tables = [_cells(path.name, text, separator) for separator in SEPARATORS]
    fitting = [lines for lines in tables if not isinstance(lines, RequestError) and lines]
    if not fitting:
        empty = RequestError(f"{path} is not a CSV table: it is empty")
        raise next((error for error in tables if isinstance(error, RequestError)), empty)
    chosen = [lines for lines in fitting if suits(_stripped(lines[0][1]))]
    (_, header), *lines = (chosen or [max(fitting, key=lambda lines: len(lines[0][1]))])[0]
    if not lines and not may_be_empty:
        names = ", ".join(_stripped(header))
        raise RequestError(f"{path.name} has a header ({names}) and no row; add the rows")
    table = _table(path.name, header, lines)
    return LabelTable(path.name, *table[:2], tuple(number + skipped for number in table[2]))


def read_csv(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    """A label file as a frame; columns without a name, or of one name, are left out.

    Raises:
        RequestError: as `read_table`, and when a required column is not there, or there twice.
    """
    table = read_table(path, lambda names: set(required) <= set(names))
    for name in required:
        table.column(name)
    single = [name for name in table.columns if name and table.columns.count(name) == 1]
    return pd.DataFrame({name: table.column(name) for name in single}, dtype=object)


def read_text(path: Path, encoding: str | None = None) -> str:
    """The text of a file, without its byte-order marks.

    Raises:
        RequestError: where it is no text in its encoding, with the line, the byte and a way out.
    """
    content = path.read_bytes()
    marked = next((name for mark, name in MARKS if content.startswith(mark)), None)
    try:
        text = content.decode(marked or encoding or "utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RequestError(
            f"{path.name}, line {line}: byte {content[error.start]:#04x} is not "
            f"{error.encoding.upper()}; save the file as UTF-8 (in Excel: 'CSV UTF-8'), or name "
            'its encoding in dataset.toml, such as encoding = "cp1252" for Western European Windows'
        ) from None
    except (LookupError, UnicodeError):
        raise RequestError(
            f"{path.name}: encoding = {encoding!r} in dataset.toml is not one that Python knows; "
            "take utf-8, utf-16, cp1252 or latin-1"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise RequestError(
            f"{path.name}, line {line}: a NUL character, which no table of text has; save the file "
            "as UTF-8 (UTF-16 without a byte-order mark looks like this)"
        )
    return text.lstrip("\ufeff")


def lines_of(path: Path) -> list[str]:
    """The stripped lines of a list that are not blank.

    Raises:
        RequestError: as `read_text`.
    """
    return _stripped(line for line in io.StringIO(read_text(path), newline=None) if line.strip())


def csv_lines(path: Path) -> list[list[str]]:
    """The lines of a CSV with commas that are not blank, however many cells each has.

    Raises:
        RequestError: as `read_text`, or where a quotation mark is not closed.
    """
    lines = _cells(path.name, read_text(path), ",")
    if isinstance(lines, RequestError):
        raise lines
    return [cells for _, cells in lines]


def whole_number(text: str, where: str) -> int:
    """The integer that a cell holds; 2.0, as tables with gaps are saved, is 2.

    Raises:
        RequestError: naming the cell.
    """
    if not NUMBER.fullmatch(text):
        raise RequestError(f"{where}: {text!r} is not a whole number")
    return int(text.partition(".")[0])


def _without_hint(text: str) -> tuple[str, int]:
    """The text without Excel's first line `sep=;`, and how many lines that were."""
    first, ending, rest = text.partition("\n")
    hinted = re.fullmatch(r'"?sep=[,;\t]"?\r?', first, re.IGNORECASE)
    return (rest, 1) if hinted and ending else (text, 0)


def _cells(file: str, text: str, separator: str) -> list[Line] | RequestError:
    """The lines that are not blank, each with its number, or what is wrong with the quoting."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True
    )
    lines, begins = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        return RequestError(f"{file}, line {begins}, is not a CSV table: {error}")
    return lines


def _table(
    file: str, header: Sequence[str], lines: Sequence[Line]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[int, ...]]:
    """Columns, rows and their lines, each row as wide as the header."""
    columns = _stripped(header)
    named = max((place for place, name in enumerate(columns, start=1) if name), default=0)
    width, rows = len(columns), [_stripped(cells) for _, cells in lines]
    if all(len(row) == width + 1 for row in rows) and _counts([row[0] for row in rows]):
        rows = [row[1:] for row in rows]  # R writes the numbers of the rows without a header
    for (number, _), row in zip(lines, rows, strict=True):
        if len(row) < named or any(row[width:]):
            raise RequestError(
                f"{file}, line {number}: {len(row)} cells, and the header has {named} columns "
                f"({', '.join(columns[:named])}); a value with a separator in it must be quoted"
            )
    padded = tuple(tuple((row + [""] * width)[:width]) for row in rows)
    return tuple(columns), padded, tuple(number for number, _ in lines)


def _counts(cells: Sequence[str]) -> bool:
    """Whether cells number the rows from 1."""
    return list(cells) == [str(number) for number in range(1, len(cells) + 1)]


def _stripped(cells: Iterable[str]) -> list[str]:
    return [cell.strip() for cell in cells]
