"""Claims and audit as rows: what was asked, the verdict, and what it stands on."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.evaluation.statistics import Interval
from bench.reporting.audit.audit import Row
from bench.reporting.audit.page import HEADS, Audited, audit, summary
from bench.reporting.audit.runs import read_runs
from bench.reporting.claims.judge import Finding, Judged, Judgement
from bench.reporting.claims.page import LEGEND as CLAIMS
from bench.reporting.claims.page import seeds_to_decide, title
from bench.reporting.report.answer import VERDICTS, named

LEGEND = (
    *CLAIMS[:2],
    "seeds to decide: a plan, taking effects and spreads found for the true ones",
)
"""Of what the page shows: it has no columns of what is detected and needed."""


class Compared(NamedTuple):
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


class Said(NamedTuple):
    """One claim on one data set by its deciding score.

    Attributes:
        id: Name of its file.
        text: The claim.
        where: Section of the paper.
        score: That decides.
        estimand: What is compared.
        verdict: On the whole.
        beside: Verdicts by the other scores, as text.
        counts: Of the comparisons' verdicts, as text.
        seeds: How many would decide it; "" where it is decided.
        written: When, and what was known by then.
        comparisons: Those that were run.
        missing: How many were not.
    """

    id: str
    text: str
    where: str
    score: str
    estimand: str
    verdict: str
    beside: str
    counts: str
    seeds: str
    written: str
    comparisons: tuple[Compared, ...]
    missing: int


class Claims(NamedTuple):
    """All claims on one data set.

    Attributes:
        title: Data set and protocol.
        said: In the order of their files.
        late: Names of those written after the first run that judges them.
        dated: Whether the runs tell when they were made.
    """

    title: str
    said: tuple[Said, ...]
    late: tuple[str, ...] = ()
    dated: bool = True


class Checks(NamedTuple):
    """The audit of one data set: (heading, rows), and how often each verdict was given."""

    title: str
    summary: str
    parts: tuple[tuple[str, tuple[Row, ...]], ...]


def claims(judgement: Judgement) -> Claims:
    """The claims of one data set."""
    first = judgement.first_run
    written = {one.claim.id: one.claim.written.isoformat() for one in judgement.findings}
    late = tuple(name for name, day in written.items() if first and day > first[:10])
    return Claims(title(judgement), tuple(_said(judgement)), late, dated=first is not None)


def checks(root: Path, keys: set[tuple[str, str]]) -> tuple[Checks, ...]:
    """The audit of the records below a folder, as far as the page shows them.

    Args:
        root: Folder of run records.
        keys: (data set, comparability key) of those shown.
    """
    found = audit(read_runs(root))
    return tuple(_checks(one) for one in found if (one.dataset, one.key) in keys)


def _checks(one: Audited) -> Checks:
    parts = tuple(zip(HEADS, (one.equal, one.leaks), strict=True))
    return Checks(one.title, summary(one), parts)


def _said(judgement: Judgement) -> Iterator[Said]:
    for finding in judgement.findings:
        if not finding.decides:
            continue
        claim = finding.claim
        others = [
            f"{other.score} {other.verdict}"
            for other in judgement.findings
            if other.claim.id == claim.id and not other.decides
        ]
        done = tuple(_compared(one) for one in finding.comparisons if one.estimate)
        yield Said(
            claim.id,
            claim.text,
            claim.section,
            finding.score,
            claim.estimand,
            finding.verdict,
            ", ".join(others),
            _counts(finding.comparisons),
            seeds_to_decide(finding),
            _written(finding, judgement.first_run),
            done,
            len(finding.comparisons) - len(done),
        )


def _written(finding: Finding, first: str | None) -> str:
    date = f"{first[:10]}" if first else "not dated"
    claim = finding.claim
    return f"written {claim.written}, first run {date}; known by then: {claim.seen}"


def _counts(comparisons: Sequence[Judged]) -> str:
    counts = Counter(one.verdict for one in comparisons)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def _compared(one: Judged) -> Compared:
    assert one.estimate is not None, "only what was run is shown"
    value, notes = one.estimate.value, [one.why] if one.why else []
    notes += ["stale runs"] if one.stale else []
    return Compared(
        " minus ".join(named([method]) for method in one.comparison.methods),
        " to ".join(one.comparison.ratios),
        value if value == value else None,
        f"{value:+.3f}",
        interval(one.estimate.interval()),
        _p(one.adjusted_p),
        one.adjusted_p,
        one.estimate.seeds,
        one.verdict,
        "; ".join(notes),
    )


def interval(found: Interval | None) -> str:
    """Its two ends; "none" where there is none."""
    return "none" if found is None else f"{found.low:+.3f} to {found.high:+.3f}"


def _p(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if value >= 0.001 else "<0.001"
