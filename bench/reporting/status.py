"""What is running, failed, stale, missing and done: one line for all seeds that share a fate."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.reporting.console import for_stdout, json_object, plain

STYLES = {
    "running": "cyan",
    "failed": "red",
    "interrupted": "yellow",
    "stale": "yellow",
    "missing": "dim",
    "done": "green",
}
NOTHING = (
    "No runs here yet. Start one, without any download:\n"
    "  bench run --method resnet50 --dataset eyeq-twin --protocol smoke"
)
HEADS = ("", "data set", "ratio", "method", "seeds", "last sign", "why")
State = dict[str, Any]


def status_page(states: Sequence[State], *, as_json: bool = False) -> str:
    """The status as text, in colours if standard output is a terminal.

    Args:
        states: One dict a run: `state` ("running", "failed", "interrupted", "stale", "missing" or
            "done"), `dataset`, `method`, `lq_ratio`, `seed` (-1 unknown), `id`, `why` (text or
            None) and `age_seconds` (since its last sign of life, or None).
        as_json: One JSON object with the states as they are.
    """
    if as_json:
        return json_object({"runs": list(states)})
    return for_stdout(_page(states)).rstrip("\n")


def status_lines(states: Sequence[State]) -> list[str]:
    """The status as plain lines; `states` as for `status_page`."""
    return plain(_page(states)).splitlines()


def age(seconds: float | None) -> str:
    """A span of time in its largest unit: "40 s", "12 min", "3 h", "2 d"."""
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _page(states: Sequence[State]) -> Group | Text:
    if not states:
        return Text(NOTHING)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in HEADS:
        grid.add_column(head)
    for group in _alike(states):
        grid.add_row(*_row(group))
    return Group(grid, Text(_summary(states)))


def _alike(states: Sequence[State]) -> list[list[State]]:
    """Runs that differ in the seed alone, most urgent state first."""
    groups: dict[tuple[Any, ...], list[State]] = {}
    for state in sorted(states, key=lambda s: (list(STYLES).index(s["state"]), _place(s))):
        groups.setdefault((state["state"], *_place(state)[:3], state["why"] or ""), []).append(
            state
        )
    return list(groups.values())


def _place(state: State) -> tuple[str, str, str, int]:
    return state["dataset"], str(state["lq_ratio"]), state["method"], int(state["seed"])


def _row(group: Sequence[State]) -> list[Text]:
    first = group[0]
    seeds = ", ".join("?" if state["seed"] < 0 else str(state["seed"]) for state in group)
    ages = [state["age_seconds"] for state in group if state["age_seconds"] is not None]
    place = (first["dataset"], str(first["lq_ratio"]), first["method"], seeds)
    texts = [*place, age(min(ages, default=None)), first["why"] or ""]
    return [Text(first["state"], STYLES[first["state"]]), *(Text(text) for text in texts)]


def _summary(states: Sequence[State]) -> str:
    counts = Counter(state["state"] for state in states)
    return ", ".join(f"{counts[state]} {state}" for state in reversed(STYLES) if counts[state])
