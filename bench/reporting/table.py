"""What a table is, before anybody decides how it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Score:
    """One run's score in full precision."""

    run: str
    seed: int
    value: float


@dataclass(frozen=True)
class Cell:
    """One cell: text, and the measured numbers behind it.

    Attributes:
        text: As printed, without marks.
        scores: One a run, by seed; empty for text that is not measured.
        marks: Letters of its footnotes.
    """

    text: str
    scores: tuple[Score, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """One row: a title, the cells, and whether a rule stands above it."""

    method: str
    title: str
    cells: tuple[Cell, ...]
    marks: tuple[str, ...] = ()
    ruled: bool = False


@dataclass(frozen=True)
class Block:
    """The rows of one score; `metric` is "" for rows that describe the data."""

    metric: str
    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Column:
    """One column: a ratio, measured by us or published by the paper."""

    ratio: str
    head: str
    measured: bool = True


@dataclass(frozen=True)
class Section:
    """One data set under one comparability key; notes are (letter or "", text)."""

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


def spread(values: Sequence[float]) -> str:
    """Mean and sample standard deviation over seeds; one seed has no spread to show."""
    n = len(values)
    if not np.isfinite(values).all():
        return f"undefined (n={n})"
    if n == 1:
        return f"{values[0]:.3f} (n=1)"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} (n={n})"


def marked(text: str, marks: Sequence[str], pattern: str) -> str:
    """The text with the letters of its footnotes behind it, put in by the pattern's {}."""
    return text + pattern.format(",".join(marks)) if marks else text
