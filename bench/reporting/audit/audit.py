"""Were the methods treated alike?  Judged from records alone, one data set and key at a time.

Every check takes one value from each run. Methods that no exception is declared for must agree,
each method must agree with itself, and what an exception allows is shown with its reason.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.protocol.tuning import STUDY
from bench.reporting.audit.exceptions import EXCEPTIONS, DeclaredException, is_compute_matched
from bench.reporting.audit.runs import AuditedRun
from bench.reporting.audit.values import CHECKS, Check

AuditVerdict = Literal["PASS", "FAIL", "DECLARED EXCEPTION", "UNKNOWN"]
SECOND_RUN = "a second run"
PROPOSED, MATCHED = "comcl", 0.95
"""Assumed: what counting patches by their area leaves out, heads and the like, is below 5 %."""


@dataclass(frozen=True)
class AppliedException:
    """A declared exception that was needed: whose value differs from the usual one, and why."""

    methods: tuple[str, ...]
    value: str
    usual: str
    reason: str
    source: str


@dataclass(frozen=True)
class AuditRow:
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
    verdict: AuditVerdict
    found: str
    excused: tuple[AppliedException, ...] = ()
    by_method: dict[str, list[str]] | None = None
    missing: str = ""


def equalities(
    runs: Sequence[AuditedRun], studies: Sequence[AuditedRun] = ()
) -> tuple[AuditRow, ...]:
    """The rows of what must be equal.

    Args:
        runs: Of one data set and comparability key; never empty.
        studies: Runs of studies on the same data, which count as trials.
    """
    rows = [audit_check(check, runs) for check in CHECKS if _asked(check, runs)]
    return (*rows, *_matched(runs), _own_seeds(runs), _trials(runs, studies))


def audit_check(
    check: Check, runs: Sequence[AuditedRun], exceptions: Iterable[DeclaredException] = EXCEPTIONS
) -> AuditRow:
    """One check on all runs that it applies to."""
    applicable = [exception for exception in exceptions if exception.check == check.id]
    values = [(run, check.value(run)) for run in runs]
    values = [(run, value) for run, value in values if value is not None]
    scopes: dict[str, list[tuple[AuditedRun, Any]]] = defaultdict(list)
    for run, value in values:
        scopes[check.scope(run)].append((run, value))
    if all(len(part) < 2 for part in scopes.values()):
        return _uncompared(check, values)
    parts = [_scope(check, applicable, part) for part in scopes.values()]
    wrong = [text for part in parts for text in part.wrong]
    excused = tuple(dict.fromkeys(exception for part in parts for exception in part.excused))
    return AuditRow(
        check.id,
        check.title,
        "FAIL" if wrong else "DECLARED EXCEPTION" if excused else "PASS",
        "; ".join([*first_few(wrong), *dict.fromkeys(part.common for part in parts)]),
        excused,
        _by_method(check, values),
    )


def _uncompared(check: Check, values: Sequence[tuple[AuditedRun, Any]]) -> AuditRow:
    """No two runs have a value that must be equal: nothing was compared."""
    shown = dict.fromkeys(check.show(value) for _, value in values)
    text = "; ".join(["nothing to compare with", *first_few(list(shown))])
    of_method = any(check.scope(run) == run.method for run, _ in values)
    missing = SECOND_RUN if not of_method else f"{SECOND_RUN} of the same method"
    return AuditRow(
        check.id,
        check.title,
        "UNKNOWN",
        text,
        by_method=_by_method(check, values),
        missing=missing,
    )


@dataclass(frozen=True)
class _AgreementGroup:
    """The runs that must agree with each other: what they have, and who has not."""

    common: str
    wrong: tuple[str, ...]
    excused: tuple[AppliedException, ...]


def _scope(
    check: Check, exceptions: Sequence[DeclaredException], part: Sequence[tuple[AuditedRun, Any]]
) -> _AgreementGroup:
    reference = _reference(exceptions, part)
    unlike = [(run, value) for run, value in part if value != reference]
    wavering = {run.method for run, _ in part if len(_values_of(run.method, part)) > 1}
    wrong, excused = [], defaultdict(list)
    for run, value in unlike:
        exception = next(
            (
                exception
                for exception in exceptions
                if exception.of(run) and exception.allowed(value, reference)
            ),
            None,
        )
        if exception is None or (exception.steady and run.method in wavering):
            wrong.append(f"{run.name}: {check.differing(value, reference)}")
        else:
            excused[exception, check.show(value)].append(run.method)
    most = "most have " if wrong else ""
    return _AgreementGroup(
        most + check.show(reference),
        tuple(wrong),
        tuple(
            AppliedException(
                tuple(dict.fromkeys(names)),
                value,
                check.show(reference),
                exception.reason,
                exception.source,
            )
            for (exception, value), names in excused.items()
        ),
    )


def _reference(
    exceptions: Sequence[DeclaredException], part: Sequence[tuple[AuditedRun, Any]]
) -> Any:
    """What methods without an exception have; if all have one, the least of what they have."""
    bound = [value for run, value in part if not any(exception.of(run) for exception in exceptions)]
    if not bound and all(exception.allows == "more" for exception in exceptions):
        return min(value for _, value in part)
    return Counter(bound or [value for _, value in part]).most_common(1)[0][0]


def _values_of(method: str, part: Sequence[tuple[AuditedRun, Any]]) -> set[Any]:
    return {value for run, value in part if run.method == method}


def _asked(check: Check, runs: Sequence[AuditedRun]) -> bool:
    return any(check.value(run) is not None for run in runs)


def _by_method(check: Check, values: Iterable[tuple[AuditedRun, Any]]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = defaultdict(list)
    for run, value in values:
        text = check.show(value)
        texts[run.method] += [text] if text not in texts[run.method] else []
    return dict(sorted(texts.items()))


def _matched(runs: Sequence[AuditedRun]) -> tuple[AuditRow, ...]:
    """Whether the compute-matched control computes as much as CoMCL; no row without such runs."""
    title, texts, short = "operations of the compute-matched control", [], False
    for ratio in dict.fromkeys(run.spec["lq_ratio"] for run in runs):
        cell = [run for run in runs if run.spec["lq_ratio"] == ratio and run.flops]
        controls = [r.flops or 0 for r in cell if is_compute_matched(r)]
        proposed = [r.flops or 0 for r in cell if r.roster_name == PROPOSED]
        if controls and proposed:
            factor = min(controls) / max(proposed)
            short = short or factor < MATCHED
            texts.append(f"{ratio}: at least {factor:.2f} times those of any CoMCL run")
    if not texts:
        return ()
    return (AuditRow("matched", title, "FAIL" if short else "PASS", "; ".join(texts)),)


def _own_seeds(runs: Sequence[AuditedRun]) -> AuditRow:
    """A seed that changes nothing was not used: then n seeds are one."""
    title, by_answers = "each seed its own run", defaultdict(list)
    cells = Counter((run.method, run.spec["lq_ratio"]) for run in runs)
    if max(cells.values(), default=0) < 2:
        text = "one seed of each method and ratio"
        return AuditRow("seeds", title, "UNKNOWN", text, missing="a second seed")
    for run in runs:
        by_answers[run.method, run.spec["lq_ratio"], run.predictions.file].append(run)
    same = [" = ".join(r.name for r in alike) for alike in by_answers.values() if len(alike) > 1]
    text = "same predictions: " + "; ".join(first_few(same)) if same else "all predictions differ"
    return AuditRow("seeds", title, "FAIL" if same else "PASS", text)


def _trials(runs: Sequence[AuditedRun], studies: Sequence[AuditedRun]) -> AuditRow:
    """How many configurations of each method the folder holds: whoever has more was tuned more."""
    tried = _configurations(runs)
    of_tuning = [run for run in studies if run.spec["study"] == STUDY]
    others = [run for run in studies if run.spec["study"] != STUDY]
    more = {
        m: len(configurations)
        for m, configurations in _configurations(others).items()
        if m in tried
    }
    by_method = {
        method: [str(len(configurations))] for method, configurations in sorted(tried.items())
    }
    counts = sorted({len(configurations) for configurations in tried.values()})
    excused: tuple[AppliedException, ...] = ()
    if len(tried) < 2:
        text = f"{counts[0]} kept of {', '.join(tried)}, and no other method" if counts else "none"
        return AuditRow(
            "trials", "tuning trials", "UNKNOWN", text, (), by_method, "a second method"
        )
    if len(counts) > 1:
        most = [
            method for method, configurations in tried.items() if len(configurations) == counts[-1]
        ]
        verdict: AuditVerdict = "FAIL"
        text = f"{counts[0]} to {counts[-1]} configurations per method, most of {', '.join(most)}"
    else:
        verdict, text = "PASS", f"{counts[0]} configuration of every method is kept"
        if counts[0] > 1:
            text = f"{counts[0]} configurations of every method are kept"
    tuning = {len(configurations) for configurations in _configurations(of_tuning).values()}
    if tuning:
        text += f"; {' or '.join(map(str, sorted(tuning)))} trials of each method that was tuned"
        verdict = verdict if len(tuning) == 1 else "FAIL"
    if more and verdict == "PASS":
        verdict = "DECLARED EXCEPTION"
        (exception,) = (exception for exception in EXCEPTIONS if exception.check == "trials")
        count = sum(more.values())
        total = f"{count} configuration{'s' * (count > 1)} in studies"
        excused = (
            AppliedException(
                tuple(sorted(more)), total, "none", exception.reason, exception.source
            ),
        )
    text += "; what was thrown away left no record"
    return AuditRow("trials", "tuning trials", verdict, text, excused, by_method)


def _configurations(runs: Iterable[AuditedRun]) -> dict[str, set[str]]:
    """Roster name -> its protocols, as far as they differ from each other."""
    by_method: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        by_method[run.roster_name].add(repr(sorted(run.spec["protocol"].items())))
    return by_method


def first_few(texts: Sequence[str], most: int = 3) -> list[str]:
    """The first few, and how many more there are."""
    rest = len(texts) - most
    return [*texts[:most], *([f"and {rest} more"] if rest > 0 else [])]
