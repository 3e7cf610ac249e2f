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
from bench.protocol.presets import named_protocol
from bench.protocol.switches import OpenQuestion
from bench.reporting.console import for_stdout, json_object
from bench.reporting.results.records import load
from bench.reporting.sensitivity.effects import (
    Effect,
    QuestionEffects,
    RankChange,
    Sensitivity,
    sensitivity,
)
from bench.reporting.sensitivity.numbers import numbers, plain
from bench.reporting.tables.markdown import escape
from bench.store import write_bytes

NAME = "sensitivity"
EMPTY = (
    "No finished runs of a sensitivity study here. See what one takes, then make it:\n"
    "  bench sensitivity --dry-run\n  bench sensitivity"
)
HEADS = ("question", "alternative", "score", "effect", "95 % interval", "n", "selected", "rank", "")
LEFT = ("question", "alternative", "")
LEGEND = (
    "effect: an alternative minus the default, mean over the seeds (n) that both have, with its "
    "95 % interval over seeds and patients; fewer than three seeds have none",
    "each interval is of its alternative alone: of twenty that change nothing, one would exclude 0",
    "selected: mean proportion of the anchors that self-paced learning learns from",
    "rank: among the rows of the first of Tables 1 to 3 that shows the method, as far as they were "
    "run under the same key with these seeds; under the default, then under the alternative",
    "undecided: a run of the alternative or of the default did not learn; no rank and no sentence "
    "of the summary rests on such an effect",
    "A study never enters Tables 1 to 3",
)


