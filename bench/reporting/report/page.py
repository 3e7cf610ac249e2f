"""The page from its contents: HTML, styles and script in one, everything escaped."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.reporting.claims_page import LEGEND as CLAIMS
from bench.reporting.report import curves
from bench.reporting.report.contents import Contents, gather
from bench.reporting.report.points import MEASURED
from bench.reporting.sensitivity_page import LEGEND as POINTS
from bench.store import write_bytes

SIGNED = {"PASS": "good", "supported": "good", "FAIL": "bad", "contradicted": "bad"}
SIGNED |= {"equivalent": "good", "different": "bad"}


def render(contents: Contents) -> str:
    """The whole page; the same contents give the same bytes."""
    environment = Environment(
        loader=PackageLoader("bench.reporting.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["tone"] = lambda verdict: SIGNED.get(verdict, "open")
    return environment.get_template("page.html.j2").render(
        contents=contents,
        legends={"claims": CLAIMS, "points": POINTS},
        plot=curves,
        measured=MEASURED,
    )


def write(
    root: Path, out: Path, studies: Sequence[Path] = (), *, protocol: str | None = None
) -> Contents:
    """Gather and write the page; returns what it says.

    Raises:
        NotComparable: if a data set has runs that must not be compared.
        RequestError: if no run has the protocol that was asked for.
    """
    contents = gather(root, studies, protocol=protocol)
    if not contents.message:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(out, render(contents).encode())
    return contents
