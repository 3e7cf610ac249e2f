"""What is behind a cell, as lines of text or as one JSON object."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.text import Text

from bench.evaluation.statistics import Interval
from bench.reporting.console import for_stdout, json_object
from bench.reporting.results.verdicts import DELTA
from bench.reporting.tracing.explain import Facts


def explain_page(facts: Facts, *, as_json: bool = False) -> str:
    """The facts of `bench.reporting.tracing.explain` for a reader; no newline at the end."""
    if as_json:
        return json_object(facts)
    parts = [Text(str(facts["cell"]), style="bold")]
    parts += [Text(f"  {line}") for line in _head(facts)]
    for title, lines in BLOCKS.items():
        shown = list(lines(facts))
        parts += [Text(title, style="bold")] if shown else []
        parts += [Text(f"  {line}") for line in shown]
    return for_stdout(Group(*parts)).rstrip("\n")


def _head(facts: Facts) -> Iterator[str]:
    yield facts["table"]
    yield f"{facts['row']}: {facts['score'] or 'main score'}: {facts['printed']}"
    for note in facts.get("footnotes", ()):
        yield f"{note['mark']}  {note['text']}"


def _runs(facts: Facts) -> Iterator[str]:
    for run in facts["runs"]:
        made = f"{run['date'] or 'date unknown'}, {run['seconds']:g} s, commit {run['commit']}"
        yield f"seed {run['seed']}  {run['score']!r}  {run['id']}  {run['state']}"
        yield f"  {made}"
        yield f"  {run['folder']}"
    if facts.get("left_out"):
        yield f"left out, of older code: {', '.join(facts['left_out'])}"


def _interval(facts: Facts) -> Iterator[str]:
    estimate = facts["estimate"]
    if estimate is None:
        return
    seeds, patients = estimate["seeds"], estimate["patients"]
    yield f"mean {estimate['mean']!r} of {seeds} seeds, {patients:,} patients"
    yield f"v_img {estimate['v_img']:.4g}: another sample of patients, these runs given"
    if estimate["seeds"] > 1:
        yield (
            f"v_seed {estimate['v_seed']:.4g}: another choice of seeds "
            f"(their sd {estimate['seed_sd']:.4g}, squared, by {estimate['seeds']})"
        )
    if estimate["interval"] is None:
        yield f"no interval: {estimate['why_not']}"
        return
    yield f"standard error {estimate['standard_error']:.4g}: root of v_seed + v_img"
    yield (
        f"95 % interval {_ends(estimate['interval'])}: Student's t with "
        f"{estimate['degrees_of_freedom']:.4g} degrees of freedom (Satterthwaite)"
    )
    these = _ends(estimate["interval_of_these_runs"])
    yield f"patients alone {these}: of these trained networks only"
    yield f"one further run is expected in {_ends(estimate['prediction_interval'])} (95 %)"


def _ends(interval: Interval) -> str:
    return f"{interval.low:.6f} to {interval.high:.6f}"


def _published(facts: Facts) -> Iterator[str]:
    printed = facts["published"]
    if "readings" in printed:
        heads = ("under this table's own header", "with the two headers swapped (D35)")
        verdicts = printed.get("verdicts", ("", ""))
        for value, head, verdict in zip(printed["readings"], heads, verdicts, strict=True):
            yield f"{value:.4f} {head}" + (f": {verdict}, delta {DELTA}" if verdict else "")
        if printed["note"]:
            yield printed["note"]
    if "why_not" in printed:
        yield f"no verdict: {printed['why_not']}"


def _protocol(facts: Facts) -> Iterator[str]:
    protocol = facts.get("protocol")
    if protocol is None:
        return
    versions = ", ".join(
        f"{name} {number}" for name, number in sorted(protocol["versions"].items())
    )
    yield f"{protocol['name']}, key {protocol['key']}, settings {protocol['settings']}"
    yield f"versions: {versions}"
    for key, (value, usual) in protocol["differs"].items():
        yield f"{key} = {_value(value)} ({protocol['name']} today: {_value(usual)})"
    if facts["runs"] and not protocol["differs"]:
        yield f"every setting as {protocol['name']} has it today"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _commands(facts: Facts) -> Iterator[str]:
    yield from (run["command"] for run in facts["runs"])
    if facts["runs"]:
        yield facts["again"]


def _environment(facts: Facts) -> Iterator[str]:
    for name, values in facts.get("environment", {}).items():
        yield f"{name}: {' | '.join(values)}"


def _missing(facts: Facts) -> Iterator[str]:
    yield from (run["command"] for run in facts["missing"])


BLOCKS = {
    "runs": _runs,
    "how sure": _interval,
    "published": _published,
    "protocol": _protocol,
    "commands": _commands,
    "environment": _environment,
    "missing; made by": _missing,
}
