"""Lines of a table that no method made: the most frequent class, proportions, numbers of images."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from bench.evaluation import registry
from bench.reporting.tables.model import Block, Column, TableCell, TableLine


def frequent(records: pd.DataFrame, columns: Sequence[Column], metric: str) -> TableLine:
    """What the same answer for every image scores."""
    return _line(records, columns, "always the most frequent class", _constant(metric), ruled=True)


def data_block(records: pd.DataFrame, columns: Sequence[Column]) -> Block:
    """The achieved proportions of low-quality images, and how many images were tested.

    Patients that two splits share stand there where there are any.
    """
    lines = [
        _line(records, columns, f"proportion of low-quality images, {split}", _share(split))
        for split in ("train", "validation", "test")
    ]
    lines.append(_line(records, columns, "test images", _count))
    for pair in ("train+test", "validation+test") if "shared_by_splits" in records else ():
        if any(_patients(pair, shared) for shared in records["shared_by_splits"]):
            title = f"patients in both {' and '.join(pair.split('+'))}"
            lines.append(_line(records, columns, title, _shared(pair)))
    return Block("", "Data", tuple(lines))


def _patients(pair: str, shared: Mapping[str, Mapping[str, int]] | None) -> int:
    """How many patients two splits of a run share; none where its record does not say."""
    return shared[pair]["patients"] if shared else 0


def _shared(pair: str) -> Callable[[pd.DataFrame], str]:
    return lambda runs: _range(
        (_patients(pair, shared) for shared in runs["shared_by_splits"]), "{:,}"
    )


def _constant(metric: str) -> Callable[[pd.DataFrame], str]:
    definition = registry.named(metric)
    form = f"{{:.{definition.digits}f}}"
    if definition.chance is None:
        return lambda runs: "-"
    if isinstance(definition.chance, str):
        column = definition.chance
        return lambda runs: _range(runs[column], form)
    text = form.format(definition.chance)
    return lambda runs: text


def _line(
    records: pd.DataFrame,
    columns: Sequence[Column],
    title: str,
    text: Callable[[pd.DataFrame], str],
    ruled: bool = False,
) -> TableLine:
    """A line of facts about the runs of each ratio; "-" where there are none."""
    cells = []
    for column in columns:
        runs = records.loc[records["lq_ratio"] == column.ratio]
        shown = "-" if runs.empty else text(runs)
        cells.append(TableCell(shown if column.measured else ""))
    return TableLine("", title, tuple(cells), ruled=ruled)


def _share(split: str) -> Callable[[pd.DataFrame], str]:
    return lambda runs: _range(runs[f"share_{split}"], "{:.2%}")


def _count(runs: pd.DataFrame) -> str:
    return " to ".join(f"{int(value):,}" for value in sorted(set(runs["n_test"])))


def _range(values: Iterable[float], form: str = "{:.3f}") -> str:
    """One number, or the two ends where the runs differ in the digits shown."""
    texts = [form.format(value) for value in sorted(values)]
    low, high = texts[0], texts[-1]
    return low if low == high else f"{low} to {high}"
