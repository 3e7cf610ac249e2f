"""The audit and the leakage passport for a terminal, as Markdown, or as one JSON object."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.errors import RequestError
from bench.reporting.audit.audit import Row, equalities
from bench.reporting.audit.leakage_checks import passport
from bench.reporting.audit.runs import Made, read_runs
from bench.reporting.console import for_stdout, json_object

EMPTY = (
    "No finished runs here to audit. Make one, without any download:\n"
    "  bench run --method resnet50 --dataset eyeq-twin --protocol smoke\n  bench audit"
)
STYLES = {"PASS": "green", "FAIL": "bold red", "DECLARED EXCEPTION": "yellow", "UNKNOWN": "cyan"}
HEADS = ("equal across runs", "leakage passport")
WIDTHS = (22, 9, 42)  # with the gaps between them a terminal of 80 columns
FORMATS = ("terminal", "markdown")


class Answer(NamedTuple):
    """What goes to standard output, and whether a check failed."""

    text: str
    failed: bool


@dataclass(frozen=True)
class Audited:
    """The runs of one data set under one comparability key, and what was found."""

    dataset: str
    key: str
    protocol: str
    runs: int
    methods: tuple[str, ...]
    equal: tuple[Row, ...]
    leaks: tuple[Row, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All of them."""
        return (*self.equal, *self.leaks)

    @property
    def title(self) -> str:
        """Data set, protocol, and what was looked at."""
        runs = f"{self.runs} run{'s' * (self.runs > 1)} of {len(self.methods)}"
        return (
            f"{self.dataset}, protocol {self.protocol} ({self.key}): {runs} "
            f"method{'s' * (len(self.methods) > 1)}"
        )


def audit(runs: Sequence[Made]) -> tuple[Audited, ...]:
    """Every data set and comparability key by itself; studies count as trials alone."""
    main = [run for run in runs if run.spec["study"] is None]
    places = dict.fromkeys((run.spec["dataset"], run.key) for run in main)
    return tuple(_audited(*place, main, runs) for place in sorted(places))


def audit_page(root: Path, form: str = "terminal", *, as_json: bool = False) -> Answer:
    """The audit of all records below a folder.

    Args:
        root: Folder of run records.
        form: "terminal" or "markdown".
        as_json: Everything instead, with each method's values.

    Raises:
        RequestError: for another form.
    """
    if form not in FORMATS:
        raise RequestError(f"--format {form}: there are {', '.join(FORMATS)}")
    found = audit(read_runs(root))
    failed = any(row.verdict == "FAIL" for one in found for row in one.rows)
    if as_json:
        text = json_object({"audits": [_plain(one) for one in found], "failed": failed})
    elif not found:
        text = EMPTY
    else:
        text = _markdown(found) if form == "markdown" else _terminal(found)
    return Answer(text, failed)


def _audited(dataset: str, key: str, main: Sequence[Made], runs: Sequence[Made]) -> Audited:
    own = [run for run in main if (run.spec["dataset"], run.key) == (dataset, key)]
    there = [r for r in runs if r.spec["study"] is not None and r.spec["dataset"] == dataset]
    methods = tuple(sorted({run.method for run in own}))
    protocol = own[0].about["protocol_name"]
    return Audited(dataset, key, protocol, len(own), methods, equalities(own, there), passport(own))


def _terminal(found: Sequence[Audited]) -> str:
    parts: list[Text | Table] = []
    for one in found:
        parts += [_lines(one.title, style="bold"), _lines(f"  {', '.join(one.methods)}")]
        parts += [_grid(*part) for part in zip(HEADS, (one.equal, one.leaks), strict=True)]
        parts += [_lines(line) for line in _notes(one)]
        parts += [_lines(summary(one), style="bold"), Text("")]
    return for_stdout(Group(*parts)).rstrip("\n")


def _lines(text: str, style: str = "") -> Text:
    """Folded at 80 columns, lines after the first set in."""
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    folded = textwrap.fill(text, 80, subsequent_indent=indent, break_on_hyphens=False)
    return Text(folded, style=style)


def _grid(head: str, rows: Sequence[Row]) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, width in zip((head, "verdict", "found"), WIDTHS, strict=True):
        grid.add_column(name, width=width)
    for row in rows:
        grid.add_row(row.title, Text(row.verdict, style=STYLES[row.verdict]), row.found)
    return grid


def _notes(one: Audited) -> list[str]:
    """A line for each exception that was needed, and for what is not known."""
    reasons: dict[tuple[str, ...], list[str]] = {}
    for row in one.rows:
        for own in row.excused:
            what = f"{row.title} {own.value} (usual: {own.usual})"
            reasons.setdefault((own.reason, own.source, ", ".join(own.methods)), []).append(what)
    lines = ["declared exceptions"] if reasons else []
    for (reason, source, methods), what in reasons.items():
        lines.append(f"  {methods}: {reason} ({source}): {'; '.join(what)}")
    missing: dict[str, list[str]] = {}
    for row in one.rows:
        if row.verdict == "UNKNOWN":
            missing.setdefault(row.missing, []).append(row.title)
    lines += ["unknown, since records lack"] if missing else []
    return [*lines, *(f"  {what}: {'; '.join(titles)}" for what, titles in missing.items())]


def summary(one: Audited) -> str:
    """How often each verdict was given."""
    counts = Counter(row.verdict for row in one.rows)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict])


def _markdown(found: Sequence[Audited]) -> str:
    parts = ["# Audit: were all methods treated alike, and did anything leak?"]
    for one in found:
        parts += [f"## {one.title}", f"{', '.join(one.methods)}. {summary(one)}."]
        for head, rows in zip(HEADS, (one.equal, one.leaks), strict=True):
            lines = [f"| {head} | verdict | found |", "| :-- | :-- | :-- |"]
            lines += [f"| {r.title} | {r.verdict} | {_escaped(r.found)} |" for r in rows]
            parts.append("\n".join(lines))
        notes = [f"- {_escaped(line.strip())}" for line in _notes(one) if line.startswith(" ")]
        parts += ["\n".join(notes)] if notes else []
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    for special in "\\|*_<>":
        text = text.replace(special, "\\" + special)
    return text


def _plain(one: Audited) -> dict[str, Any]:
    return {
        "dataset": one.dataset,
        "key": one.key,
        "protocol": one.protocol,
        "runs": one.runs,
        "methods": one.methods,
        "checks": [asdict(row) for row in one.equal],
        "passport": [asdict(row) for row in one.leaks],
    }
