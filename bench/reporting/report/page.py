"""The page from its contents: HTML, styles and script in one, everything escaped."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.reporting.claims.page import LEGEND as CLAIMS
from bench.reporting.console import json_object
from bench.reporting.report import curves
from bench.reporting.report.answer import in_words
from bench.reporting.report.contents import Contents, gather
from bench.reporting.report.open_questions import MEASURED
from bench.reporting.sensitivity.page import LEGEND as POINTS
from bench.store import write_bytes

SIGNED = {"PASS": "good", "supported": "good", "FAIL": "bad", "contradicted": "bad"}
SIGNED |= {"EQUIVALENT": "good", "DIFFERENT": "bad"}
SIMULATED = "simulated-studies.md"


def render(contents: Contents, *, simulated: bool = False) -> str:
    """The whole page; the same contents give the same bytes.

    Args:
        contents: As `gather` gives them.
        simulated: Whether SIMULATED lies beside the page, so that a link leads to it.
    """
    environment = Environment(
        loader=PackageLoader("bench.reporting.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["tone"] = lambda verdict: SIGNED.get(verdict, "open")
    environment.filters["share"] = ratio_head
    environment.filters["code"] = code
    return environment.get_template("page.html.j2").render(
        contents=contents,
        legends={"claims": CLAIMS, "points": POINTS},
        plot=curves,
        measured=MEASURED,
        simulated=SIMULATED if simulated else "",
    )


def ratio_head(ratio: str) -> str:
    """A ratio as the head of a column."""
    return "native ratio" if ratio == "native" else in_words(ratio)


def code(text: str) -> Markup:
    """A text, escaped, with what stands between backticks as code."""
    parts = [escape(part) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return escape(text)
    marked = (
        Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts)
    )
    return Markup("").join(marked)


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
        simulated = (out.parent / SIMULATED).is_file()
        write_bytes(out, render(contents, simulated=simulated).encode())
    return contents


def report_message(contents: Contents, out: Path, *, as_json: bool = False) -> str:
    """What the command prints of a page: where it is and how large, or what to run first.

    Args:
        contents: As `write` returns them.
        out: The page.
        as_json: One JSON object, with how much the page holds; `path` is null without a page.
    """
    size = 0 if contents.message else out.stat().st_size
    if not as_json:
        return contents.message or f"{out}  {size / 1e6:.1f} MB"
    return json_object(
        {
            "path": None if contents.message else str(out),
            "bytes": size,
            "datasets": len(contents.audits),
            "runs": contents.runs,
            "cells": len(contents.cells),
            "claims": sum(len(claims.rows) for claims in contents.claims),
            "figures": sum(len(group.figures) for group in contents.figures),
            "studies": len(contents.studies),
            "message": contents.message,
        }
    )
