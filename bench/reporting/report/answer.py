"""The answer in three sentences, each chosen by verdicts: none of them is typed."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.evaluation import registry
from bench.evaluation.power import POWER
from bench.reporting.claims.judge import ClaimResult, Judgement
from bench.reporting.claims.page import NOT_THE_PAPER, title
from bench.reporting.results.comparability import whole
from bench.reporting.results.significance import ClaimVerdict
from bench.titles import of_method

BEST, LOSES_LESS = "best-in-each-column", "loses-less-absolutely"
PLAIN = "resnet50"
VERDICTS: tuple[ClaimVerdict, ...] = ("supported", "contradicted", "undecided", "not run")
FEW = 3


class Answer(NamedTuple):
    """What one data set says: its title, and the sentences."""

    title: str
    sentences: tuple[str, ...]


def answer(judgement: Judgement) -> Answer:
    """Is CoMCL best, does it lose less as images get worse, and how many claims hold."""
    deciding = [finding for finding in judgement.findings if finding.decides]
    by_id = {finding.claim.id: finding for finding in deciding}
    sentence_of = ((BEST, best), (LOSES_LESS, loses_less))
    records = judgement.group.records
    sentences = [_told(by_id.get(name), name, records, sentence) for name, sentence in sentence_of]
    synthetic = not whole(records)
    return Answer(title(judgement.group), (*sentences, tally(deciding, synthetic=synthetic)))


def best(result: ClaimResult, records: pd.DataFrame) -> str:
    """Whether the method beats every other in every column."""
    counts, size = _counts(result), _size(result, records)
    total = len(result.comparisons)
    if result.verdict == "supported":
        return (
            f"CoMCL is best of the paper's methods: by {_score(result)} it beats every other in "
            f"every column, all {total} comparisons being significant{size}."
        )
    if result.verdict == "contradicted":
        return (
            f"CoMCL is not best: by {_score(result)} it is significantly behind "
            f"{_against(result, records)}, and significantly ahead in {counts['supported']} of "
            f"{total} comparisons{size}."
        )
    if result.verdict == "not run":
        return "Whether CoMCL is best is not known: nothing that it is compared with was run."
    if not tested(result):
        return f"Whether CoMCL is best is not known: {_few(result)}{size}."
    return (
        f"Whether CoMCL is best is not decided: by {_score(result)}, {counts['supported']} of "
        f"{total} comparisons are significantly in its favour, "
        f"{_open(result, counts)}{size}."
    )


def loses_less(result: ClaimResult, records: pd.DataFrame) -> str:
    """Whether low quality costs the method less than it costs others."""
    counts = _counts(result)
    total = len(result.comparisons)
    if result.verdict == "supported":
        return (
            "It is the more robust: from native images to low quality throughout it loses less "
            f"than each of the paper's {total} others."
        )
    if result.verdict == "contradicted":
        return (
            "It is not the more robust: from native images to low quality throughout it loses "
            f"significantly more than {_against(result, records)}."
        )
    if result.verdict == "not run":
        return "Whether it loses less on low-quality images is not known: that was not run."
    if not tested(result):
        return f"Whether it loses less on low-quality images is not known: {_few(result)}."
    return (
        "Whether it loses less on low-quality images is not decided: "
        f"{counts['supported']} of {total} comparisons are significantly in its favour, "
        f"{_open(result, counts)}."
    )


def tally(deciding: Sequence[ClaimResult], *, synthetic: bool) -> str:
    """How many claims hold, and whether that says anything of the paper."""
    papers = [result for result in deciding if not result.claim.ours]
    ours = [result for result in deciding if result.claim.ours]
    number = f"{len(papers)} claim{'s' * (len(papers) != 1)}"
    text = f"Of the {number} taken from the paper, judged as their files say, {_each(papers)}"
    if ours:
        text += f"; of {len(ours)} question{'s' * (len(ours) != 1)} of ours {_each(ours)}"
    if synthetic:
        return f"{text}; these are not the paper's images: {NOT_THE_PAPER}."
    return f"{text}."


def in_words(ratio: str) -> str:
    """A ratio as words."""
    if ratio == "native":
        return "the native proportion of low-quality images"
    return f"{float(ratio):.0%} low quality"


def named(methods: Iterable[str], records: pd.DataFrame) -> str:
    """Methods by their titles in these runs, as "A, B and C"; of many, how many more there are."""
    titles = [of_method(name, records) for name in dict.fromkeys(methods)]
    if len(titles) > FEW:
        return f"{', '.join(titles[:FEW])} and {len(titles) - FEW} more"
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def _told(
    result: ClaimResult | None,
    name: str,
    records: pd.DataFrame,
    sentence: Callable[[ClaimResult, pd.DataFrame], str],
) -> str:
    return (
        sentence(result, records) if result else f"The claim {name} is not made of this data set."
    )


def _each(results: Sequence[ClaimResult]) -> str:
    return ", ".join(filter(None, (_with(results, verdict) for verdict in VERDICTS)))


def _with(deciding: Sequence[ClaimResult], verdict: ClaimVerdict) -> str:
    """How many have a verdict, those that are decided by name; "" for none."""
    names_found = [result.claim.id for result in deciding if result.verdict == verdict]
    names = f" ({', '.join(names_found)})" if verdict in ("supported", "contradicted") else ""
    return f"{len(names_found)} {verdict}{names}" if names_found else ""


def _against(result: ClaimResult, records: pd.DataFrame) -> str:
    """Whom the contradicted comparisons are with."""
    lost = [comparison for comparison in result.comparisons if comparison.verdict == "contradicted"]
    return named((comparison.comparison.methods[-1] for comparison in lost), records)


def _size(result: ClaimResult, records: pd.DataFrame) -> str:
    """By how much, against the plain network in the worst images that both were run on."""
    comparisons = [
        comparison
        for comparison in result.comparisons
        if comparison.comparison.methods[-1] == PLAIN
        and comparison.estimate is not None
        and np.isfinite(comparison.estimate.value)
    ]
    if not comparisons:
        return ""
    comparison = comparisons[-1]
    assert comparison.estimate is not None
    value, ends = comparison.estimate.value, comparison.estimate.interval()
    sure = f"95 % interval {ends.low:+.3f} to {ends.high:+.3f}" if ends else "no interval yet"
    side = "above" if value > 0 else "below"
    where = in_words(comparison.comparison.ratios[-1])
    return f"; at {where} it is {abs(value):.3f} {side} {named([PLAIN], records)} ({sure})"


def tested(result: ClaimResult) -> bool:
    """Whether one comparison has as many seeds, and such scores, that a test could be made."""
    return any(comparison.p is not None for comparison in result.comparisons)


def _few(result: ClaimResult) -> str:
    """Why nothing was tested."""
    counts, why = (
        _counts(result),
        Counter(comparison.why for comparison in result.comparisons if comparison.estimate),
    )
    absent = f" and {counts['not run']} were not run" if counts["not run"] else ""
    number = f"{counts['undecided']} comparison{'s' * (counts['undecided'] != 1)}"
    text = f"{number} by {_score(result)} could not be tested"
    return f"{text} ({why.most_common(1)[0][0]}){absent}"


def _score(result: ClaimResult) -> str:
    return registry.named(result.score).phrase or result.score


def _counts(result: ClaimResult) -> Counter[str]:
    return Counter(comparison.verdict for comparison in result.comparisons)


def _open(result: ClaimResult, counts: Counter[str]) -> str:
    parts = [
        f"{counts[verdict]} {text}"
        for verdict, text in (("undecided", "open"), ("not run", "not run"))
        if counts[verdict]
    ]
    return ", ".join(parts) + _found_at_all(result)


def _found_at_all(result: ClaimResult) -> str:
    """How large a difference has to be, so that open is not taken for equal; "" if not known."""
    if result.detects is None:
        return ""
    least = f"{result.detects:.3f}"
    return f" ({result.seeds} seeds find differences from {least} on, with power {POWER:g})"
