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
from bench.protocol.presets import named_protocol
from bench.reporting.claims.judge import ClaimResult, JudgedComparison, Judgement, judge
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
NOT_THE_PAPER = "these results say nothing about the published numbers"
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
    protocol = f"{named_protocol(first['protocol_name'])}, {first['key']}"
    dataset = judgement.group.dataset
    if whole(judgement.group.records):
        return f"{dataset} ({protocol})"
    kind = "synthetic images" if dataset.endswith("-twin") else "not all of its images or labels"
    return f"{dataset}, {kind}: {NOT_THE_PAPER} ({protocol})"


def seeds_to_decide(result: ClaimResult) -> str:
    """How many seeds would decide what is open; "" where a claim is decided."""
    if result.verdict in ("supported", "contradicted"):
        return ""
    unclear = [c for c in result.comparisons if c.verdict in ("undecided", "not run")]
    if any(comparison.p is not None and comparison.seeds_needed is None for comparison in unclear):
        return f"over {MOST_SEEDS}"
    known = [
        comparison.seeds_needed for comparison in unclear if comparison.seeds_needed is not None
    ]
    most = max([result.claim.seeds, *known])
    return str(most) if len(known) == len(unclear) else f"at least {most}"


def _page(judgement: Judgement) -> list[Text | Table]:
    parts: list[Text | Table] = [Text(title(judgement), style="bold"), _summary(judgement)]
    for result in judgement.findings:
        if result.decides:
            parts += _details(result, judgement.first_run)
    return parts


def _summary(judgement: Judgement) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("claim", "score", "verdict", "comparisons", "seeds to decide"):
        grid.add_column(head)
    for result in judgement.findings:
        if result.decides:
            grid.add_section()
        grid.add_row(
            result.claim.id if result.decides else "",
            result.score,
            Text(result.verdict, style=STYLES[result.verdict]),
            _counts(result),
            seeds_to_decide(result),
        )
    return grid


def _counts(result: ClaimResult) -> str:
    counts = Counter(comparison.verdict for comparison in result.comparisons)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict])


def _details(result: ClaimResult, first: str | None) -> list[Text | Table]:
    claim = result.claim
    head = f"{claim.id} ({claim.family}, {claim.combination}): {result.verdict}"
    lines = [
        f"{claim.text} (section {claim.section})",
        f"written {claim.written}, first run {first or 'not dated'}; known by then: {claim.seen}",
    ]
    columns = result.by_column
    if len(columns) > 1:
        each = [f"{_column(column)} {verdict}" for column, verdict in columns.items()]
        lines.append(f"by column: {', '.join(each)}")
    if result.without_reconstructed:
        lines.append(f"without reconstructed methods: {result.without_reconstructed}")
    done = [comparison for comparison in result.comparisons if comparison.estimate]
    missing = len(result.comparisons) - len(done)
    if missing:
        lines.append(f"not run: {missing} of {len(result.comparisons)} comparisons")
    text = [Text(head, style="bold"), *(Text(f"  {line}") for line in lines)]
    if not done:
        return [*text, Text("")]
    return [*text, _grid(result, done)]


def _grid(result: ClaimResult, done: list[JudgedComparison]) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in (result.score, "column"):
        grid.add_column(head)
    for head in (result.claim.estimand, "interval", "p", "Holm p", "seeds", "detects", "needs"):
        grid.add_column(head, justify="right")
    grid.add_column("verdict")
    for comparison in done:
        grid.add_row(*_row(result, comparison))
    return grid


def _row(result: ClaimResult, judged: JudgedComparison) -> tuple[str | Text, ...]:
    assert judged.estimate is not None
    notes = [judged.why] if judged.why else []
    if judged.negligible:
        notes.append(f"within {result.claim.margin:g} of zero")
    if judged.stale:
        notes.append("stale runs")
    verdict = judged.verdict + (f": {'; '.join(notes)}" if notes else "")
    return (
        " - ".join(judged.comparison.methods),
        _column(judged.comparison.ratios),
        f"{judged.estimate.value:+.3f}",
        _interval(judged.estimate.interval()),
        _p(judged.p),
        _p(judged.adjusted_p),
        str(judged.estimate.seeds),
        _detects(result, judged),
        _needs(judged),
        Text(verdict, style=STYLES[judged.verdict]),
    )


def detectable(result: ClaimResult, judged: JudgedComparison) -> float | None:
    """The smallest effect that a comparison's seeds find with power 0.8; None for one seed."""
    estimate = judged.estimate
    if estimate is None or estimate.why_not:
        return None
    options = {"v_img": estimate.v_img, "patients": estimate.patients, "alpha": result.claim.alpha}
    return minimum_detectable_effect(estimate.seed_sd, estimate.seeds, **options)


def _detects(result: ClaimResult, judged: JudgedComparison) -> str:
    effect = detectable(result, judged)
    return "-" if effect is None else f"{effect:.3f}"


def _needs(judged: JudgedComparison) -> str:
    """Of what is open and can be planned; "-" of the rest."""
    if judged.verdict != "undecided" or judged.p is None:
        return "-"
    return f"over {MOST_SEEDS}" if judged.seeds_needed is None else str(judged.seeds_needed)


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
        "findings": [_plain_finding(result) for result in judgement.findings],
    }


def _plain_finding(result: ClaimResult) -> dict[str, Any]:
    return {
        **result.claim.model_dump(include={"id", "text", "section", "family", "combination"}),
        **result.claim.model_dump(include={"estimand", "side", "margin", "seen"}),
        "written": result.claim.written.isoformat(),
        "score": result.score,
        "decides": result.decides,
        "verdict": result.verdict,
        "by_column": {_column(c): verdict for c, verdict in result.by_column.items()},
        "without_reconstructed": result.without_reconstructed,
        "seeds_to_decide": seeds_to_decide(result),
        "comparisons": [_plain_comparison(result, comparison) for comparison in result.comparisons],
    }


def _plain_comparison(result: ClaimResult, judged: JudgedComparison) -> dict[str, Any]:
    estimate = judged.estimate
    numbers: dict[str, Any] = {}
    if estimate is not None:
        numbers = {
            "effect": estimate.value,
            "interval": estimate.interval(),
            "interval_of_these_runs": estimate.interval_of_these_runs(),
            "per_seed": estimate.per_seed,
            "v_seed": estimate.v_seed,
            "v_img": estimate.v_img,
            "degrees_of_freedom": estimate.degrees_of_freedom,
            "patients": estimate.patients,
        }
    return {
        "methods": judged.comparison.methods,
        "columns": judged.comparison.ratios,
        "verdict": judged.verdict,
        "why": judged.why,
        **numbers,
        "p": judged.p,
        "adjusted_p": judged.adjusted_p,
        "negligible": judged.negligible,
        "detects": detectable(result, judged),
        "seeds": judged.seeds,
        "seeds_needed": judged.seeds_needed,
        "runs": judged.runs,
        "stale": judged.stale,
    }
