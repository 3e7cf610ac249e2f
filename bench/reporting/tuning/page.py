"""What tuning found: for a terminal, as Markdown, as numbers, and as entries of `tuned.toml`."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.protocol import tuning
from bench.reporting.console import for_stdout, json_object
from bench.reporting.tables.markdown import escape
from bench.reporting.tuning.entries import as_toml, entries, merged
from bench.reporting.tuning.trials import MethodTrials, collect
from bench.store import write_bytes

NAME = "tuning"
HEADS = ("method", "score at each value", "chosen", "gain", "trials", "best epoch", "")
LEGEND = (
    "score: of the selected epoch on the validation split; test images decide nothing here",
    "chosen: the best score, of equal ones the value nearest the preset's",
    "gain: the chosen value's score minus that of the preset's value",
    "One seed for each trial: how much seeds vary is not measured, and a gain of a few hundredths "
    "may be luck; the best of several is too high an estimate of what it will score",
)


class TuningPage(NamedTuple):
    """What goes to standard output, the files that were written, and whether nothing is missing."""

    text: str
    written: tuple[Path, ...]
    complete: bool


def tuning_page(
    root: Path,
    *,
    dataset: str,
    protocol_name: str,
    write: Path | None = None,
    as_json: bool = False,
) -> TuningPage:
    """What was tried and chosen, from the trials below a folder.

    Args:
        root: Folder of the trials; `tuning-PRESET.md` and `.csv` are written there.
        dataset: Its name.
        protocol_name: The preset that was tuned.
        write: File of tuned values to which the choices are added.
        as_json: One JSON object.

    Raises:
        NotComparable: if the trials must not be compared.
    """
    methods = collect(root, dataset, protocol_name)
    if not methods:
        empty = json_object({"methods": []}) if as_json else f"No finished trial below {root} yet."
        return TuningPage(empty, (), False)
    title = f"Tuning on {dataset}, protocol {protocol_name}"
    contents = {"md": markdown(title, methods), "csv": numbers(dataset, protocol_name, methods)}
    written = [root / f"{NAME}-{protocol_name}.{ending}" for ending in contents]
    for path, content in zip(written, contents.values(), strict=True):
        write_bytes(path, content.encode())
    chosen = entries(methods, dataset, root)
    if write is not None and chosen:
        write_bytes(write, merged(write, protocol_name, chosen).encode())
        written.append(write)
    complete = all(method.chosen is not None for method in methods)
    if as_json:
        plain = [asdict(m) | {"chosen": m.chosen and m.chosen.value} for m in methods]
        return TuningPage(json_object({"methods": plain}), tuple(written), complete)
    text = _terminal(title, methods)
    if chosen and write is None:
        text += "\n\n" + as_toml({protocol_name: chosen}).rstrip("\n")
    return TuningPage(text, tuple(written), complete)


def summary(methods: Sequence[MethodTrials]) -> list[str]:
    """How many trials there are, what changed, and what is to be looked at."""
    counts = sorted({len(each.trials) for each in methods})
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    lines = [f"{many} trials of each of {len(methods)} methods, seed {tuning.SEED}, native share."]
    changed = [m for m in methods if m.chosen and not math.isclose(m.chosen.value, m.preset)]
    gains = [each.gain for each in methods if not math.isnan(each.gain)]
    if gains:
        lines.append(
            f"{len(changed)} of {len(methods)} methods have another value than the preset's; "
            f"the mean gain is {sum(gains) / len(gains):+.3f}, the largest {max(gains):+.3f}."
        )
    lacking = [each.method for each in methods if each.chosen is None]
    if lacking:
        lines.append(f"Not chosen, since trials are missing or all diverged: {', '.join(lacking)}.")
    at_edge = [each.method for each in methods if each.at_edge]
    if at_edge:
        lines.append(f"Chosen at an end of the grid: {', '.join(at_edge)}.")
    return lines


def markdown(title: str, methods: Sequence[MethodTrials]) -> str:
    """The whole page."""
    rows = [HEADS, tuple(":--" for _ in HEADS)]
    rows += [tuple(escape(text) for text in _row(each)) for each in methods]
    grid = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    lists = ["\n".join(f"- {escape(t)}" for t in texts) for texts in (summary(methods), LEGEND)]
    return "\n\n".join([f"# {escape(title)}", lists[0], grid, lists[1]]) + "\n"


def numbers(dataset: str, protocol_name: str, methods: Sequence[MethodTrials]) -> str:
    """One line per trial, in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ("id", "method", "setting", "value", "metric", "score", "best_epoch", "epochs")
    names += ("seconds", "why_not")
    writer.writerow(("dataset", "protocol", *names, "preset", "chosen"))
    for each in methods:
        for trial in each.trials:
            fields = [_plain(getattr(trial, name)) for name in names]
            is_chosen = "yes" if trial is each.chosen else ""
            writer.writerow((dataset, protocol_name, *fields, each.preset, is_chosen))
    return text.getvalue()


def _plain(value: Any) -> Any:
    return "" if isinstance(value, float) and math.isnan(value) else value


def _row(each: MethodTrials) -> tuple[str, ...]:
    done = {trial.value: trial for trial in each.trials}
    shown = [
        f"{value:g}: {_score(done[value].score) if value in done else 'not run'}"
        for value in each.wanted
    ]
    chosen = each.chosen
    return (
        each.method,
        ", ".join(shown),
        f"{chosen.value:g}" if chosen else "none yet",
        "" if math.isnan(each.gain) else f"{each.gain:+.3f}",
        f"{len(each.trials)} of {len(each.wanted)}",
        f"{chosen.best_epoch} of {chosen.epochs}" if chosen else "",
        "; ".join(_remarks(each)),
    )


def _remarks(each: MethodTrials) -> Iterator[str]:
    if each.at_edge:
        yield "at an end of the grid"
    untrained = [f"{trial.value:g}" for trial in each.trials if trial.why_not and trial.epochs]
    if untrained:
        yield f"not trained: {', '.join(untrained)}"


def _score(value: float) -> str:
    return "diverged" if math.isnan(value) else f"{value:.3f}"


def _terminal(title: str, methods: Sequence[MethodTrials]) -> str:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in HEADS:
        grid.add_column(head, overflow="fold")
    for each in methods:
        grid.add_row(*(Text(text) for text in _row(each)))
    lines = [*summary(methods), *LEGEND]
    parts = [Text(title, style="bold"), grid, *(Text(line) for line in lines)]
    return for_stdout(Group(*parts)).rstrip("\n")
