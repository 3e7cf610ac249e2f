"""Labels that a file leaves open: uncertain ones (-1), and cells without a value.

CheXpert's labels have both, and they are not the same: -1 is an uncertain mention, an empty cell
none at all. So each has a rule of its own in `dataset.toml`, and without it is refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.data.dataset_toml import Description
from bench.data.label_table import LabelTable
from bench.errors import RequestError

UNCERTAIN = re.compile(r"-1(\.0*)?", re.ASCII)
BLANK = ("", "nan", "na", "n/a", "<na>", "none", "null")
"""What programs write where nothing is known, in small letters."""

COUNTS_AS = {"positive": 1, "negative": 0}
WORDS = {"uncertain": "are -1, an uncertain finding", "blank": "have no value"}
NOTES = {"uncertain": "uncertain labels (-1)", "blank": "labels without a value"}


@dataclass(frozen=True)
class OpenLabels:
    """What the rules make of the labels that a file leaves open.

    Attributes:
        values: (row, column) -> 0 or 1.
        left_out: Rows that a rule leaves out.
        notes: A sentence for each rule that was applied.
    """

    values: dict[tuple[int, str], int]
    left_out: frozenset[int]
    notes: tuple[str, ...]


def settle(
    table: LabelTable,
    columns: Mapping[str, Sequence[str]],
    description: Description,
    *,
    grades: bool = False,
) -> OpenLabels:
    """The labels that a file leaves open, by the rules of a description.

    Args:
        columns: Name -> cells of the columns of labels.
        grades: Grades are neither positive nor negative; they can only be left out.

    Raises:
        RequestError: for such cells without a rule, with column, count, line and the rule to write.
    """
    values, left_out, notes = {}, set[int](), []
    for kind, rule in (("uncertain", description.uncertain), ("blank", description.blank)):
        cells = [
            (i, name)
            for name, column in columns.items()
            for i, cell in enumerate(column)
            if _kind(cell) == kind and cell not in description.values
        ]
        if not cells:
            continue
        if rule is None or (grades and rule != "leave out"):
            raise RequestError(_without_rule(table, cells, kind, grades))
        if rule == "leave out":
            rows = {i for i, _ in cells}
            left_out |= rows
            notes.append(f"{len(rows):,} rows with {NOTES[kind]} are left out")
        else:
            values |= dict.fromkeys(cells, COUNTS_AS[rule])
            notes.append(f"{len(cells):,} {NOTES[kind]} count as {rule}")
    return OpenLabels(values, frozenset(left_out), tuple(notes))


def _kind(cell: str) -> str:
    if UNCERTAIN.fullmatch(cell):
        return "uncertain"
    return "blank" if cell.casefold() in BLANK else ""


def _without_rule(
    table: LabelTable, cells: Sequence[tuple[int, str]], kind: str, grades: bool
) -> str:
    first, name = cells[0]
    count = sum(column == name for _, column in cells)
    rules = '"leave out"' if grades else '"positive", "negative" or "leave out"'
    return (
        f"{table.file}, column {name!r}: {count:,} cells {WORDS[kind]} (first: line "
        f"{table.lines[first]}); say in dataset.toml what becomes of them: {kind} = {rules}"
    )
