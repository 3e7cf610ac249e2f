"""Which records may share a table; whatever is unequal is refused with the way out."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from bench.errors import NotComparable, RequestError
from bench.experiments import TABLE1
from bench.protocol.presets import flatten
from bench.roster import METHODS

SHORTEST_KEY = 4


class ComparableRuns(NamedTuple):
    """The records of one data set that may share a table.

    Attributes:
        dataset: Its name.
        records: All under one comparability key; never empty.
        outdated: How many runs of another key were left out, as stale or of an older preset.
    """

    dataset: str
    records: pd.DataFrame
    outdated: int


def comparable_groups(records: pd.DataFrame, protocol: str | None) -> list[ComparableRuns]:
    """The records by data set, each set under one comparability key, studies left out.

    Versions of engine and degradations are part of the key, so stale runs may have a key of their
    own, and so have those of what a preset was before it changed. Where there are runs of the
    present code and of today's preset, those do not stand in the way.

    Args:
        records: One row a run, as `bench.reporting.results.records.load` gives them; may be empty.
        protocol: Name of a protocol, or a comparability key or its first digits; None for all.

    Returns:
        One group a data set, the paper's first.

    Raises:
        NotComparable: if a data set is left with two keys, two device kinds, or two finished runs
            of one method, ratio and seed.
        RequestError: if the protocol selects nothing.
    """
    if records.empty:
        return []
    records = _selected(records.loc[records["study"].isna()], protocol)
    papers = [name for name, _ in TABLE1.columns]
    names = sorted(set(records["dataset"]), key=lambda name: (name not in papers, name))
    return [_group(name, records.loc[records["dataset"] == name]) for name in names]


def whole(records: pd.DataFrame) -> bool:
    """Whether the runs saw a real data set, all of it, with its own labels."""
    runs = records.to_dict("records")
    shuffled = any(settings_of(run["protocol"]).get("data.shuffle_labels") for run in runs)
    cut = any(limited(run) is not False for run in runs)
    return all(records["real"]) and not any(records["partial"]) and not shuffled and not cut


def limited(run: Mapping[Any, Any]) -> bool | None:
    """Whether `data.limit` left images of the data set out; None if an older record cannot say."""
    if not settings_of(run["protocol"]).get("data.limit"):
        return False
    if run.get("limited") in (True, False):
        return bool(run["limited"])
    return any("data.limit=" in sentence for sentence in run["assumptions"]) or None


def settings_of(protocol: dict[str, Any]) -> dict[str, Any]:
    """A record's protocol as {"group.field": value}, with what stands beside the groups."""
    groups = {name: body for name, body in protocol.items() if isinstance(body, dict)}
    return {**flatten(groups), **{k: v for k, v in protocol.items() if k not in groups}}


def _group(dataset: str, runs: pd.DataFrame) -> ComparableRuns:
    done = runs["state"] == "done"
    present = set(runs.loc[done & runs["of_todays_preset"].astype(bool), "key"])
    present = present or set(runs.loc[done, "key"]) or set(runs["key"])
    kept = _named_apart(runs.loc[[key in present for key in runs["key"]]])
    _refuse_two_keys(dataset, kept)
    _refuse_two_devices(dataset, kept)
    _refuse_duplicates(dataset, kept)
    return ComparableRuns(dataset, kept, len(runs) - len(kept))


def _selected(records: pd.DataFrame, protocol: str | None) -> pd.DataFrame:
    if protocol is None or records.empty:
        return records
    keys = records["key"].astype(str)
    chosen = records["protocol_name"] == protocol
    if len(protocol) >= SHORTEST_KEY:
        chosen |= keys.str.startswith(protocol)
    if not any(chosen):
        choices = sorted(
            {f"{n} ({k})" for n, k in zip(records["protocol_name"], keys, strict=True)}
        )
        raise RequestError(
            f"--protocol {protocol}: no run has it; choose one of: {', '.join(choices)}"
        )
    return records.loc[chosen]


def _named_apart(records: pd.DataFrame) -> pd.DataFrame:
    """Two versions of a user's own file are two methods, told apart by the file's digest."""
    if "method_digest" not in records:
        return records
    records = records.copy()
    for method, runs in records.groupby("method"):
        if len(set(runs["method_digest"])) > 1:
            tags = runs["method_digest"].str.slice(0, 6)
            records.loc[runs.index, "method"] = [f"{method} @{tag}" for tag in tags]
    return records


def _refuse_two_keys(dataset: str, records: pd.DataFrame) -> None:
    groups = {str(key): runs for key, runs in records.groupby("key")}
    if len(groups) < 2:
        return
    names = {key: str(runs["protocol_name"].iloc[0]) for key, runs in groups.items()}
    shared = Counter(names.values())
    lines = [f"{dataset}: runs of {len(groups)} protocols never share a table; add one of"]
    for key, runs in groups.items():
        flag = names[key] if shared[names[key]] == 1 else key
        lines.append(f"  --protocol {flag}   {len(runs)} runs, {names[key]} ({key})")
    lines += ["they differ in", *_differences(groups)]
    raise NotComparable("\n".join(lines))


def _differences(groups: dict[str, pd.DataFrame]) -> list[str]:
    """One line a setting that is not the same under every key."""
    method_groups = {group for method in METHODS.values() for group in method.groups}
    by_key = [_all_settings(runs) for runs in groups.values()]
    lines = []
    for name in dict.fromkeys(name for settings in by_key for name in settings):
        values = [" or ".join(sorted(settings.get(name, {"absent"}))) for settings in by_key]
        if len(set(values)) > 1 and name.split(".")[0] not in method_groups:
            lines.append(f"  {name}: {' | '.join(values)}")
    return lines or ["  nothing that the records show"]


def _all_settings(runs: pd.DataFrame) -> dict[str, set[str]]:
    """Every setting with all values that it takes in these runs."""
    result: dict[str, set[str]] = {}
    for run in runs.to_dict("records"):
        # The version of a method makes a run stale, not incomparable.
        versions = {f"{k}.version": v for k, v in run["versions"].items() if k != "method"}
        settings = settings_of(run["protocol"]) | versions | {"settings": run["settings"]}
        for name, value in settings.items():
            result.setdefault(name, set()).add(str(value))
    return result


def _refuse_two_devices(dataset: str, records: pd.DataFrame) -> None:
    if "device" not in records or len(set(records["device"])) < 2:
        return
    counts = Counter(records["device"])
    kinds = ", ".join(f"{n} on {kind}" for kind, n in sorted(counts.items()))
    raise NotComparable(
        f"{dataset}: runs on two kinds of device never share a table ({kinds}); "
        "keep each kind in a folder of its own and name it with --records DIR"
    )


def _refuse_duplicates(dataset: str, records: pd.DataFrame) -> None:
    done = records.loc[records["state"] == "done"]
    for cell, runs in done.groupby(["method", "lq_ratio", "seed"]):
        if len(runs) > 1:
            raise NotComparable(
                f"{dataset}: {len(runs)} finished runs of {' '.join(map(str, cell))} differ in "
                f"something that their key leaves out (ids {', '.join(sorted(runs['id']))}); "
                "name a folder that has only one of them with --records DIR"
            )
