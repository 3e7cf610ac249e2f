"""A sensitivity study for a terminal, as Markdown, as numbers, as a plot, or as one JSON object."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.evaluation.statistics import Estimate
from bench.protocol.switches import OpenQuestion
from bench.reporting.console import for_stdout, json_object
from bench.reporting.results.records import load
from bench.reporting.sensitivity.effects import Effect, Moved, Sensitivity, Standing, sensitivity
from bench.reporting.sensitivity.numbers import numbers, plain
from bench.reporting.tables.markdown import escape
from bench.store import write_bytes

NAME = "sensitivity"
EMPTY = (
    "No finished runs of a sensitivity study here. See what one takes, then make it:\n"
    "  bench sensitivity --dry-run\n  bench sensitivity"
)
HEADS = ("point", "reading", "score", "effect", "95 % interval", "n", "selected", "rank", "")
LEFT = ("point", "reading", "")
LEGEND = (
    "effect: another reading minus the default, mean over the seeds (n) that both have, with its "
    "95 % interval over seeds and patients; one seed has none",
    "each interval is of its reading alone: of twenty readings that move nothing, one would leave "
    "0 out; and two seeds give too narrow ones where seeds are most of what varies "
    "(results/planted-truth.md)",
    "selected: mean share of the anchors that self-paced learning learns from",
    "rank: among the rows of the first of Tables 1 to 3 that shows the method, as far as they were "
    "run under the same key with these seeds; under the default, then under the reading",
    "A study never enters Tables 1 to 3",
)


class Page(NamedTuple):
    """What goes to standard output, and the files that were written."""

    text: str
    written: tuple[Path, ...] = ()


def sensitivity_page(
    folders: Sequence[Path],
    points: Sequence[OpenQuestion],
    *,
    dataset: str,
    lq_ratio: str = "native",
    protocol: str | None = None,
    out: Path | None = None,
    as_json: bool = False,
) -> Page:
    """What each open point moves, from the records below some folders.

    Args:
        folders: Of the study's records and the main one's; a run in two of them counts once.
        points: To report.
        dataset: Its name.
        lq_ratio: The share to look at.
        protocol: Name or comparability key; None if the study has only one.
        out: Folder for `sensitivity.md`, `.csv` (per seed), `.svg` and `.png`.
        as_json: One JSON object.

    Raises:
        NotComparable: if the study has runs that must not be compared.
        RequestError: if no run has the protocol that was asked for.
    """
    tables = [table for folder in folders if not (table := load(folder)).empty]
    records = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    records = records.drop_duplicates("id") if tables else records
    found = sensitivity(records, points, dataset, lq_ratio, protocol)
    if found is None:
        return Page(json_object({"study": None}) if as_json else EMPTY)
    written = tuple(_write(found, out)) if out is not None else ()
    text = (
        json_object({"study": {**plain(found), "summary": summary(found)}})
        if as_json
        else _terminal(found)
    )
    return Page(text, written)


def markdown(found: Sensitivity) -> str:
    """The whole page."""
    rows = [HEADS, tuple(":--" if head in LEFT else "--:" for head in HEADS)]
    rows += [tuple(escape(text) for text in row) for row in _rows(found)]
    grid = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    asked = [f"- {each.point.id}: {escape(each.point.question)}" for each in found.points]
    notes = [f"- {escape(line)}" for line in LEGEND]
    plot = f"![effect of each reading]({NAME}.svg)"
    parts = [f"# {_title(found)}", "\n".join(f"- {line}" for line in summary(found)), grid]
    return "\n\n".join([*parts, plot, "\n".join(asked), "\n".join(notes)]) + "\n"


def summary(found: Sensitivity) -> list[str]:
    """What moves most, what is sure, and whether a rank changes."""
    effects = [(moved, e) for moved in found.points for e in moved.effects if e.difference]
    if not effects:
        return ["No reading shares a seed with its default yet."]
    most, most_effect = max(effects, key=lambda pair: abs(_value(pair[1])))
    lines = [
        f"{found.metric} moves most under {_named(most, most_effect)}: {_value(most_effect):+.3f}."
    ]
    sure = [_named(*pair) for pair in effects if _is_sure(pair[1].difference)]
    lines.append(
        f"Effects whose 95 % interval leaves 0 out: {', '.join(sure)}."
        if sure
        else "No effect has a 95 % interval that leaves 0 out: the seeds decide nothing yet."
    )
    return [*lines, _ranks(effects)]


def _ranks(effects: Sequence[tuple[Moved, Effect]]) -> str:
    ranked = [(moved, e) for moved, e in effects if e.standing is not None]
    if not ranked:
        return "No rival was run under the same key with these seeds: of ranks nothing is known."
    crossed = [
        f"{_named(moved, e)} ({_crossed(e.standing)})"
        for moved, e in ranked
        if e.standing is not None and e.standing.crossings
    ]
    if not crossed:
        return f"No ranking flips under any of {len(ranked)} readings that have rivals."
    return f"A ranking flips under {'; '.join(crossed)}."


def _title(found: Sensitivity) -> str:
    drawn = ", drawn images" if found.dataset.endswith("-twin") else ""
    return (
        f"What each open point of the paper moves: {found.dataset}{drawn} "
        f"(protocol {found.protocol}, {found.key})"
    )


def _rows(found: Sensitivity) -> Iterator[tuple[str, ...]]:
    for moved in found.points:
        name = f"{moved.point.id}, {moved.point.default.method} at {moved.ratio}"
        reading = f"{moved.point.default.name} (default)"
        yield (name, reading, _score(moved.default), "", "", "", _share(moved.selected), "", "")
        for effect in moved.effects:
            yield _row(effect)


def _row(effect: Effect) -> tuple[str, ...]:
    found = effect.difference
    notes = [found.why_not] if found and found.seeds > 1 and found.why_not else []
    notes += ["stale runs"] if effect.stale else []
    notes += [_crossed(effect.standing)] if effect.standing and effect.standing.crossings else []
    if effect.score is None:
        notes = ["not run"]
    elif found is None:
        notes += ["no seed that the default has"]
    return (
        "",
        effect.reading.name,
        _score(effect.score),
        "" if found is None else f"{found.value:+.3f}",
        _interval(found),
        "" if found is None else str(found.seeds),
        _share(effect.selected),
        _rank(effect.standing),
        "; ".join(notes),
    )


def _crossed(standing: Standing | None) -> str:
    """Which rivals change sides, and whether that is more than luck."""
    parts = []
    for crossing in standing.crossings if standing else ():
        verb = "passes" if crossing.passed else "falls behind"
        parts.append(f"{verb} {crossing.rival}{'' if crossing.sure else ', not surely'}")
    return "; ".join(parts)


def _score(found: Estimate | None) -> str:
    return "not run" if found is None else f"{found.value:.3f}"


def _interval(found: Estimate | None) -> str:
    interval = None if found is None else found.interval()
    return "" if interval is None else f"{interval.low:+.3f} to {interval.high:+.3f}"


def _share(selected: float | None) -> str:
    return "" if selected is None else f"{100 * selected:.1f} %"


def _rank(standing: Standing | None) -> str:
    if standing is None:
        return ""
    return f"{standing.default} → {standing.other} of {standing.methods}"


def _named(moved: Moved, effect: Effect) -> str:
    return f"{moved.point.id} {effect.reading.name}"


def _value(effect: Effect) -> float:
    return effect.difference.value if effect.difference else 0.0


def _is_sure(found: Estimate | None) -> bool:
    interval = None if found is None else found.interval()
    return interval is not None and (interval.low > 0 or interval.high < 0)


def _terminal(found: Sensitivity) -> str:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in HEADS:
        grid.add_column(head, justify="left" if head in LEFT else "right")
    for row in _rows(found):
        if row[0]:
            grid.add_section()
        grid.add_row(*(Text(text) for text in row))
    lines = [*summary(found), *LEGEND]
    parts = [Text(_title(found), style="bold"), grid, *(Text(line) for line in lines)]
    return for_stdout(Group(*parts)).rstrip("\n")


def _write(found: Sensitivity, out: Path) -> Iterator[Path]:
    from bench.reporting.sensitivity.tornado import tornado

    out.mkdir(parents=True, exist_ok=True)
    contents = {"md": markdown(found).encode(), "csv": numbers(found).encode(), **tornado(found)}
    for ending, content in contents.items():
        path = out / f"{NAME}.{ending}"
        write_bytes(path, content)
        yield path