class SensitivityPage(NamedTuple):
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
) -> SensitivityPage:
    """What each open question moves, from the records below some folders.

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
    study = sensitivity(records, points, dataset, lq_ratio, protocol)
    if study is None:
        return SensitivityPage(json_object({"study": None}) if as_json else EMPTY)
    written = tuple(_write(study, out)) if out is not None else ()
    text = (
        json_object({"study": {**plain(study), "summary": summary(study)}})
        if as_json
        else _terminal(study)
    )
    return SensitivityPage(text, written)


def markdown(study: Sensitivity) -> str:
    """The whole page."""
    rows = [HEADS, tuple(":--" if head in LEFT else "--:" for head in HEADS)]
    rows += [tuple(escape(text) for text in row) for row in _rows(study)]
    grid = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    questions = [
        f"- {effects.question.id}: {escape(effects.question.question)}"
        for effects in study.questions
    ]
    notes = [f"- {escape(line)}" for line in LEGEND]
    plot = f"![effect of each alternative]({NAME}.svg)"
    parts = [f"# {_title(study)}", "\n".join(f"- {line}" for line in summary(study)), grid]
    return "\n\n".join([*parts, plot, "\n".join(questions), "\n".join(notes)]) + "\n"


def summary(study: Sensitivity) -> list[str]:
    """What moves most, what is sure, and whether a rank changes."""
    effects = [
        (of_question, e)
        for of_question in study.questions
        for e in of_question.effects
        if e.difference
    ]
    if not effects:
        return ["No alternative shares a seed with its default yet."]
    undecided = [_named(*pair) for pair in effects if pair[1].undecided]
    effects = [pair for pair in effects if not pair[1].undecided]
    untrained = [f"Undecided, since runs did not learn: {', '.join(undecided)}."] * bool(undecided)
    if not effects:
        return untrained
    most, most_effect = max(effects, key=lambda pair: abs(_value(pair[1])))
    lines = [
        f"{study.metric} moves most under {_named(most, most_effect)}: {_value(most_effect):+.3f}."
    ]
    sure = [_named(*pair) for pair in effects if _is_sure(pair[1].difference)]
    lines.append(
        f"Effects whose 95 % interval leaves 0 out: {', '.join(sure)}."
        if sure
        else "No effect has a 95 % interval that leaves 0 out: the seeds decide nothing yet."
    )
    return [*lines, _ranks(effects), *untrained]


def _ranks(effects: Sequence[tuple[QuestionEffects, Effect]]) -> str:
    ranked = [(of_question, e) for of_question, e in effects if e.ranks is not None]
    if not ranked:
        return "No rival was run under the same key with these seeds: of ranks nothing is known."
    crossed = [
        f"{_named(of_question, e)} ({_crossed(e.ranks)})"
        for of_question, e in ranked
        if e.ranks is not None and e.ranks.crossings
    ]
    if not crossed:
        return f"No ranking flips under any of {len(ranked)} alternatives that have rivals."
    return f"A ranking flips under {'; '.join(crossed)}."


def _title(study: Sensitivity) -> str:
    synthetic = ", synthetic images" if study.dataset.endswith("-twin") else ""
    return (
        f"What each open question of the paper changes: {study.dataset}{synthetic} "
        f"({named_protocol(study.protocol)}, {study.key})"
    )


def _rows(study: Sensitivity) -> Iterator[tuple[str, ...]]:
    for of_question in study.questions:
        question = of_question.question
        name = f"{question.id}, {question.default.method} at {of_question.ratio}"
        alternative = f"{of_question.question.default.name} (default)"
        yield (
            name,
            alternative,
            _score(of_question.default),
            "",
            "",
            "",
            _share(of_question.selected),
            "",
            "",
        )
        for effect in of_question.effects:
            yield _row(effect)


def _row(effect: Effect) -> tuple[str, ...]:
    difference = effect.difference
    notes = (
        [difference.why_not] if difference and difference.seeds > 1 and difference.why_not else []
    )
    notes += ["stale runs"] if effect.stale else []
    notes += [f"undecided: {effect.undecided}"] if effect.undecided else []
    notes += [_crossed(effect.ranks)] if effect.ranks and effect.ranks.crossings else []
    if effect.score is None:
        notes = ["not run"]
    elif difference is None:
        notes += ["no seed that the default has"]
    return (
        "",
        effect.alternative.name,
        _score(effect.score),
        "" if difference is None else f"{difference.value:+.3f}",
        _interval(difference),
        "" if difference is None else str(difference.seeds),
        _share(effect.selected),
        _rank(effect.ranks),
        "; ".join(notes),
    )


def _crossed(rank: RankChange | None) -> str:
    """Which rivals change sides, and whether that is more than luck."""
    parts = []
    for crossing in rank.crossings if rank else ():
        verb = "passes" if crossing.passed else "falls behind"
        parts.append(f"{verb} {crossing.rival}{'' if crossing.sure else ', not surely'}")
    return "; ".join(parts)


def _score(estimate: Estimate | None) -> str:
    return "not run" if estimate is None else f"{estimate.value:.3f}"


def _interval(estimate: Estimate | None) -> str:
    interval = None if estimate is None else estimate.interval()
    return "" if interval is None else f"{interval.low:+.3f} to {interval.high:+.3f}"


def _share(selected: float | None) -> str:
    return "" if selected is None else f"{100 * selected:.1f} %"


def _rank(rank: RankChange | None) -> str:
    if rank is None:
        return ""
    return f"{rank.default} → {rank.other} of {rank.methods}"


def _named(of_question: QuestionEffects, effect: Effect) -> str:
    return f"{of_question.question.id} {effect.alternative.name}"


def _value(effect: Effect) -> float:
    return effect.difference.value if effect.difference else 0.0


def _is_sure(estimate: Estimate | None) -> bool:
    interval = None if estimate is None else estimate.interval()
    return interval is not None and (interval.low > 0 or interval.high < 0)


def _terminal(study: Sensitivity) -> str:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in HEADS:
        grid.add_column(head, justify="left" if head in LEFT else "right")
    for row in _rows(study):
        if row[0]:
            grid.add_section()
        grid.add_row(*(Text(text) for text in row))
    lines = [*summary(study), *LEGEND]
    parts = [Text(_title(study), style="bold"), grid, *(Text(line) for line in lines)]
    return for_stdout(Group(*parts)).rstrip("\n")


def _write(study: Sensitivity, out: Path) -> Iterator[Path]:
    from bench.reporting.sensitivity.tornado import tornado

    out.mkdir(parents=True, exist_ok=True)
    contents = {"md": markdown(study).encode(), "csv": numbers(study).encode(), **tornado(study)}
    for ending, content in contents.items():
        path = out / f"{NAME}.{ending}"
        write_bytes(path, content)
        yield path
