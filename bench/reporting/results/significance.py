"""Who is best in a column, who cannot be told from the best, and who beats all others."""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from bench.evaluation.statistics import FEWEST_SEEDS, Estimate, holm
from bench.experiments import SEEDS
from bench.reporting.results.scores import ScoredRuns

ALPHA = 0.05
Significance = Literal["best", "not worse", "worse", "untested"]
ClaimVerdict = Literal["supported", "contradicted", "undecided", "not run"]


def significance(
    scored: ScoredRuns, metric: str, methods: Sequence[str], ratio: str
) -> dict[str, Significance]:
    """How each method of a column stands to the one with the highest mean.

    "worse" where the difference to it, over the seeds that both have, is significant after Holm's
    correction over all of the column's comparisons; "untested" where they share no three seeds or a
    difference has no test; runs that score exactly alike are "not worse". Methods without runs or
    with an undefined score are left out, as are those of which a run has not learnt, and a column
    of fewer than two others is no contest: nothing is said of it.
    """
    learnt = [method for method in methods if scored.all_trained(method, ratio)]
    estimates = {method: scored.score(metric, method, ratio) for method in learnt}
    means = {m: score.value for m, score in estimates.items() if score and np.isfinite(score.value)}
    if len(means) < 2:
        return {}
    best = max(means, key=lambda method: means[method])
    others = [method for method in means if method != best]
    differences = [scored.difference(metric, best, method, ratio) for method in others]
    adjusted = holm([_p(difference) for difference in differences])
    result: dict[str, Significance] = {best: "best"}
    for method, difference, p in zip(others, differences, adjusted, strict=True):
        result[method] = _standing(difference, p)
    return result


def _standing(difference: Estimate | None, adjusted: float | None) -> Significance:
    """To the highest; `difference` is how much lower the method is."""
    if adjusted is not None:
        return "worse" if adjusted < ALPHA else "not worse"
    # What is alike in every run and patient needs no test; whatever else has none is open.
    if difference is None or difference.seeds < FEWEST_SEEDS:
        return "untested"
    alike = not any(difference.per_seed) and not difference.v_img
    return "not worse" if alike else "untested"


def beats_all(
    scored: ScoredRuns, metric: str, method: str, others: Sequence[str], ratio: str
) -> ClaimVerdict:
    """Whether a method beats each of the others, as the claim files judge it.

    Supported if every difference is significant on its side (intersection-union: no correction),
    contradicted if one is on the other side after Holm's correction, not run without any runs, and
    undecided otherwise; differences of fewer than SEEDS seeds decide nothing, nor do those in which
    a run has not learnt.
    """
    differences = [scored.difference(metric, method, rival, ratio) for rival in others]
    p_values = [
        _p(difference)
        if difference
        and difference.seeds >= SEEDS
        and scored.all_trained(method, ratio)
        and scored.all_trained(rival, ratio)
        else None
        for rival, difference in zip(others, differences, strict=True)
    ]
    adjusted = holm(p_values)
    triples = zip(differences, p_values, adjusted, strict=True)
    return combine(_beats(*triple) for triple in triples)


def _beats(difference: Estimate | None, p: float | None, adjusted: float | None) -> ClaimVerdict:
    if difference is None:
        return "not run"
    if p is not None and difference.value > 0 and p < ALPHA:
        return "supported"
    if adjusted is not None and difference.value < 0 and adjusted < ALPHA:
        return "contradicted"
    return "undecided"


def combine(verdicts: Iterable[ClaimVerdict]) -> ClaimVerdict:
    """Of several comparisons: one against is enough, and all must be for.

    For an "all" claim this is the intersection-union test: every comparison rejects at the full
    level, and no correction is needed (Berger, 1982).
    """
    kinds = set(verdicts)
    if kinds == {"not run"}:
        return "not run"
    if "contradicted" in kinds:
        return "contradicted"
    return "supported" if kinds == {"supported"} else "undecided"


def _p(difference: Estimate | None) -> float | None:
    return None if difference is None else difference.p_value()
