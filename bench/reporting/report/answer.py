"""The answer in three sentences, each chosen by verdicts: none of them is typed."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from bench.evaluation import registry
from bench.reporting.claims.judge import Finding, Judgement
from bench.reporting.claims.page import seeds_to_decide, title
from bench.reporting.results.comparability import whole
from bench.reporting.results.significance import ClaimVerdict
from bench.roster import METHODS

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
    told = ((BEST, best), (LOSES_LESS, loses_less))
    sentences = [_told(by_id.get(name), name, tell) for name, tell in told]
    drawn = not whole(judgement.group.records)
    return Answer(title(judgement), (*sentences, tally(deciding, drawn=drawn)))


def best(finding: Finding) -> str:
    """Whether the method beats every other in every column."""
    counts = _counts(finding)
    total = len(finding.comparisons)
    if finding.verdict == "supported":
        return (
            f"CoMCL is best of the paper's methods: by {_score(finding)} it beats every other in "
            f"every column, all {total} comparisons being significant{_size(finding)}."
        )
    if finding.verdict == "contradicted":
        return (
            f"CoMCL is not best: by {_score(finding)} it is significantly behind "
            f"{_against(finding)}, and significantly ahead in {counts['supported']} of "
            f"{total} comparisons{_size(finding)}."
        )
    if finding.verdict == "not run":
        return "Whether CoMCL is best is not known: nothing that it is compared with was run."
    if not tested(finding):
        return f"Whether CoMCL is best is not known: {_few(finding)}{_size(finding)}."
    return (
        f"Whether CoMCL is best is not decided: by {_score(finding)}, {counts['supported']} of "
        f"{total} comparisons are significantly in its favour, "
        f"{_open(finding, counts)}{_size(finding)}."
    )


def loses_less(finding: Finding) -> str:
    """Whether low quality costs the method less than it costs others."""
    counts = _counts(finding)
    total = len(finding.comparisons)
    if finding.verdict == "supported":
        return (
            "It is the more robust: from native images to low quality throughout it loses less "
            f"than each of the paper's {total} others."
        )
    if finding.verdict == "contradicted":
        return (
            "It is not the more robust: from native images to low quality throughout it loses "
            f"significantly more than {_against(finding)}."
        )
    if finding.verdict == "not run":
        return "Whether it loses less on low-quality images is not known: that was not run."
    if not tested(finding):
        return f"Whether it loses less on low-quality images is not known: {_few(finding)}."
    return (
        "Whether it loses less on low-quality images is not decided: "
        f"{counts['supported']} of {total} comparisons are significantly in its favour, "
        f"{_open(finding, counts)}."
    )


def tally(deciding: Sequence[Finding], *, drawn: bool) -> str:
    """How many claims hold, and whether that says anything of the paper."""
    each = ", ".join(filter(None, (_with(deciding, verdict) for verdict in VERDICTS)))
    number = f"{len(deciding)} claim{'s' * (len(deciding) != 1)}"
    text = f"Of the {number} taken from the paper, judged as their files say, {each}"
    if drawn:
        return f"{text}; these are not the paper's images, so none of it is a verdict on the paper."
    return f"{text}."


def in_words(ratio: str) -> str:
    """A ratio as words."""
    if ratio == "native":
        return "the native share of low quality"
    return f"{float(ratio):.0%} low quality"


def named(methods: Iterable[str]) -> str:
    """Methods by their titles, as "A, B and C"; of many, how many more there are."""
    titles = [METHODS[name].title if name in METHODS else name for name in dict.fromkeys(methods)]
    if len(titles) > FEW:
        return f"{', '.join(titles[:FEW])} and {len(titles) - FEW} more"
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def _told(finding: Finding | None, name: str, tell: Callable[[Finding], str]) -> str:
    return tell(finding) if finding else f"The claim {name} is not made of this data set."


def _with(deciding: Sequence[Finding], verdict: ClaimVerdict) -> str:
    """How many have a verdict, those that are decided by name; "" for none."""
    found = [finding.claim.id for finding in deciding if finding.verdict == verdict]
    names = f" ({', '.join(found)})" if verdict in ("supported", "contradicted") else ""
    return f"{len(found)} {verdict}{names}" if found else ""


def _against(finding: Finding) -> str:
    """Whom the contradicted comparisons are with."""
    found = [one for one in finding.comparisons if one.verdict == "contradicted"]
    return named(one.comparison.methods[-1] for one in found)


def _size(finding: Finding) -> str:
    """By how much, against the plain network in the worst images that both were run on."""
    found = [
        one
        for one in finding.comparisons
        if one.comparison.methods[-1] == PLAIN
        and one.estimate is not None
        and np.isfinite(one.estimate.value)
    ]
    if not found:
        return ""
    one = found[-1]
    assert one.estimate is not None
    value, ends = one.estimate.value, one.estimate.interval()
    sure = f"95 % interval {ends.low:+.3f} to {ends.high:+.3f}" if ends else "no interval yet"
    side = "above" if value > 0 else "below"
    where = in_words(one.comparison.ratios[-1])
    return f"; at {where} it is {abs(value):.3f} {side} {named([PLAIN])} ({sure})"


def tested(finding: Finding) -> bool:
    """Whether one comparison has as many seeds, and such scores, that a test could be made."""
    return any(one.p is not None for one in finding.comparisons)


def _few(finding: Finding) -> str:
    """Why nothing was tested."""
    counts, why = _counts(finding), Counter(one.why for one in finding.comparisons if one.estimate)
    gone = f" and {counts['not run']} were not run" if counts["not run"] else ""
    number = f"{counts['undecided']} comparison{'s' * (counts['undecided'] != 1)}"
    text = f"{number} by {_score(finding)} could not be tested"
    return f"{text} ({why.most_common(1)[0][0]}){gone}"


def _score(finding: Finding) -> str:
    return registry.named(finding.score).phrase or finding.score


def _counts(finding: Finding) -> Counter[str]:
    return Counter(one.verdict for one in finding.comparisons)


def _open(finding: Finding, counts: Counter[str]) -> str:
    parts = [
        f"{counts[verdict]} {text}"
        for verdict, text in (("undecided", "open"), ("not run", "not run"))
        if counts[verdict]
    ]
    seeds = seeds_to_decide(finding)
    return f"{', '.join(parts)} (seeds that would decide: {seeds})"
