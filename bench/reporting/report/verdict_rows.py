"""Claims and audit as rows: what was asked, the verdict, and what it stands on."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from bench.evaluation.statistics import Interval
from bench.reporting.audit.audit import AuditRow
from bench.reporting.audit.page import HEADS, DatasetAudit, audit, summary
from bench.reporting.audit.runs import read_runs
from bench.reporting.claims.judge import ClaimResult, JudgedComparison, Judgement
from bench.reporting.claims.page import detects, title
from bench.reporting.report.answer import VERDICTS, named


class ComparisonRow(NamedTuple):
    """One comparison, all as text; `effect` and `adjusted`, its p, also as numbers that sort it."""

    what: str
    column: str
    effect: float | None
    text: str
    interval: str
    p: str
    adjusted: float | None
    seeds: int
    verdict: str
    why: str


class ClaimRow(NamedTuple):
    """One claim on one data set by its deciding score.

    Attributes:
        id: Name of its file.
        text: The claim.
        quote: The paper's sentence; "" of a question of ours.
        where: Section of the paper.
        score: That decides.
        estimand: What is compared.
        verdict: On the whole.
        other_scores: Verdicts by the other scores, as text.
        counts: Of the comparisons' verdicts, as text.
        detects: The smallest difference that a comparison finds; "" where none can be tested.
        written: When, and what was known by then.
        comparisons: Those that were run.
        missing: How many were not.
    """

    id: str
    text: str
    quote: str
    where: str
    score: str
    estimand: str
    verdict: str
    other_scores: str
    counts: str
    detects: str
    written: str
    comparisons: tuple[ComparisonRow, ...]
    missing: int


class DatasetClaims(NamedTuple):
    """All claims on one data set.

    Attributes:
        title: Data set and protocol.
        rows: In the order of their files.
        late: Names of those written after the first run that judges them.
        dated: Whether the runs tell when they were made.
    """

    title: str
    rows: tuple[ClaimRow, ...]
    late: tuple[str, ...] = ()
    dated: bool = True


class AuditTables(NamedTuple):
    """The audit of one data set: (heading, rows), and how often each verdict was given."""

    title: str
    summary: str
    parts: tuple[tuple[str, tuple[AuditRow, ...]], ...]


def dataset_claims(judgement: Judgement) -> DatasetClaims:
    """The claims of one data set."""
    first = judgement.first_run
    written = {result.claim.id: result.claim.written.isoformat() for result in judgement.findings}
    late = tuple(name for name, day in written.items() if first and day > first[:10])
    return DatasetClaims(
        title(judgement.group), tuple(_said(judgement)), late, dated=first is not None
    )


def audit_tables(root: Path, keys: set[tuple[str, str]]) -> tuple[AuditTables, ...]:
    """The audit of the records below a folder, as far as the page shows them.

    Args:
        root: Folder of run records.
        keys: (data set, comparability key) of those shown.
    """
    audits = audit(read_runs(root))
    return tuple(_checks(audited) for audited in audits if (audited.dataset, audited.key) in keys)


def _checks(audited: DatasetAudit) -> AuditTables:
    parts = tuple(zip(HEADS, (audited.equal, audited.leaks), strict=True))
    return AuditTables(audited.title, summary(audited), parts)


def _said(judgement: Judgement) -> Iterator[ClaimRow]:
    for result in judgement.findings:
        if not result.decides:
            continue
        claim = result.claim
        others = [
            f"{beside.score} {beside.verdict}"
            for beside in judgement.findings
            if beside.claim.id == claim.id and not beside.decides
        ]
        done = tuple(
            _compared(comparison, judgement.group.records)
            for comparison in result.comparisons
            if comparison.estimate
        )
        yield ClaimRow(
            claim.id,
            claim.text,
            claim.quote,
            claim.section,
            result.score,
            claim.estimand,
            result.verdict,
            ", ".join(others),
            _counts(result.comparisons),
            detects(result),
            _written(result, judgement.first_run),
            done,
            len(result.comparisons) - len(done),
        )


def _written(result: ClaimResult, first: str | None) -> str:
    date = f"{first[:10]}" if first else "not dated"
    claim = result.claim
    return f"written {claim.written}, first run {date}; known by then: {claim.seen}"


def _counts(comparisons: Sequence[JudgedComparison]) -> str:
    counts = Counter(comparison.verdict for comparison in comparisons)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def _compared(judged: JudgedComparison, records: pd.DataFrame) -> ComparisonRow:
    assert judged.estimate is not None, "only what was run is shown"
    value, notes = judged.estimate.value, [judged.why] if judged.why else []
    notes += ["stale runs"] if judged.stale else []
    return ComparisonRow(
        " minus ".join(named([method], records) for method in judged.comparison.methods),
        " to ".join(judged.comparison.ratios),
        value if value == value else None,
        f"{value:+.3f}",
        interval(judged.estimate.interval()),
        _p(judged.adjusted_p),
        judged.adjusted_p,
        judged.estimate.seeds,
        judged.verdict,
        "; ".join(notes),
    )


def interval(interval_of: Interval | None) -> str:
    """Its two ends; "none" where there is none."""
    return "none" if interval_of is None else f"{interval_of.low:+.3f} to {interval_of.high:+.3f}"


def _p(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if value >= 0.001 else "<0.001"
