"""The claims and their verdicts as text for a terminal, or as one JSON object."""

from collections import Counter
from typing import Any

import pandas as pd
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.evaluation.power import MOST_SEEDS, POWER
from bench.evaluation.statistics import Interval
from bench.protocol.presets import named_protocol
from bench.reporting.claims.judge import ClaimResult, JudgedComparison, Judgement, judge
from bench.reporting.console import for_stdout, json_object
from bench.reporting.results.comparability import ComparableRuns, whole

EMPTY = (
    "No finished runs here that a claim is about. Make one, without any download:\n"
    "  bench run --method comcl --dataset eyeq-twin --protocol smoke\n  bench claims"
)
LEGEND = (
    "effect: mean over seeds, with its 95 % interval over seeds and patients; positive favours the "
    "first method",
    "p: two-sided; verdicts and their numbers are by Holm's p, corrected over all comparisons of "
    'the claim; an "all" claim as a whole also holds if every p by itself is below its level '
    "(intersection-union)",
    f"detects: the smallest difference that one comparison finds with power {POWER:g} and these "
    "seeds, after the correction; it takes the mean spread of the claim's comparisons for the true "
    "one, and is no statement about the effects found",
)
PLANNED = (3, 5, 10, 20)
"""Seeds for which a plan says what they would detect."""

NOT_THE_PAPER = "these results say nothing about the published numbers"
STYLES = {"supported": "green", "contradicted": "red", "undecided": "yellow", "not run": "dim"}


def claims_page(
    records: pd.DataFrame,
    *,
    protocol: str | None = None,
    margin: float | None = None,
    as_json: bool = False,
) -> str:
    """All claims with verdict, effect, interval, p, runs, and the differences that they detect.

    Args:
        records: One row a run, as `bench.reporting.results.records.load` gives them; may be empty.
        protocol: Name or comparability key to select; None if there is only one.
        margin: A difference of interest, for which seeds are planned; None for no plan.
        as_json: Everything, in full precision; the text leaves out comparisons that were not run
            and, for scores that stand beside the deciding one, all but the verdict.

    Raises:
        NotComparable: if a data set has runs that must not be compared.
        RequestError: if no run has the protocol that was asked for, or a claim file is wrong.
    """
    judgements = judge(records, protocol=protocol)
    if as_json:
        return json_object({"judgements": [_plain(each, margin) for each in judgements]})
    if not judgements:
        return EMPTY
    pages = [part for judgement in judgements for part in _page(judgement, margin)]
    return for_stdout(Group(*pages, *(Text(line) for line in LEGEND)))


def title(group: ComparableRuns) -> str:
    """Data set, protocol, and whether any of it speaks of the paper's own numbers."""
    first = group.records.iloc[0]
    protocol = f"{named_protocol(first['protocol_name'])}, {first['key']}"
    if whole(group.records):
        return f"{group.dataset} ({protocol})"
    synthetic = group.dataset.endswith("-twin")
    kind = "synthetic images" if synthetic else "not all of its images or labels"
    return f"{group.dataset}, {kind}: {NOT_THE_PAPER} ({protocol})"


def detects(result: ClaimResult) -> str:
    """The smallest difference that a comparison of the claim finds; "" where none can be tested."""
    return "" if result.detects is None else f"{result.detects:.3f}"


def _page(judgement: Judgement, margin: float | None) -> list[Text | Table]:
    parts: list[Text | Table] = [Text(title(judgement.group), style="bold"), _summary(judgement)]
    if margin is not None:
        parts += _plan(judgement, margin)
    for result in judgement.findings:
        if result.decides:
            parts += _details(result, judgement.first_run)
    return parts


def _summary(judgement: Judgement) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("claim", "score", "verdict", "comparisons", "detects"):
        grid.add_column(head)
    for result in judgement.findings:
        if result.decides:
            grid.add_section()
        grid.add_row(
            result.claim.id if result.decides else "",
            result.score,
            Text(result.verdict, style=STYLES[result.verdict]),
            _counts(result),
            detects(result) or "-",
        )
    return grid


def _plan(judgement: Judgement, margin: float) -> list[Text | Table]:
    """What more seeds would find, and how many find a difference that the reader names."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("claim", "score", *(f"{seeds} seeds" for seeds in PLANNED), f"for {margin:g}"):
        grid.add_column(head, justify="left" if head in ("claim", "score") else "right")
    for result in judgement.findings:
        if result.decides:
            found, needed = _planned(result), _seeds_for(result, margin)
            cells = ("-" if effect is None else f"{effect:.3f}" for effect in found.values())
            grid.add_row(result.claim.id, result.score, *cells, needed)
    head = f"Smallest difference that a comparison would find, and the seeds that find {margin:g}"
    return [Text(head, style="bold"), grid]


def _planned(result: ClaimResult) -> dict[int, float | None]:
    """Seeds -> what they would detect, with the spread of the runs there are."""
    return {seeds: result.design.detects(seeds) if result.design else None for seeds in PLANNED}


def _seeds_for(result: ClaimResult, margin: float) -> str:
    if result.design is None:
        return "-"
    seeds = result.design.seeds_for(margin)
    return f"over {MOST_SEEDS} seeds" if seeds is None else f"{seeds} seeds"


def _counts(result: ClaimResult) -> str:
    counts = Counter(comparison.verdict for comparison in result.comparisons)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict])


def _details(result: ClaimResult, first: str | None) -> list[Text | Table]:
    claim = result.claim
    head = f"{claim.id} ({claim.family}, {claim.combination}): {result.verdict}"
    lines = [
        f"{claim.text} (section {claim.section})",
        "a question of ours: no sentence of the paper says so"
        if claim.ours
        else f'the paper: "{claim.quote}"',
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
    for head in (result.claim.estimand, "interval", "p", "Holm p", "seeds"):
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
        Text(verdict, style=STYLES[judged.verdict]),
    )


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if value >= 0.001 else "<0.001"


def _interval(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.low:+.3f} to {interval.high:+.3f}"


def _column(ratios: tuple[str, ...]) -> str:
    return " to ".join(ratios)


def _plain(judgement: Judgement, margin: float | None) -> dict[str, Any]:
    first = judgement.group.records.iloc[0]
    return {
        "dataset": judgement.group.dataset,
        "title": title(judgement.group),
        "protocol": first["protocol_name"],
        "key": first["key"],
        "first_run": judgement.first_run,
        "findings": [_plain_finding(result, margin) for result in judgement.findings],
    }


def _plain_plan(result: ClaimResult, margin: float) -> dict[str, Any]:
    seeds = result.design.seeds_for(margin) if result.design else None
    return {"would_detect": _planned(result), "margin_asked": margin, "seeds_for_margin": seeds}


def _plain_finding(result: ClaimResult, margin: float | None) -> dict[str, Any]:
    return {
        **result.claim.model_dump(
            include={"id", "text", "quote", "section", "family", "combination"}
        ),
        **result.claim.model_dump(include={"estimand", "side", "margin", "seen"}),
        "written": result.claim.written.isoformat(),
        "score": result.score,
        "decides": result.decides,
        "verdict": result.verdict,
        "by_column": {_column(c): verdict for c, verdict in result.by_column.items()},
        "without_reconstructed": result.without_reconstructed,
        "detects": result.detects,
        **({} if margin is None else _plain_plan(result, margin)),
        "comparisons": [_plain_comparison(comparison) for comparison in result.comparisons],
    }


def _plain_comparison(judged: JudgedComparison) -> dict[str, Any]:
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
        "seeds": judged.seeds,
        "runs": judged.runs,
        "stale": judged.stale,
    }
