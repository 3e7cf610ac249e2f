"""Which of the paper's claims the records support, which they contradict, and which stay open.

The rule of each claim stands in its file (`files`), written before the runs. A comparison is an
estimate over the seeds that all of its runs share; it is supported where its p, after Holm's
correction over all comparisons of the claim, rejects zero on the claimed side, contradicted where
it does on the other, and undecided otherwise. So every number of comparisons that a page names is
under one correction. An "all" claim as a whole is supported as well where each of its comparisons
rejects by itself (intersection-union: no correction is needed for all of them together).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bench.evaluation.influence import JointScores
from bench.evaluation.power import Design, design_of
from bench.evaluation.statistics import (
    ESTIMANDS,
    Estimate,
    estimate,
    first_minus_second,
    holm,
    score,
)
from bench.reporting.claims.files import Claim, Comparison, cells_of, load_claims
from bench.reporting.results.comparability import ComparableRuns, comparable_groups
from bench.reporting.results.runs import Runs, collect, first_run
from bench.reporting.results.significance import ClaimVerdict, combine
from bench.roster import METHODS


@dataclass(frozen=True)
class JudgedComparison:
    """One comparison and what the records say of it.

    Attributes:
        comparison: Methods and columns.
        verdict: Of this comparison by itself.
        why: What stands in the way of a verdict, or "".
        estimate: None where no seed has all of its runs.
        p: Two-sided; None where it cannot be had, or before the claim's number of seeds.
        adjusted_p: The same after Holm's correction over the claim.
        negligible: Whether two one-sided tests put it within the claim's margin of zero.
        seeds: Shared by all cells, in order.
        runs: Ids behind it.
        stale: Whether one of them was made by an older version of the code.
    """

    comparison: Comparison
    verdict: ClaimVerdict
    why: str = ""
    estimate: Estimate | None = None
    p: float | None = None
    adjusted_p: float | None = None
    negligible: bool = False
    seeds: tuple[int, ...] = ()
    runs: tuple[str, ...] = ()
    stale: bool = False

    @property
    def reconstructed(self) -> bool:
        """Whether one of its methods is known too little to be more than a reconstruction."""
        known = [METHODS[name] for name in self.comparison.methods if name in METHODS]
        return any(method.confidence == "low" for method in known)


@dataclass(frozen=True)
class ClaimResult:
    """One claim on one data set by one score.

    Attributes:
        claim: As its file has it.
        score: Name of the score.
        decides: Whether this is the score that decides the claim.
        verdict: Of all comparisons.
        by_column: Verdict of the comparisons in each column.
        without_reconstructed: Verdict without methods that are reconstructions; None if none is.
        comparisons: In the order of the file.
        design: What its comparisons can find, by the correction's first step; None where none has a
            p.
    """

    claim: Claim
    score: str
    decides: bool
    verdict: ClaimVerdict
    by_column: dict[tuple[str, ...], ClaimVerdict]
    without_reconstructed: ClaimVerdict | None
    comparisons: tuple[JudgedComparison, ...]
    design: Design | None = None

    @property
    def seeds(self) -> int:
        """Fewest that a comparison with a p has; 0 where none has one."""
        return min((len(one.seeds) for one in self.comparisons if one.p is not None), default=0)

    @property
    def detects(self) -> float | None:
        """The smallest effect that a comparison finds with as many; None where none has a p."""
        return None if self.design is None else self.design.detects(self.seeds)


@dataclass(frozen=True)
class Judgement:
    """All claims on one data set under one comparability key.

    Attributes:
        group: The records.
        findings: By claim, the deciding score first.
        first_run: Date of the earliest run behind them; None where records do not tell.
    """

    group: ComparableRuns
    findings: tuple[ClaimResult, ...]
    first_run: str | None


def judge(
    records: pd.DataFrame, claims: Sequence[Claim] | None = None, protocol: str | None = None
) -> tuple[Judgement, ...]:
    """Every claim on every data set that has records; a twin stands in for its original.

    Args:
        records: One row a run, as `bench.reporting.results.records.load` gives them; may be empty.
        claims: As `load_claims` gives them; None for the committed ones.
        protocol: Name or comparability key to select; None if there is only one.

    Raises:
        NotComparable: if a data set has runs that must not be compared.
        RequestError: if no run has the protocol that was asked for, or a claim file is wrong.
    """
    claims = load_claims() if claims is None else claims
    groups = comparable_groups(records, protocol)
    judged = [_judge_group(group, claims, None) for group in groups]
    return tuple(judgement for judgement in judged if judgement.findings)


def judge_scored(
    scored: Iterable[tuple[ComparableRuns, Runs]], claims: Sequence[Claim] | None = None
) -> tuple[Judgement, ...]:
    """The same of groups whose runs are scored already; what is not among their scores is added.

    Args:
        scored: Each group with all of its runs.
        claims: As for `judge`.
    """
    claims = load_claims() if claims is None else claims
    judged = [_judge_group(group, claims, runs) for group, runs in scored]
    return tuple(judgement for judgement in judged if judgement.findings)


def ruling(claim: Claim, estimate: Estimate, adjusted: float) -> ClaimVerdict:
    """The verdict on one comparison that has as many seeds as the claim asks for.

    Args:
        claim: Whose side and level count.
        estimate: The estimate.
        adjusted: Two-sided p after Holm's correction over the claim.
    """
    if adjusted < claim.alpha:
        return "supported" if _is_claimed(claim, estimate) else "contradicted"
    return "undecided"


def is_negligible(claim: Claim, estimate: Estimate) -> bool:
    """Whether two one-sided tests put an estimate within the claim's margin of zero."""
    equivalence = estimate.equivalence_p(claim.margin)
    return equivalence is not None and equivalence < claim.alpha


