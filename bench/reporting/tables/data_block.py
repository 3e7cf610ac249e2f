"""The lines of a table that no method made: the most frequent class, shares, numbers of images."""

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from bench.evaluation import registry
from bench.reporting.tables.model import Block, Cell, Column, Line


def frequent(records: pd.DataFrame, columns: Sequence[Column], metric: str) -> Line:
    """What the same answer for every image scores."""
    return _line(records, columns, "always the most frequent class", _constant(metric), ruled=True)


def data_block(records: pd.DataFrame, columns: Sequence[Column]) -> Block:
    """The achieved shares of low quality, and how many images were tested."""
    lines = [
        _line(records, columns, f"low-quality share, {split}", _share(split))
        for split in ("train", "validation", "test")
    ]
    return Block("", "Data", (*lines, _line(records, columns, "test images", _count)))


def _constant(metric: str) -> Callable[[pd.DataFrame], str]:
    one = registry.named(metric)
    form = f"{{:.{one.digits}f}}"
    if one.chance is None:
        return lambda runs: "-"
    if isinstance(one.chance, str):
        column = one.chance
        return lambda runs: _range(runs[column], form)
    text = form.format(one.chance)
    return lambda runs: text


def _line(
    records: pd.DataFrame,
    columns: Sequence[Column],
    title: str,
    text: Callable[[pd.DataFrame], str],
    ruled: bool = False,
) -> Line:
    """A line of facts about the runs of each ratio; "-" where there are none."""
    cells = []
    for column in columns:
        runs = records.loc[records["lq_ratio"] == column.ratio]
        fact = "-" if runs.empty else text(runs)
        cells.append(Cell(fact if column.measured else ""))
    return Line("", title, tuple(cells), ruled=ruled)


def _share(split: str) -> Callable[[pd.DataFrame], str]:
    return lambda runs: _range(runs[f"share_{split}"], "{:.2%}")


def _count(runs: pd.DataFrame) -> str:
    return " to ".join(f"{int(value):,}" for value in sorted(set(runs["n_test"])))


def _range(values: Iterable[float], form: str = "{:.3f}") -> str:
    """One number, or the two ends where the runs differ in the digits shown."""
    texts = [form.format(value) for value in sorted(values)]
    low, high = texts[0], texts[-1]
    return low if low == high else f"{low} to {high}"
