"""`results/REPRODUCTION.md`: where every number, claim and open point of the paper stands."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.reporting.claims.page import LEGEND as CLAIMS
from bench.reporting.report.judged import Said
from bench.reporting.report.points import points
from bench.reporting.reproduction import standing
from bench.reporting.reproduction.study import Found
from bench.reporting.tables.markdown import escape, grid
from bench.reporting.tables.paper_errata import notes


class Plain(NamedTuple):
    """Text that is Markdown already."""

    text: str


class Claimed(NamedTuple):
    """One claim, and what each data set says of it; None where it is not about it."""

    id: str
    text: str
    said: tuple[Said | None, ...]


def render(found: Sequence[Found], caption: str) -> str:
    """The whole page; the same records give the same bytes.

    Args:
        found: What each data set of each study found.
        caption: Of the picture that they share.
    """
    printed = standing.standings(one.study for one in found)
    return (
        _environment()
        .get_template("reproduction.md.j2")
        .render(
            found=found,
            caption=caption,
            printed=printed,
            tally=standing.tally(printed),
            points=points([one.sensitivity for one in found if one.sensitivity]),
            oddities=notes(),
            legend=CLAIMS,
            claims=claimed(found),
            grid=lambda one: Plain(grid(one.section, one.main)),
        )
    )


def claimed(found: Sequence[Found]) -> tuple[Claimed, ...]:
    """Every claim that is about one of the data sets, in the order of the first that has it."""
    texts = {said.id: said.text for one in found for said in one.claims.said}
    by_data = [{said.id: said for said in one.claims.said} for one in found]
    return tuple(
        Claimed(name, text, tuple(own.get(name) for own in by_data)) for name, text in texts.items()
    )


def _environment() -> Environment:
    """Every value is text: what has a meaning in Markdown is held back, but for `Plain`."""
    environment = Environment(
        loader=PackageLoader("bench.reporting.reproduction", "templates"),
        finalize=_escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = Plain
    return environment


def _escaped(value: Any) -> str:
    return value.text if isinstance(value, Plain) else escape(str(value))
