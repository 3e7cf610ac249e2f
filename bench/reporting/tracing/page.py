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
        found = list(lines(facts))
        parts += [Text(title, style="bold")] if found else []
        parts += [Text(f"  {line}") for line in found]
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
    found = facts["estimate"]
    if found is None:
        return
    yield f"mean {found['mean']!r} of {found['seeds']} seeds, {found['patients']:,} patients"
    yield f"v_img {found['v_img']:.4g}: another sample of patients, these runs given"
    if found["seeds"] > 1:
        yield (
            f"v_seed {found['v_seed']:.4g}: another choice of seeds "
            f"(their sd {found['seed_sd']:.4g}, squared, by {found['seeds']})"
        )
    if found["interval"] is None:
        yield f"no interval: {found['why_not']}"
        return
    yield f"standard error {found['standard_error']:.4g}: root of v_seed + v_img"
    yield (
        f"95 % interval {_ends(found['interval'])}: Student's t with "
        f"{found['degrees_of_freedom']:.4g} degrees of freedom (Satterthwaite)"
    )
    yield f"patients alone {_ends(found['interval_of_these_runs'])}: of these trained networks only"
    yield f"one further run is expected in {_ends(found['prediction_interval'])} (95 %)"


def _ends(interval: Interval) -> str:
    return f"{interval.low:.6f} to {interval.high:.6f}"


def _published(facts: Facts) -> Iterator[str]:
    found = facts["published"]
    if "readings" in found:
        heads = ("under this table's own header", "with the two headers swapped (D35)")
        said = found.get("verdicts", ("", ""))
        for value, head, verdict in zip(found["readings"], heads, said, strict=True):
            yield f"{value:.4f} {head}" + (f": {verdict}, delta {DELTA}" if verdict else "")
        if found["note"]:
            yield found["note"]
    if "why_not" in found:
        yield f"no verdict: {found['why_not']}"


def _protocol(facts: Facts) -> Iterator[str]:
    found = facts.get("protocol")
    if found is None:
        return
    versions = ", ".join(f"{name} {number}" for name, number in sorted(found["versions"].items()))
    yield f"{found['name']}, key {found['key']}, settings {found['settings']}"
    yield f"versions: {versions}"
    for key, (value, usual) in found["differs"].items():
        yield f"{key} = {_value(value)} ({found['name']} today: {_value(usual)})"
    if facts["runs"] and not found["differs"]:
        yield f"every setting as {found['name']} has it today"


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
