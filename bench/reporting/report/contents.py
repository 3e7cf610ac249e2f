"""All that the page says, gathered from the records once."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from bench.experiments import chosen
from bench.reporting import figures
from bench.reporting.claims.judge import judge_scored
from bench.reporting.figures import Drawn, Skipped
from bench.reporting.figures.study import Study
from bench.reporting.report.again import page_commands, study_command, sweep_command
from bench.reporting.report.answer import Answer, answer
from bench.reporting.report.cells import Opened, anchors, opened
from bench.reporting.report.embedded import smallest
from bench.reporting.report.grids import Shown, places, shown
from bench.reporting.report.judged import Checks, Claims, checks, claims
from bench.reporting.report.points import Open, Told, plots, points, studied
from bench.reporting.results.comparability import comparable_groups
from bench.reporting.results.records import load
from bench.reporting.tables.build import of_measured
from bench.reporting.tables.paper_errata import Note, notes


class Figure(NamedTuple):
    """One figure: title, caption, and its picture as an address."""

    title: str
    caption: str
    source: str


class Figures(NamedTuple):
    """The figures of one data set, and what was not drawn."""

    title: str
    figures: tuple[Figure, ...]
    skipped: tuple[Skipped, ...]


class Contents(NamedTuple):
    """The page, part by part, in its order; `message` alone where there is nothing to show."""

    answers: tuple[Answer, ...] = ()
    tables: tuple[Shown, ...] = ()
    claims: tuple[Claims, ...] = ()
    audits: tuple[Checks, ...] = ()
    points: tuple[Open, ...] = ()
    studies: tuple[Told, ...] = ()
    figures: tuple[Figures, ...] = ()
    oddities: tuple[Note, ...] = ()
    cells: tuple[Opened, ...] = ()
    pages: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    message: str = ""

    @property
    def runs(self) -> int:
        """How many stand behind the cells."""
        return sum(len(cell.runs) for cell in self.cells)


def gather(
    root: Path,
    studies: Sequence[Path] = (),
    *,
    protocol: str | None = None,
    only: Sequence[str] | None = None,
) -> Contents:
    """What the records below a folder say.

    Args:
        root: Folder of run records.
        studies: Folders whose records count for the open points alone.
        protocol: Name or comparability key to select; None if there is only one.
        only: Figures to draw, names of `bench.reporting.figures.FIGURES`; None for all.

    Raises:
        NotComparable: if a data set has runs that must not be compared.
        RequestError: if no run has the protocol that was asked for.
    """
    records = load(root)
    groups = comparable_groups(records, protocol)
    scored = [Study.of(group) for group in groups]
    tables = of_measured(chosen("all"), groups, [one.measured for one in scored], len(records))
    if not any(table.sections for table in tables):
        return Contents(message=tables[0].message.replace("bench table", "bench report"))
    named = tuple(places(tables))
    at = anchors(named)
    behind = opened({one.group.dataset: one for one in scored}, named, at)
    judgements = judge_scored((one.group, one.measured.runs) for one in scored)
    together = _together(records, studies)
    moved = studied(together, protocol)
    keys = {(group.dataset, str(group.records["key"].iloc[0])) for group in groups}
    return Contents(
        answers=tuple(answer(one) for one in judgements),
        tables=tuple(shown(table, at) for table in tables),
        claims=tuple(claims(one) for one in judgements),
        audits=checks(root, keys),
        points=points(moved),
        studies=plots(moved),
        figures=_figures(scored, only),
        oddities=notes(),
        cells=behind,
        pages=page_commands(protocol, len(studies), moved),
        commands=(
            *(sweep_command(group) for group in groups),
            *(study_command(one, together) for one in moved),
        ),
        commits=tuple(sorted({run.commit for cell in behind for run in cell.runs if run.commit})),
    )


def _together(records: pd.DataFrame, studies: Sequence[Path]) -> pd.DataFrame:
    """The records with those of further folders, a run in two of them once."""
    tables = [table for folder in studies if not (table := load(folder)).empty]
    return pd.concat([records, *tables], ignore_index=True).drop_duplicates("id")


def _figures(scored: Sequence[Study], only: Sequence[str] | None) -> tuple[Figures, ...]:
    if only is not None and not only:
        return ()
    return tuple(_drawn(one) for one in figures.of_studies(scored, only or ()))


def _drawn(drawn: Drawn) -> Figures:
    own = tuple(
        Figure(one.title, one.caption, smallest(one.svg(), one.png)) for one in drawn.pictures
    )
    return Figures(drawn.about, own, drawn.skipped)
