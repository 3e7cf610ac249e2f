"""`results/REPRODUCTION.md`: where every number, claim and open question of the paper stands."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.reporting.claims.page import LEGEND as CLAIMS
from bench.reporting.report.open_questions import question_entries
from bench.reporting.report.verdict_rows import ClaimRow
from bench.reporting.reproduction.published_numbers import published_tables, tally
from bench.reporting.reproduction.study_results import StudyResults
from bench.reporting.tables.markdown import escape, grid
from bench.reporting.tables.paper_errata import errata


class RawMarkdown(NamedTuple):
    """Text that is Markdown already."""

    text: str


class ClaimByDataset(NamedTuple):
    """One claim, or question of `ours`, and what each data set says; None where not about it."""

    id: str
    text: str
    ours: bool
    rows: tuple[ClaimRow | None, ...]


def render(results: Sequence[StudyResults], caption: str) -> str:
    """The whole page; the same records give the same bytes.

    Args:
        results: What each data set of each study found.
        caption: Of the picture that they share.
    """
    printed = published_tables(result.study for result in results)
    return (
        _environment()
        .get_template("reproduction.md.j2")
        .render(
            found=results,
            caption=caption,
            printed=printed,
            tally=tally(printed),
            questions=question_entries(
                [result.sensitivity for result in results if result.sensitivity]
            ),
            oddities=errata(),
            legend=CLAIMS,
            claims=claims_by_dataset(results),
            grid=lambda result: RawMarkdown(grid(result.section, result.main)),
        )
    )


def claims_by_dataset(results: Sequence[StudyResults]) -> tuple[ClaimByDataset, ...]:
    """Every claim that is about one of the data sets, in the order of the first that has it."""
    rows = {row.id: row for result in results for row in result.claims.rows}
    by_data = [{row.id: row for row in result.claims.rows} for result in results]
    return tuple(
        ClaimByDataset(
            name, row.text, not row.quote, tuple(of_dataset.get(name) for of_dataset in by_data)
        )
        for name, row in rows.items()
    )


def _environment() -> Environment:
    """Every value is text: what has a meaning in Markdown is held back, but for `RawMarkdown`."""
    environment = Environment(
        loader=PackageLoader("bench.reporting.reproduction", "templates"),
        finalize=_escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = RawMarkdown
    return environment


def _escaped(value: Any) -> str:
    return value.text if isinstance(value, RawMarkdown) else escape(str(value))
