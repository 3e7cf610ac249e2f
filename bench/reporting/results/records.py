"""Records with the state that today's versions give them, and what is not done."""

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd

from bench import store
from bench.locking import described, owner_of
from bench.roster import METHODS
from bench.versions import DEGRADATION, ENGINE


def load(root: Path) -> pd.DataFrame:
    """All results below a folder, with `state`: "done", or "stale" where code has moved on."""
    records = store.load(root)
    if not records.empty:
        records["state"] = [
            state_of(versions, str(method).partition("[")[0])
            for versions, method in zip(records["versions"], records["method"], strict=True)
        ]
    return records


def state_of(versions: dict[str, int], method: str) -> str:
    """Whether a record's versions are today's."""
    current = {"engine": ENGINE, "degradation": DEGRADATION}
    if method in METHODS:
        current["method"] = METHODS[method].version
    return "done" if all(versions[name] == value for name, value in current.items()) else "stale"


def newest(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of the present code; without any, the stale ones of the latest version."""
    done = runs.loc[runs["state"] == "done"]
    if not done.empty:
        return done
    versions = [version["method"] for version in runs["versions"]]
    return runs.loc[[version == max(versions) for version in versions]]


def states(root: Path) -> list[dict[str, Any]]:
    """Every run folder below `root` as a row: state, what it is, and why it failed.

    States: done, stale, running (a process holds it; `why` if it is silent), failed, and
    interrupted (begun, nobody is on it, resumable).
    """
    folders = sorted(path.parent for path in root.glob("*/*/*/spec.json"))
    failed = sorted(path.parent for path in root.glob("*/*/*/failure.json"))
    return [_state(folder) for folder in dict.fromkeys([*folders, *failed])]


def _state(folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"id": folder.name, "why": "", **_named(folder)}
    row["age_seconds"] = round(time.time() - folder.stat().st_mtime)
    if store.is_done(folder):
        record = store.record(folder)
        state = state_of(record["versions"], record["method"].partition("[")[0])
    elif (owner := owner_of(folder)) is not None:
        state, row["why"] = "running", described(owner) if owner["silent_seconds"] else ""
    elif (folder / "failure.json").is_file():
        state, row["why"] = "failed", json.loads((folder / "failure.json").read_text())["why"]
    else:
        state = "interrupted"
    return {**row, "state": state}


def _named(folder: Path) -> dict[str, Any]:
    """What a run is; of one that failed before its spec was written, what its folder says."""
    path = folder / "spec.json"
    if not path.is_file():
        names = {"dataset": folder.parts[-3], "method": folder.parts[-2]}
        return names | {"lq_ratio": "?", "seed": -1}
    spec = json.loads(path.read_text())["spec"]
    return {name: spec[name] for name in ("dataset", "method", "lq_ratio", "seed")}
