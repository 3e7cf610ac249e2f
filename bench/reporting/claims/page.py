"""The claims and their verdicts as text for a terminal, or as one JSON object."""

from collections import Counter
from typing import Any

import pandas as pd
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.evaluation.power import MOST_SEEDS, minimum_detectable_effect
from bench.evaluation.statistics import Interval
from bench.reporting.claims.judge import Finding, Judged, Judgement, judge
from bench.reporting.console import for_stdout, json_object
from bench.reporting.results.comparability import whole

EMPTY = (
    "No finished runs here that a claim is about. Make one, without any download:\n"
    "  bench run --method comcl --dataset eyeq-twin --protocol smoke\n  bench claims"
)
LEGEND = (
    "effect: mean over seeds, with its 95 % interval over seeds and patients; positive favours the "
    "first method",
    'p: two-sided, after Holm\'s correction within family, score and column; an "all" claim is '
    "supported if every comparison is at the uncorrected level (intersection-union)",
    "detects: the smallest effect that as many seeds find with power 0.8 at the uncorrected level; "
    "needs: the seeds that find one as large as this",
    "seeds to decide, detects, needs: plans, taking effects and spreads found for the true ones",
)
STYLES = {"supported": "green", "contradicted": "red", "undecided": "yellow", "not run": "dim"}


def claims_page(
    records: pd.DataFrame, *, protocol: str | None = None, as_json: bool = False
) -> str:
    """All claims with verdict, effect, interval, p, runs, and seeds that would decide them.

    Args:
        records: One row a run, as `bench.reporting.results.records.load` gives them; may be empty.
        protocol: Name or comparability key to select; None if there is only one.
        as_json: Everything, in full precision; the text leaves out comparisons that were not run
            and, for scores that stand beside the deciding one, all but the verdict.

    Raises:
        NotComparable: if a data set has runs that must not be compared.
        RequestError: if no run has the protocol that was asked for, or a claim file is wrong.
    """
    judgements = judge(records, protocol=protocol)
    if as_json:
        return json_object({"judgements": [_plain(judgement) for judgement in judgements]})
    if not judgements:
        return EMPTY
    pages = [part for judgement in judgements for part in _page(judgement)]
    return for_stdout(Group(*pages, *(Text(line) for line in LEGEND)))


def title(judgement: Judgement) -> str:
    """Data set, protocol, and whether any of it speaks of the paper's own numbers."""
    first = judgement.group.records.iloc[0]
    protocol = f"protocol {first['protocol_name']}, {first['key']}"
    dataset = judgement.group.dataset
    if whole(judgement.group.records):
        return f"{dataset} ({protocol})"
    kind = "drawn images" if dataset.endswith("-twin") else "not all of its images or labels"
    return f"{dataset}: {kind}, so a verdict here is none on the paper ({protocol})"


def seeds_to_decide(finding: Finding) -> str:
    """How many seeds would decide what is open; "" where a claim is decided."""
    if finding.verdict in ("supported", "contradicted"):
        return ""
    unclear = [c for c in finding.comparisons if c.verdict in ("undecided", "not run")]
    if any(one.p is not None and one.seeds_needed is None for one in unclear):
        return f"over {MOST_SEEDS}"
    known = [one.seeds_needed for one in unclear if one.seeds_needed is not None]
    most = max([finding.claim.seeds, *known])
    return str(most) if len(known) == len(unclear) else f"at least {most}"


def _page(judgement: Judgement) -> list[Text | Table]:
    parts: list[Text | Table] = [Text(title(judgement), style="bold"), _summary(judgement)]
    for finding in judgement.findings:
        if finding.decides:
            parts += _details(finding, judgement.first_run)
    return parts


def _summary(judgement: Judgement) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("claim", "score", "verdict", "comparisons", "seeds to decide"):
        grid.add_column(head)
    for finding in judgement.findings:
        if finding.decides:
            grid.add_section()
        grid.add_row(
            finding.claim.id if finding.decides else "",
            finding.score,
            Text(finding.verdict, style=STYLES[finding.verdict]),
            _counts(finding),
            seeds_to_decide(finding),
        )
    return grid


def _counts(finding: Finding) -> str:
    counts = Counter(one.verdict for one in finding.comparisons)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict])