def _is_claimed(claim: Claim, estimate: Estimate) -> bool:
    return (estimate.value > 0) == (claim.side == "greater")


def _judge_group(group: ComparableRuns, claims: Sequence[Claim], runs: Runs | None) -> Judgement:
    original = group.dataset.removesuffix("-twin")
    own_claims = [claim for claim in claims if original in claim.scores]
    scores = dict.fromkeys(name for claim in own_claims for name in claim.scores[original])
    cells = {cell for claim in own_claims for each in claim.comparisons for cell in cells_of(each)}
    if runs is None or not scores.keys() <= runs.scores.keys():
        runs = collect(group.records, cells, tuple(scores))
    by_score = {name: _judge_score(own_claims, original, name, runs) for name in scores}
    findings = tuple(
        _finding(claim, name, index == 0, by_score[name][claim.id])
        for claim in own_claims
        for index, name in enumerate(claim.scores[original])
    )
    indices = {index for cell in cells for index in runs.by_cell.get(cell, {}).values()}
    folders = [folder for index in sorted(indices) for folder in runs.members[index].values()]
    return Judgement(group, findings, first_run(folders))


def _judge_score(
    claims: Sequence[Claim], dataset: str, name: str, runs: Runs
) -> dict[str, tuple[JudgedComparison, ...]]:
    """The comparisons of each claim by one score, corrected over the claim."""
    result: dict[str, tuple[JudgedComparison, ...]] = {}
    for claim in claims:
        if name in claim.scores[dataset]:
            judged = [_estimated(claim, each, name, runs) for each in claim.comparisons]
            adjusted = holm([each.p for each in judged])
            pairs = zip(judged, adjusted, strict=True)
            result[claim.id] = tuple(_decided(claim, *pair) for pair in pairs)
    return result


def _estimated(claim: Claim, comparison: Comparison, name: str, runs: Runs) -> JudgedComparison:
    """The estimate of one comparison and its p, not yet corrected."""
    cells = cells_of(comparison)
    missing = [" at ".join(cell) for cell in cells if cell not in runs.by_cell]
    if missing:
        return JudgedComparison(
            comparison, "not run", f"no runs of {', '.join(dict.fromkeys(missing))}"
        )
    by_cell = [runs.by_cell[cell] for cell in cells]
    seeds = sorted(set.intersection(*(set(found) for found in by_cell)))
    if not seeds:
        return JudgedComparison(comparison, "not run", "no seed has all of its runs")
    indices = np.array([[found[seed] for found in by_cell] for seed in seeds])
    found = estimate(runs.scores[name], indices, _functional(claim))
    used = np.unique(indices)
    judged = JudgedComparison(
        comparison,
        "undecided",
        runs.want_of_training(cells) or _obstacle(claim, found, indices, runs.scores[name]),
        found,
        seeds=tuple(seeds),
        runs=tuple(runs.ids[index] for index in used),
        stale=any(runs.stale[index] for index in used),
    )
    return judged if judged.why else replace(judged, p=found.p_value())


def _obstacle(claim: Claim, result: Estimate, indices: np.ndarray, scores: JointScores) -> str:
    """Why a comparison cannot be judged yet, or ""."""
    if len(indices) < claim.seeds:
        return f"{len(indices)} of {claim.seeds} seeds"
    if claim.estimand == "relative drop":
        # The scores before a drop stand in every other place.
        for before in indices.T[::2]:
            interval = estimate(scores, before[:, None], score).interval(1 - claim.alpha)
            if interval is None or interval.low <= 0:
                return "a score before the drop is not clearly above 0, so no share of it is lost"
    return result.why_not


def _decided(claim: Claim, judged: JudgedComparison, adjusted: float | None) -> JudgedComparison:
    """The verdict of one comparison."""
    estimate = judged.estimate
    if estimate is None or judged.p is None or adjusted is None:
        return judged
    return replace(
        judged,
        verdict=ruling(claim, estimate, adjusted),
        adjusted_p=adjusted,
        negligible=is_negligible(claim, estimate),
    )


def _finding(
    claim: Claim, name: str, decides: bool, judged: tuple[JudgedComparison, ...]
) -> ClaimResult:
    sure = [comparison for comparison in judged if not comparison.reconstructed]
    by_column: dict[tuple[str, ...], ClaimVerdict] = {
        column: _together(claim, [each for each in judged if each.comparison.ratios == column])
        for column in claim.columns
    }
    tested = [each.estimate for each in judged if each.estimate and each.p is not None]
    return ClaimResult(
        claim,
        name,
        decides,
        _together(claim, judged),
        by_column,
        _together(claim, sure) if 0 < len(sure) < len(judged) else None,
        judged,
        design_of(tested, claim.alpha / len(judged)) if tested else None,
    )


def _together(claim: Claim, judged: Sequence[JudgedComparison]) -> ClaimVerdict:
    """The verdict on several comparisons of a claim."""
    if claim.combination == "all" and all(_holds_alone(claim, each) for each in judged):
        return "supported"
    return combine(each.verdict for each in judged)


def _holds_alone(claim: Claim, judged: JudgedComparison) -> bool:
    """Whether a comparison rejects zero on the claimed side, were it the only one."""
    if judged.estimate is None or judged.p is None:
        return False
    return judged.p < claim.alpha and _is_claimed(claim, judged.estimate)


def _functional(claim: Claim) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    functional = ESTIMANDS[claim.estimand]
    return functional if claim.contrast == "method" else first_minus_second(functional)
