"""The pages of what there is: methods, data sets, the protocol, the open questions of the paper."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.data.datasets import SOURCES
from bench.protocol import variants
from bench.protocol.ambiguities import load
from bench.protocol.presets import sources
from bench.reporting.console import for_stdout, json_object
from bench.roster import ALIASES, METHODS, resolve

Rows = Sequence[Mapping[str, Any]]


def methods(*, as_json: bool = False) -> str:
    """The roster: title, source, how much of each method is known, and what it needs."""
    rows = [
        {
            "name": name,
            "title": method.title,
            "citation": method.citation,
            "in_paper": method.in_paper,
            "confidence": method.confidence,
            "needs": method.needs,
            "known": method.known,
            "version": method.version,
        }
        for name, method in METHODS.items()
    ]
    rows += [
        {**row, "name": alias, "title": f"the same as {row['name']}"}
        for alias, name in ALIASES.items()
        for row in rows
        if row["name"] == name
    ]
    return page("methods", rows, as_json=as_json)


def datasets(*, as_json: bool = False) -> str:
    """The data sets: what they are, how they are laid out, and where they come from."""
    rows = [
        {
            "name": name,
            "title": source.title,
            "real": source.real,
            "protocol": source.default_protocol,
            "layout": source.layout,
            "origin": source.origin,
        }
        for name, source in SOURCES.items()
    ]
    return page("datasets", rows, as_json=as_json)


def protocol(
    name: str = "paper", method: str = "", settings: str = "original", *, as_json: bool = False
) -> str:
    """Every setting of a named protocol with its value, unit and source.

    Args:
        method: With one, the values that it has under these settings, marked by their source.
        settings: "common", "default" or "original"; see `bench.protocol.variants`.

    Raises:
        RequestError: for an unknown name.
    """
    rows = sources(name)
    if method:
        changes = variants.changes(resolve(method)[0], name, settings)
        for row in rows:
            row["value"], row["source"] = changes.get(row["key"], (row["value"], row["source"]))
    return page("protocol", rows, as_json=as_json)


def ambiguities(*, as_json: bool = False) -> str:
    """The open questions of the paper, and the setting that decides each."""
    rows = [entry.as_row() for entry in load().values()]
    return page("ambiguities", rows, as_json=as_json)


def page(name: str, rows: Rows, *, as_json: bool = False) -> str:
    """A page as text, in colours if standard output is a terminal; no newline at the end.

    Args:
        name: "methods", "datasets", "protocol" or "ambiguities"; the key of the JSON object.
        rows: One dict a line; their keys are the column heads.
        as_json: One JSON object instead of aligned text.
    """
    if as_json:
        return json_object({name: list(rows)})
    return for_stdout(LAYOUTS[name](rows)).rstrip("\n")


def _grid(rows: Rows) -> Table:
    """A column for each key that any row has, in the order of first use."""
    heads = list(dict.fromkeys(key for row in rows for key in row))
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        grid.add_column(head.replace("_", " "), overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_text(row.get(head))) for head in heads))
    return grid


def _by_group(rows: Rows) -> Group:
    """The settings, one grid a group of the protocol, with how many are assumed."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(str(row["key"]).split(".")[0], []).append(row)
    parts: list[RenderableType] = []
    for name, members in groups.items():
        typed = [{**row, "value": _as_typed(row["value"])} for row in members]
        parts += [Text(name, style="bold"), _grid(typed)]
    assumed = sum(str(row["source"]).startswith("assumed") for row in rows)
    total = f"{len(rows)} settings, {assumed} of them assumed; change one with --set group.field="
    return Group(*parts, Text(total))


def _as_typed(value: Any) -> str:
    """A setting's value as `--set` reads it."""
    return value if isinstance(value, str) else json.dumps(value)


def _entries(rows: Rows) -> Group:
    """The open questions, a paragraph each; they are too long for columns."""
    parts: list[RenderableType] = []
    for row in rows:
        parts.append(Text.assemble((f"{row['id']} [{row['kind']}] ", "bold"), str(row["question"])))
        parts.append(_facts(row))
        parts.append(Text(""))
    switches = sum(bool(row["fields"]) for row in rows)
    return Group(*parts, Text(f"{len(rows)} open questions, {switches} of them switches"))


def _facts(row: Mapping[str, Any]) -> Table:
    quote = f"\u201c{row['quote']}\u201d" if row["quote"] else "says nothing"
    options = ", ".join((f"{row['default']} (default)", *row["options"][1:]))
    facts = {
        "said": quote,
        "options": options,
        "evidence": row["evidence"],
        "decided by": ", ".join(f"--set {name}=" for name in row["fields"]) or row["why"],
    }
    for option, assignments in row["bundles"].items():
        facts[f"{option}, in full"] = " ".join(f"--set {one}" for one in assignments)
    grid = Table.grid(padding=(0, 2))
    for head, text in facts.items():
        grid.add_row(Text(f"    {head}", style="dim"), Text(str(text)))
    return grid


def _text(value: Any) -> str:
    if value is None or value == "" or value == ():
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(item) for item in value) or "-"
    return str(value)


LAYOUTS: dict[str, Callable[[Rows], RenderableType]] = {
    "methods": _grid,
    "datasets": _grid,
    "protocol": _by_group,
    "ambiguities": _entries,
}
