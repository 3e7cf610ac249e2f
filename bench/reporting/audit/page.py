"""The audit and the leakage checks for a terminal, as Markdown, or as one JSON object."""

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
from bench.protocol.presets import named_protocol
from bench.reporting.audit.audit import AuditRow, equalities
from bench.reporting.audit.leakage_checks import leakage_checks
from bench.reporting.audit.runs import AuditedRun, read_runs
from bench.reporting.console import for_stdout, json_object

EMPTY = (
    "No finished runs here to audit. Make one, without any download:\n"
    "  bench run --method resnet50 --dataset eyeq-twin --protocol smoke\n  bench audit"
)
STYLES = {"PASS": "green", "FAIL": "bold red", "DECLARED EXCEPTION": "yellow", "UNKNOWN": "cyan"}
HEADS = ("equal across runs", "leakage checks")
WIDTHS = (22, 9, 42)  # with the gaps between them a terminal of 80 columns
FORMATS = ("terminal", "markdown")


class AuditPage(NamedTuple):
    """What goes to standard output, and whether a check failed."""

    text: str
    failed: bool


@dataclass(frozen=True)
class DatasetAudit:
    """The runs of one data set under one comparability key, and what was found."""

    dataset: str
    key: str
    protocol: str
    runs: int
    methods: tuple[str, ...]
    equal: tuple[AuditRow, ...]
    leaks: tuple[AuditRow, ...]

    @property
    def rows(self) -> tuple[AuditRow, ...]:
        """All of them."""
        return (*self.equal, *self.leaks)

    @property
    def title(self) -> str:
        """Data set, protocol, and what was looked at."""
        runs = f"{self.runs} run{'s' * (self.runs > 1)} of {len(self.methods)}"
        return (
            f"{self.dataset}, {named_protocol(self.protocol)} ({self.key}): {runs} "
            f"method{'s' * (len(self.methods) > 1)}"
        )


def audit(runs: Sequence[AuditedRun]) -> tuple[DatasetAudit, ...]:
    """Every data set and comparability key by itself; studies count as trials alone."""
    main = [run for run in runs if run.spec["study"] is None]
    places = dict.fromkeys((run.spec["dataset"], run.key) for run in main)
    return tuple(_audited(*place, main, runs) for place in sorted(places))


def audit_page(root: Path, form: str = "terminal", *, as_json: bool = False) -> AuditPage:
    """The audit of all records below a folder.

    Args:
        root: Folder of run records.
        form: "terminal" or "markdown".
        as_json: Everything instead, with each method's values.

    Raises:
        RequestError: for another form.
    """
    if form not in FORMATS:
        raise RequestError(f"--format {form}: choose one of {', '.join(FORMATS)}")
    audits = audit(read_runs(root))
    failed = any(row.verdict == "FAIL" for audited in audits for row in audited.rows)
    if as_json:
        text = json_object({"audits": [_plain(audited) for audited in audits], "failed": failed})
    elif not audits:
        text = EMPTY
    else:
        text = _markdown(audits) if form == "markdown" else _terminal(audits)
    return AuditPage(text, failed)


def _audited(
    dataset: str, key: str, main: Sequence[AuditedRun], runs: Sequence[AuditedRun]
) -> DatasetAudit:
    audited_runs = [run for run in main if (run.spec["dataset"], run.key) == (dataset, key)]
    study_runs = [r for r in runs if r.spec["study"] is not None and r.spec["dataset"] == dataset]
    methods = tuple(sorted({run.method for run in audited_runs}))
    protocol = audited_runs[0].about["protocol_name"]
    return DatasetAudit(
        dataset,
        key,
        protocol,
        len(audited_runs),
        methods,
        equalities(audited_runs, study_runs),
        leakage_checks(audited_runs),
    )


def _terminal(audits: Sequence[DatasetAudit]) -> str:
    parts: list[Text | Table] = []
    for audited in audits:
        parts += [_lines(audited.title, style="bold"), _lines(f"  {', '.join(audited.methods)}")]
        parts += [_grid(*part) for part in zip(HEADS, (audited.equal, audited.leaks), strict=True)]
        parts += [_lines(line) for line in _notes(audited)]
        parts += [_lines(summary(audited), style="bold"), Text("")]
    return for_stdout(Group(*parts)).rstrip("\n")


def _lines(text: str, style: str = "") -> Text:
    """Folded at 80 columns, lines after the first set in."""
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    folded = textwrap.fill(text, 80, subsequent_indent=indent, break_on_hyphens=False)
    return Text(folded, style=style)


def _grid(head: str, rows: Sequence[AuditRow]) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, width in zip((head, "verdict", "found"), WIDTHS, strict=True):
        grid.add_column(name, width=width)
    for row in rows:
        grid.add_row(row.title, Text(row.verdict, style=STYLES[row.verdict]), row.found)
    return grid


def _notes(audited: DatasetAudit) -> list[str]:
    """A line for each exception that was needed, and for what is not known."""
    reasons: dict[tuple[str, ...], list[str]] = {}
    for row in audited.rows:
        for exception in row.excused:
            what = f"{row.title} {exception.value} (usual: {exception.usual})"
            reasons.setdefault(
                (exception.reason, exception.source, ", ".join(exception.methods)), []
            ).append(what)
    lines = ["declared exceptions"] if reasons else []
    for (reason, source, methods), what in reasons.items():
        lines.append(f"  {methods}: {reason} ({source}): {'; '.join(what)}")
    missing: dict[str, list[str]] = {}
    for row in audited.rows:
        if row.verdict == "UNKNOWN":
            missing.setdefault(row.missing, []).append(row.title)
    lines += ["unknown, since records lack"] if missing else []
    return [*lines, *(f"  {what}: {'; '.join(titles)}" for what, titles in missing.items())]


def summary(audited: DatasetAudit) -> str:
    """How often each verdict was given."""
    counts = Counter(row.verdict for row in audited.rows)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict])


def _markdown(audits: Sequence[DatasetAudit]) -> str:
    parts = ["# Audit: were all methods treated alike, and did anything leak?"]
    for audited in audits:
        parts += [f"## {audited.title}", f"{', '.join(audited.methods)}. {summary(audited)}."]
        for head, rows in zip(HEADS, (audited.equal, audited.leaks), strict=True):
            lines = [f"| {head} | verdict | found |", "| :-- | :-- | :-- |"]
            lines += [f"| {r.title} | {r.verdict} | {_escaped(r.found)} |" for r in rows]
            parts.append("\n".join(lines))
        notes = [f"- {_escaped(line.strip())}" for line in _notes(audited) if line.startswith(" ")]
        parts += ["\n".join(notes)] if notes else []
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    for special in "\\|*_<>":
        text = text.replace(special, "\\" + special)
    return text


def _plain(audited: DatasetAudit) -> dict[str, Any]:
    return {
        "dataset": audited.dataset,
        "key": audited.key,
        "protocol": audited.protocol,
        "runs": audited.runs,
        "methods": audited.methods,
        "checks": [asdict(row) for row in audited.equal],
        "passport": [asdict(row) for row in audited.leaks],
    }
