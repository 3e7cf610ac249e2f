"""What a table is, before anybody decides how it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.reporting.results.scores import Score


@dataclass(frozen=True)
class TableCell:
    """One cell: text, and the measured numbers behind it.

    Attributes:
        text: As printed, without marks.
        scores: One a run, by seed; empty for text that is not measured.
        marks: Letters of its footnotes, and signs for how it stands in its column.
        facts: What else is measured of its runs, by name, for CSV alone.
        stale: Whether its runs are of older code.
        untrained: Whether one of them has not learnt.
        short: The same for a page with little room; "" where `text` is short itself.
    """

    text: str
    scores: tuple[Score, ...] = ()
    marks: tuple[str, ...] = ()
    facts: tuple[tuple[str, Score], ...] = ()
    stale: bool = False
    untrained: bool = False
    short: str = ""


@dataclass(frozen=True)
class TableLine:
    """One row: a title, the cells, and whether a rule stands above it."""

    method: str
    title: str
    cells: tuple[TableCell, ...]
    marks: tuple[str, ...] = ()
    ruled: bool = False


@dataclass(frozen=True)
class Block:
    """The rows of one score; `metric` is "" for rows that describe the data."""

    metric: str
    heading: str
    lines: tuple[TableLine, ...]


@dataclass(frozen=True)
class Column:
    """One column: a ratio, and what of it."""

    ratio: str
    head: str
    kind: Literal["measured", "published", "verdict"] = "measured"

    @property
    def measured(self) -> bool:
        """Whether it holds our scores."""
        return self.kind == "measured"


@dataclass(frozen=True)
class Section:
    """One data set under one comparability key; notes are (mark or "", text)."""

    dataset: str
    key: str
    title: str
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    notes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A whole table; `message` stands in its place where there is nothing to show."""

    name: str
    caption: str
    sections: tuple[Section, ...]
    message: str = ""


def marked(text: str, marks: Sequence[str], pattern: str) -> str:
    """The text with the letters of its footnotes behind it, put in by the pattern's {}."""
    return text + pattern.format(",".join(marks)) if marks else text
