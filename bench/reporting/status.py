"""What is running, failed, stale, missing and done: one line for all seeds that share a fate."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.data.datasets import source
from bench.experiments import SEEDS, RequiredRun, balanced, chosen, data_sets
from bench.reporting.console import for_stdout, json_object, plain
from bench.reporting.results.comparability import comparable_groups
from bench.reporting.results.records import load
from bench.reporting.results.records import states as states_below
from bench.roster import METHODS

STYLES = {
    "running": "cyan",
    "damaged": "red",
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
RunState = dict[str, Any]


def status_page(states: Sequence[RunState], *, as_json: bool = False) -> str:
    """The status as text, in colours if standard output is a terminal.

    Args:
        states: One dict a run: `state` ("running", "damaged", "failed", "interrupted", "stale",
            "missing" or "done"), `dataset`, `method`, `lq_ratio`, `seed` (-1 unknown), `id`, `why`
            (text or None) and `age_seconds` (since its last sign of life, or None).
        as_json: One JSON object with the states as they are.
    """
    if as_json:
        return json_object({"runs": list(states)})
    return for_stdout(status_grid(states)).rstrip("\n")


def status_of(
    root: Path,
    *,
    table: str | None = None,
    datasets: Sequence[str] = (),
    seeds: int = SEEDS,
    protocol: str | None = None,
    as_json: bool = False,
) -> str:
    """The status of the runs below a folder; with a table or data sets, also what they need.

    Args:
        root: Folder of run records.
        table: "1", "2", "3" or "all"; None for Table 1 if data sets are named.
        datasets: Only these; () for all.
        seeds: How many of each run are needed.
        protocol: Which finished runs count for the table, by name or key.

    Raises:
        RequestError: for a name that there is not.
        NotComparable: if a data set has finished runs of two protocols and none is named.
    """
    for name in datasets:
        source(name)
    states = [row for row in states_below(root) if not datasets or row["dataset"] in datasets]
    if table is not None or datasets:
        records = load(root)
        if datasets and not records.empty:
            records = records.loc[records["dataset"].isin(datasets)]
        needed = {"datasets": datasets, "seeds": seeds, "protocol": protocol}
        states += missing(states, records, tables=table or "1", **needed)
    return status_page(states, as_json=as_json)


def missing(
    states: Sequence[RunState],
    records: pd.DataFrame,
    *,
    tables: str,
    datasets: Sequence[str] = (),
    seeds: int = SEEDS,
    protocol: str | None = None,
) -> list[RunState]:
    """The runs that tables of the paper need and nobody has begun, as states.

    A run counts as there if the table would show it, or if it is stale, running, failed or
    interrupted; a finished run of a study or of another protocol than the table's does not.

    Args:
        states: What there is.
        records: The finished runs, as `bench.reporting.results.records.load` gives them.
        tables: "1", "2", "3" or "all".
        datasets: The data sets to ask for; () for those that `states` has, else the paper's own.
        seeds: How many of each.
        protocol: Which protocol counts, by name or key; None if there is only one.

    Raises:
        RequestError: for a table or protocol that there is not.
        NotComparable: if a data set has finished runs of two protocols and none is named.
    """
    experiments = chosen(tables)
    begun = dict.fromkeys(state["dataset"] for state in states)
    begun_names = [name for name in begun if any(e.stand_ins(name) for e in experiments)]
    present = {_cell(state) for state in states if state["state"] != "done"}
    for group in comparable_groups(records, protocol):
        present |= {_cell(run) for run in group.records.to_dict("records")}
    needed = balanced(experiments, datasets or begun_names or data_sets(experiments), seeds=seeds)
    return [_missing(cell) for cell in needed if cell not in present]


def _cell(run: Mapping[Any, Any]) -> RequiredRun:
    return RequiredRun(run["method"], run["dataset"], run["lq_ratio"], run["seed"])


def _missing(cell: RequiredRun) -> RunState:
    why = "" if cell.method in METHODS else "not in this version's roster"
    return {**cell._asdict(), "id": None, "state": "missing", "why": why, "age_seconds": None}


def status_lines(states: Sequence[RunState]) -> list[str]:
    """The status as plain lines; `states` as for `status_page`."""
    return plain(status_grid(states)).splitlines()


def status_grid(states: Sequence[RunState]) -> RenderableType:
    """The status to print with other things; `states` as for `status_page`."""
    if not states:
        return Text(NOTHING)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in HEADS:
        grid.add_column(head)
    for group in _alike(states):
        grid.add_row(*_row(group))
    return Group(grid, Text(_summary(states)))


def age(seconds: float | None) -> str:
    """A span of time in its largest unit: "40 s", "12 min", "3 h", "2 d"."""
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _alike(states: Sequence[RunState]) -> list[list[RunState]]:
    """Runs that differ in the seed alone, most urgent state first."""
    groups: dict[tuple[Any, ...], list[RunState]] = {}
    for state in sorted(states, key=lambda s: (list(STYLES).index(s["state"]), _place(s))):
        groups.setdefault((state["state"], *_place(state)[:3], state["why"] or ""), []).append(
            state
        )
    return list(groups.values())


def _place(state: RunState) -> tuple[str, str, str, int]:
    return state["dataset"], str(state["lq_ratio"]), state["method"], int(state["seed"])


def _row(group: Sequence[RunState]) -> list[Text]:
    first = group[0]
    seeds = ", ".join("?" if state["seed"] < 0 else str(state["seed"]) for state in group)
    ages = [state["age_seconds"] for state in group if state["age_seconds"] is not None]
    cells = (first["dataset"], str(first["lq_ratio"]), first["method"], seeds)
    texts = [*cells, age(min(ages, default=None)), first["why"] or ""]
    return [Text(first["state"], STYLES[first["state"]]), *(Text(text) for text in texts)]


def _summary(states: Sequence[RunState]) -> str:
    counts = Counter(state["state"] for state in states)
    return ", ".join(f"{counts[state]} {state}" for state in reversed(STYLES) if counts[state])
