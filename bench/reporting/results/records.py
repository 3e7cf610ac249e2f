"""Records with the state that today's versions give them, and what is not done."""

import time
from pathlib import Path
from typing import Any

import pandas as pd

from bench.evaluation import stored_runs
from bench.evaluation.stored_runs import DamagedRun, StoredRun
from bench.locking import described, owner_of
from bench.roster import METHODS
from bench.schemas import read_json
from bench.versions import DEGRADATION, ENGINE


def load(root: Path) -> pd.DataFrame:
    """All results below a folder, with `state`: "done", or "stale" where code has moved on."""
    records = stored_runs.load(root)
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

    States: done, stale, running (a process holds it; `why` if it is silent), damaged (a file of it
    cannot be read, so it counts as not done), failed, and interrupted (begun, nobody is on it,
    resumable).
    """
    return [_state(folder) for folder in stored_runs.folders(root)]


def _state(folder: Path) -> dict[str, Any]:
    run = stored_runs.read(folder)
    row: dict[str, Any] = {"id": folder.name, "why": "", **_named(folder, run)}
    row["age_seconds"] = round(time.time() - folder.lstat().st_mtime)
    if isinstance(run, StoredRun):
        state = state_of(run.row["versions"], run.spec["method"])
    elif folder.is_dir() and (owner := owner_of(folder)) is not None:
        state, row["why"] = "running", described(owner) if owner["silent_seconds"] else ""
    elif isinstance(run, DamagedRun):
        state, row["why"] = "damaged", str(run)
    elif (folder / "failure.json").is_file():
        state, row["why"] = "failed", read_json(folder / "failure.json")["why"]
    else:
        state = "interrupted"
    return {**row, "state": state}


def _named(folder: Path, run: StoredRun | DamagedRun | None) -> dict[str, Any]:
    """What a run is; of one without a spec that can be read, what its folder says."""
    path = folder / "spec.json"
    if isinstance(run, DamagedRun) or not path.is_file():
        names = {"dataset": folder.parts[-3], "method": folder.parts[-2]}
        return names | {"lq_ratio": "?", "seed": -1}
    spec = run.spec if run else read_json(path, stored_runs.UNFINISHED["spec.json"])["spec"]
    return {name: spec[name] for name in ("dataset", "method", "lq_ratio", "seed")}
