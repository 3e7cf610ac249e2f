"""Were the methods treated alike?  Judged from records alone, one data set and key at a time.

Every check takes one value from each run. Methods that no exception is declared for must agree,
each method must agree with itself, and what an exception allows is shown with its reason.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.reporting.audit.exceptions import EXCEPTIONS, Declared
from bench.reporting.audit.runs import Made
from bench.reporting.audit.values import CHECKS, Check

Verdict = Literal["PASS", "FAIL", "DECLARED EXCEPTION", "UNKNOWN"]
SECOND_RUN = "a second run"


@dataclass(frozen=True)
class Excused:
    """A declared exception that was needed: whose value differs from the usual one, and why."""

    methods: tuple[str, ...]
    value: str
    usual: str
    reason: str
    source: str


@dataclass(frozen=True)
class Row:
    """One line of the audit.

    Attributes:
        id: Of the check.
        title: What must be equal, or must not be.
        verdict: Over all runs.
        found: The common value, or what is wrong.
        excused: Exceptions that were needed.
        by_method: Method -> its values, for machines.
        missing: What would have to be stored, where the verdict is UNKNOWN.
    """

    id: str
    title: str
    verdict: Verdict
    found: str
    excused: tuple[Excused, ...] = ()
    by_method: dict[str, list[str]] | None = None
    missing: str = ""


def equalities(runs: Sequence[Made], studies: Sequence[Made] = ()) -> tuple[Row, ...]:
    """The rows of what must be equal.

    Args:
        runs: Of one data set and comparability key; never empty.
        studies: Sensitivity runs on the same data, which count as trials.
    """
    rows = [judged(check, runs) for check in CHECKS if _asked(check, runs)]
    return (*rows, _own_seeds(runs), _trials(runs, studies))


def judged(check: Check, runs: Sequence[Made], exceptions: Iterable[Declared] = EXCEPTIONS) -> Row:
    """One check on all runs that it applies to."""
    own = [one for one in exceptions if one.check == check.id]
    values = [(run, check.value(run)) for run in runs]
    values = [(run, value) for run, value in values if value is not None]
    scopes: dict[str, list[tuple[Made, Any]]] = defaultdict(list)
    for run, value in values:
        scopes[check.scope(run)].append((run, value))
    if all(len(part) < 2 for part in scopes.values()):
        return _uncompared(check, values)
    parts = [_scope(check, own, part) for part in scopes.values()]
    wrong = [text for part in parts for text in part.wrong]
    excused = tuple(dict.fromkeys(one for part in parts for one in part.excused))
    return Row(
        check.id,
        check.title,
        "FAIL" if wrong else "DECLARED EXCEPTION" if excused else "PASS",
        "; ".join([*few(wrong), *dict.fromkeys(part.common for part in parts)]),
        excused,
        _by_method(check, values),
    )


def _uncompared(check: Check, values: Sequence[tuple[Made, Any]]) -> Row:
    """No two runs have a value that must be equal: nothing was compared."""
    shown = dict.fromkeys(check.show(value) for _, value in values)
    text = "; ".join(["nothing to compare with", *few(list(shown))])
    of_method = any(check.scope(run) == run.method for run, _ in values)
    missing = SECOND_RUN if not of_method else f"{SECOND_RUN} of the same method"
    return Row(
        check.id,
        check.title,
        "UNKNOWN",
        text,
        by_method=_by_method(check, values),
        missing=missing,
    )


@dataclass(frozen=True)
class _Part:
    """The runs that must agree with each other: what they have, and who has not."""

    common: str
    wrong: tuple[str, ...]
    excused: tuple[Excused, ...]


def _scope(check: Check, own: Sequence[Declared], part: Sequence[tuple[Made, Any]]) -> _Part:
    reference = _reference(own, part)
    unlike = [(run, value) for run, value in part if value != reference]
    wavering = {run.method for run, _ in part if len(_values_of(run.method, part)) > 1}
    wrong, excused = [], defaultdict(list)
    for run, value in unlike:
        one = next((one for one in own if one.of(run) and one.allowed(value, reference)), None)
        if one is None or (one.steady and run.method in wavering):
            wrong.append(f"{run.name}: {check.differing(value, reference)}")
        else:
            excused[one, check.show(value)].append(run.method)
    most = "most have " if wrong else ""
    return _Part(
        most + check.show(reference),
        tuple(wrong),
        tuple(
            Excused(
                tuple(dict.fromkeys(names)), value, check.show(reference), one.reason, one.source
            )
            for (one, value), names in excused.items()
        ),
    )


def _reference(own: Sequence[Declared], part: Sequence[tuple[Made, Any]]) -> Any:
    """What methods without an exception have; if all have one, the least of what they have."""
    bound = [value for run, value in part if not any(one.of(run) for one in own)]
    if not bound and all(one.allows == "more" for one in own):
        return min(value for _, value in part)
    return Counter(bound or [value for _, value in part]).most_common(1)[0][0]


def _values_of(method: str, part: Sequence[tuple[Made, Any]]) -> set[Any]:
    return {value for run, value in part if run.method == method}


def _asked(check: Check, runs: Sequence[Made]) -> bool:
    return any(check.value(run) is not None for run in runs)


def _by_method(check: Check, values: Iterable[tuple[Made, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for run, value in values:
        text = check.show(value)
        found[run.method] += [text] if text not in found[run.method] else []
    return dict(sorted(found.items()))


def _own_seeds(runs: Sequence[Made]) -> Row:
    """A seed that changes nothing was not used: then n seeds are one."""
    title, by_answers = "each seed its own run", defaultdict(list)
    cells = Counter((run.method, run.spec["lq_ratio"]) for run in runs)
    if max(cells.values(), default=0) < 2:
        text = "one seed of each method and ratio"
        return Row("seeds", title, "UNKNOWN", text, missing="a second seed")
    for run in runs:
        by_answers[run.method, run.spec["lq_ratio"], run.answered.file].append(run)
    same = [" = ".join(r.name for r in alike) for alike in by_answers.values() if len(alike) > 1]
    text = "same predictions: " + "; ".join(few(same)) if same else "all predictions differ"
    return Row("seeds", title, "FAIL" if same else "PASS", text)


def _trials(runs: Sequence[Made], studies: Sequence[Made]) -> Row:
    """How many configurations of each method the folder holds: whoever has more was tuned more."""
    tried = _configurations(runs)
    more = {m: len(found) for m, found in _configurations(studies).items() if m in tried}
    by_method = {method: [str(len(found))] for method, found in sorted(tried.items())}
    counts = sorted({len(found) for found in tried.values()})
    excused: tuple[Excused, ...] = ()
    if len(tried) < 2:
        text = f"{counts[0]} kept of {', '.join(tried)}, and no other method" if counts else "none"
        return Row("trials", "tuning trials", "UNKNOWN", text, (), by_method, "a second method")
    if len(counts) > 1:
        most = [method for method, found in tried.items() if len(found) == counts[-1]]
        verdict: Verdict = "FAIL"
        text = f"{counts[0]} to {counts[-1]} configurations a method, most of {', '.join(most)}"
    else:
        verdict, text = "PASS", f"{counts[0]} configuration of every method is kept"
        if counts[0] > 1:
            text = f"{counts[0]} configurations of every method are kept"
    if more and verdict == "PASS":
        verdict = "DECLARED EXCEPTION"
        (one,) = (one for one in EXCEPTIONS if one.check == "trials")
        count = sum(more.values())
        total = f"{count} configuration{'s' * (count > 1)} in studies"
        excused = (Excused(tuple(sorted(more)), total, "none", one.reason, one.source),)
    text += "; what was thrown away left no record"
    return Row("trials", "tuning trials", verdict, text, excused, by_method)


def _configurations(runs: Iterable[Made]) -> dict[str, set[str]]:
    """Roster name -> its protocols, as far as they differ from each other."""
    found: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        found[run.known_as].add(repr(sorted(run.spec["protocol"].items())))
    return found


def few(texts: Sequence[str], most: int = 3) -> list[str]:
    """The first few, and how many more there are."""
    rest = len(texts) - most
    return [*texts[:most], *([f"and {rest} more"] if rest > 0 else [])]
