"""All that the page says, gathered from the records once."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from bench.experiments import chosen
from bench.reporting import figures
from bench.reporting.claims.judge import judge_scored
from bench.reporting.figures import DatasetFigures, Skipped
from bench.reporting.figures.study import ScoredStudy
from bench.reporting.report.answer import Answer, answer
from bench.reporting.report.cell_runs import CellRuns, anchors, cell_runs
from bench.reporting.report.embedded import smallest
from bench.reporting.report.grids import PageTable, cell_keys, page_table
from bench.reporting.report.open_questions import (
    QuestionEntry,
    StudySummary,
    question_entries,
    sensitivity_studies,
    study_summaries,
)
from bench.reporting.report.reproduce_commands import page_commands, study_command, sweep_command
from bench.reporting.report.verdict_rows import (
    AuditTables,
    DatasetClaims,
    audit_tables,
    dataset_claims,
)
from bench.reporting.results.comparability import comparable_groups
from bench.reporting.results.records import load
from bench.reporting.tables.build import build_scored
from bench.reporting.tables.paper_errata import Erratum, errata


class PageFigure(NamedTuple):
    """One figure: title, caption, and its picture as an address."""

    title: str
    caption: str
    source: str


class PageFigures(NamedTuple):
    """The figures of one data set, and what was not drawn."""

    title: str
    figures: tuple[PageFigure, ...]
    skipped: tuple[Skipped, ...]


class Contents(NamedTuple):
    """The page, part by part, in its order; `message` alone where there is nothing to show."""

    answers: tuple[Answer, ...] = ()
    tables: tuple[PageTable, ...] = ()
    claims: tuple[DatasetClaims, ...] = ()
    audits: tuple[AuditTables, ...] = ()
    questions: tuple[QuestionEntry, ...] = ()
    studies: tuple[StudySummary, ...] = ()
    figures: tuple[PageFigures, ...] = ()
    oddities: tuple[Erratum, ...] = ()
    cells: tuple[CellRuns, ...] = ()
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
        studies: Folders whose records count for the open questions alone.
        protocol: Name or comparability key to select; None if there is only one.
        only: Figures to draw, names of `bench.reporting.figures.FIGURES`; None for all.

    Raises:
        NotComparable: if a data set has runs that must not be compared.
        RequestError: if no run has the protocol that was asked for.
    """
    records = load(root)
    groups = comparable_groups(records, protocol)
    scored = [ScoredStudy.of(group) for group in groups]
    tables = build_scored(chosen("all"), groups, [study.scored for study in scored], len(records))
    if not any(table.sections for table in tables):
        return Contents(message=tables[0].message.replace("bench table", "bench report"))
    numbered = tuple(cell_keys(tables))
    anchor_of = anchors(numbered)
    cells = cell_runs({study.group.dataset: study for study in scored}, numbered, anchor_of)
    judgements = judge_scored((study.group, study.scored.runs) for study in scored)
    together = _together(records, studies)
    sensitivities = sensitivity_studies(together, protocol)
    keys = {(group.dataset, str(group.records["key"].iloc[0])) for group in groups}
    return Contents(
        answers=tuple(answer(study) for study in judgements),
        tables=tuple(page_table(table, anchor_of) for table in tables),
        claims=tuple(dataset_claims(study) for study in judgements),
        audits=audit_tables(root, keys),
        questions=question_entries(sensitivities),
        studies=study_summaries(sensitivities),
        figures=_figures(scored, only),
        oddities=errata(),
        cells=cells,
        pages=page_commands(protocol, len(studies), sensitivities),
        commands=(
            *(sweep_command(group) for group in groups),
            *(study_command(study, together) for study in sensitivities),
        ),
        commits=tuple(sorted({run.commit for cell in cells for run in cell.runs if run.commit})),
    )


def _together(records: pd.DataFrame, studies: Sequence[Path]) -> pd.DataFrame:
    """The records with those of further folders, a run in two of them once."""
    tables = [table for folder in studies if not (table := load(folder)).empty]
    return pd.concat([records, *tables], ignore_index=True).drop_duplicates("id")


def _figures(scored: Sequence[ScoredStudy], only: Sequence[str] | None) -> tuple[PageFigures, ...]:
    if only is not None and not only:
        return ()
    return tuple(_drawn(drawn) for drawn in figures.of_studies(scored, only or ()))


def _drawn(figures_drawn: DatasetFigures) -> PageFigures:
    page_figures = tuple(
        PageFigure(picture.title, picture.caption, smallest(picture.svg(), picture.png))
        for picture in figures_drawn.pictures
    )
    return PageFigures(figures_drawn.about, page_figures, figures_drawn.skipped)