def _details(finding: Finding, first: str | None) -> list[Text | Table]:
    claim = finding.claim
    head = f"{claim.id} ({claim.family}, {claim.combination}): {finding.verdict}"
    lines = [
        f"{claim.text} (section {claim.section})",
        f"written {claim.written}, first run {first or 'not dated'}; known by then: {claim.seen}",
    ]
    columns = finding.by_column
    if len(columns) > 1:
        each = [f"{_column(column)} {verdict}" for column, verdict in columns.items()]
        lines.append(f"by column: {', '.join(each)}")
    if finding.without_reconstructed:
        lines.append(f"without reconstructed methods: {finding.without_reconstructed}")
    done = [one for one in finding.comparisons if one.estimate]
    missing = len(finding.comparisons) - len(done)
    if missing:
        lines.append(f"not run: {missing} of {len(finding.comparisons)} comparisons")
    text = [Text(head, style="bold"), *(Text(f"  {line}") for line in lines)]
    if not done:
        return [*text, Text("")]
    return [*text, _grid(finding, done)]


def _grid(finding: Finding, done: list[Judged]) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in (finding.score, "column"):
        grid.add_column(head)
    for head in (finding.claim.estimand, "interval", "p", "Holm p", "seeds", "detects", "needs"):
        grid.add_column(head, justify="right")
    grid.add_column("verdict")
    for one in done:
        grid.add_row(*_row(finding, one))
    return grid


def _row(finding: Finding, one: Judged) -> tuple[str | Text, ...]:
    assert one.estimate is not None
    notes = [one.why] if one.why else []
    if one.negligible:
        notes.append(f"within {finding.claim.margin:g} of zero")
    if one.stale:
        notes.append("stale runs")
    verdict = one.verdict + (f": {'; '.join(notes)}" if notes else "")
    return (
        " - ".join(one.comparison.methods),
        _column(one.comparison.ratios),
        f"{one.estimate.value:+.3f}",
        _interval(one.estimate.interval()),
        _p(one.p),
        _p(one.adjusted_p),
        str(one.estimate.seeds),
        _detects(finding, one),
        _needs(one),
        Text(verdict, style=STYLES[one.verdict]),
    )


def detectable(finding: Finding, one: Judged) -> float | None:
    """The smallest effect that a comparison's seeds find with power 0.8; None for one seed."""
    found = one.estimate
    if found is None or found.why_not:
        return None
    options = {"v_img": found.v_img, "patients": found.patients, "alpha": finding.claim.alpha}
    return minimum_detectable_effect(found.seed_sd, found.seeds, **options)


def _detects(finding: Finding, one: Judged) -> str:
    effect = detectable(finding, one)
    return "-" if effect is None else f"{effect:.3f}"


def _needs(one: Judged) -> str:
    """Of what is open and can be planned; "-" of the rest."""
    if one.verdict != "undecided" or one.p is None:
        return "-"
    return f"over {MOST_SEEDS}" if one.seeds_needed is None else str(one.seeds_needed)


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if value >= 0.001 else "<0.001"


def _interval(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.low:+.3f} to {interval.high:+.3f}"


def _column(ratios: tuple[str, ...]) -> str:
    return " to ".join(ratios)


def _plain(judgement: Judgement) -> dict[str, Any]:
    first = judgement.group.records.iloc[0]
    return {
        "dataset": judgement.group.dataset,
        "title": title(judgement),
        "protocol": first["protocol_name"],
        "key": first["key"],
        "first_run": judgement.first_run,
        "findings": [_plain_finding(finding) for finding in judgement.findings],
    }


def _plain_finding(finding: Finding) -> dict[str, Any]:
    return {
        **finding.claim.model_dump(include={"id", "text", "section", "family", "combination"}),
        **finding.claim.model_dump(include={"estimand", "side", "margin", "seen"}),
        "written": finding.claim.written.isoformat(),
        "score": finding.score,
        "decides": finding.decides,
        "verdict": finding.verdict,
        "by_column": {_column(c): verdict for c, verdict in finding.by_column.items()},
        "without_reconstructed": finding.without_reconstructed,
        "seeds_to_decide": seeds_to_decide(finding),
        "comparisons": [_plain_comparison(finding, one) for one in finding.comparisons],
    }


def _plain_comparison(finding: Finding, one: Judged) -> dict[str, Any]:
    found = one.estimate
    numbers: dict[str, Any] = {}
    if found is not None:
        numbers = {
            "effect": found.value,
            "interval": found.interval(),
            "interval_of_these_runs": found.interval_of_these_runs(),
            "per_seed": found.per_seed,
            "v_seed": found.v_seed,
            "v_img": found.v_img,
            "degrees_of_freedom": found.degrees_of_freedom,
            "patients": found.patients,
        }
    return {
        "methods": one.comparison.methods,
        "columns": one.comparison.ratios,
        "verdict": one.verdict,
        "why": one.why,
        **numbers,
        "p": one.p,
        "adjusted_p": one.adjusted_p,
        "negligible": one.negligible,
        "detects": detectable(finding, one),
        "seeds": one.seeds,
        "seeds_needed": one.seeds_needed,
        "runs": one.runs,
        "stale": one.stale,
    }
