"""The runs below a folder as they are read: each whole and consistent, or damaged and named.

This is the one place that decides what a stored run is. A folder with a DONE is read file by file;
the first file that is not what it must be makes the run a damaged one, which counts as not done.
"""

import json
import math
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import store
from bench.evaluation import contradictions, gates, measures, registry, training_cost
from bench.evaluation.metrics import tuned_thresholds
from bench.evaluation.stored_files import read_embeddings, read_predictions, read_saliency
from bench.schemas import DamagedFile, read_bytes, read_events, read_json

MARKS = ("spec.json", "failure.json", "DONE")
"""Files of which one makes a folder that of a run."""
USUAL_ROOT = Path("results/runs")
SAME = 1e-9


@dataclass(frozen=True)
class StoredRun:
    """A finished run, every file of it read and checked.

    Attributes:
        saved: `spec.json`: `id`, `key`, `spec` and `about`.
        scores: `metrics.json`, by split.
        origin: `provenance.json`.
        events: Lines of `events.jsonl`.
    """

    folder: Path
    saved: dict[str, Any]
    scores: dict[str, dict[str, Any]]
    origin: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def spec(self) -> dict[str, Any]:
        """Its identity."""
        return self.saved["spec"]

    @property
    def about(self) -> dict[str, Any]:
        """What pages say of it; what follows from the spec was compared with it."""
        return self.saved["about"]

    @property
    def row(self) -> dict[str, Any]:
        """Identity, proportions of low quality, and the test split's scores, in one row."""
        spec, about, test = self.spec, self.about, self.scores["test"]
        row = {
            "id": self.saved["id"],
            "key": self.saved["key"],
            "folder": self.folder,
            "dataset": spec["dataset"],
            "method": spec["method"] + about["changed_options"],
            "method_digest": spec["method_digest"],
            "lq_ratio": spec["lq_ratio"],
            "seed": spec["seed"],
            "settings": spec["settings"],
            "study": spec["study"],
            "protocol": {**spec["protocol"], "manifest": spec["manifest"]["key"]},
            "versions": {**spec["versions"], "method": spec["method_version"]},
            "protocol_name": about["protocol_name"],
            "of_todays_preset": contradictions.is_of_today(self.saved),
            "real": contradictions.is_real(spec),
            "partial": about["partial"],
            **{name: about.get(name) for name in ("limited", "tuned", "kind")},  # None in older
            "boxes": about["boxes"],
            "assumptions": tuple(about["assumptions"]),
            **{f"share_{split}": proportion for split, proportion in about["shares"].items()},
            "n_test": int(test["n"]),
            "device": self.origin["device"],
            "classes": tuple(about.get("classes", ())),
            "shared_by_splits": (self.origin.get("leakage") or {}).get("shared"),  # None in older
            "gates_missed": self.gates_missed,
            **training_cost.of_events(self.events),
            **gates.told(str(about["kind"]), self.scores["validation"]),
        }
        return row | {k: math.nan if v is None else v for k, v in test.items() if k != "n"}

    @property
    def gates_missed(self) -> tuple[tuple[str, str], ...]:
        """What a stage was to reach and did not, and what it reached: two texts each."""
        gates = [event["gate"] for event in self.events if event.get("gate")]
        return tuple((gate["demand"], gate["sentence"]) for gate in gates if not gate["passed"])


@dataclass(frozen=True)
class DamagedRun:
    """A folder that is no result, since one of its files is not what it must be.

    Attributes:
        folder: Of the run, or what stands in its place.
        file: Name of the file.
        why: What is wrong with it.
    """

    folder: Path
    file: str
    why: str

    def __str__(self) -> str:
        return f"damaged: {self.file} of {self.folder} ({self.why}); {self.way_out}"

    @property
    def way_out(self) -> str:
        """The run's own command, from what can be read of it; else the folder's removal."""
        remove = f"rm -r {shlex.quote(str(self.folder))}"
        command = _command(self.folder)
        if command is None:
            return f"remove it: {remove}"
        root = self.folder.parents[2]
        elsewhere = "" if root == USUAL_ROOT else f" --results {shlex.quote(str(root))}"
        return f"run it again: {command}{elsewhere}, or remove it: {remove}"


def folders(root: Path) -> list[Path]:
    """Every folder below `root` that is or should be a run's, ordered by name.

    Hidden names are none of ours, nor is what lies at another depth. A plain file where a folder
    named by an id belongs is told, since it blocks that run.
    """
    places = [path for path in Path(root).glob("*/*/*") if not _is_hidden(root, path)]
    return sorted(path for path in places if _is_marked(path) or _is_in_the_way(path))


def read(folder: Path) -> StoredRun | DamagedRun | None:
    """A finished run, or what is damaged in it; None for a run that is not finished.

    A run that is not finished may be damaged, too: then it has no name or no reason that can be
    read.
    """
    try:
        if not folder.is_dir():
            raise DamagedFile(folder, "a file stands where a run's folder belongs")
        if os.path.lexists(folder / "DONE"):
            return _finished(folder)
        for name, schema in UNFINISHED.items():
            if os.path.lexists(folder / name):
                read_json(folder / name, schema)
    except DamagedFile as error:
        return DamagedRun(folder, error.path.name, error.why)
    return None


UNFINISHED = {"spec.json": "spec.json of an unfinished run", "failure.json": "failure.json"}
"""What a run that is not finished is shown by, each with its schema."""


def read_all(root: Path) -> list[StoredRun]:
    """All finished runs below a folder, ordered by their folders; damaged ones are left out."""
    return [run for run in map(read, folders(root)) if isinstance(run, StoredRun)]


def damaged(root: Path) -> list[DamagedRun]:
    """What `read_all` leaves out, and unfinished runs of which nothing can be read."""
    return [run for run in map(read, folders(root)) if isinstance(run, DamagedRun)]


def load(root: Path) -> pd.DataFrame:
    """All finished runs below a folder, one row per run; see `StoredRun.row` for the columns."""
    return pd.DataFrame([run.row for run in read_all(root)])


def is_result(folder: Path) -> bool:
    """Whether a folder holds a finished run that can be read."""
    return isinstance(read(folder), StoredRun)


def record(folder: Path) -> dict[str, Any]:
    """The row of a finished run.

    Raises:
        DamagedFile: naming what is wrong with it.
    """
    return _finished(folder).row


def same(stored: float | None, computed: float | None) -> bool:
    """Within rounding; undefined scores are stored as null."""
    if stored is None or computed is None or math.isnan(computed):
        return stored is None and computed is not None and math.isnan(computed)
    return math.isclose(stored, computed, rel_tol=0, abs_tol=SAME)


def pointing_scores(maps: dict[str, np.ndarray]) -> dict[str, float]:
    """The pointing game's score and its chance from `saliency.npz`; nan without any box."""
    pairs = (("pointing_game", "hit"), ("pointing_chance", "chance"))
    return {name: measures.mean(maps[array].astype(float)) for name, array in pairs}


def _finished(folder: Path) -> StoredRun:
    """Raises DamagedFile, naming what is wrong."""
    digests = store.sealed(folder)
    names = ("spec.json", "metrics.json", "provenance.json")
    saved, scores, origin = (read_json(folder / name) for name in names)
    run = StoredRun(
        folder, saved, scores, origin, read_events(folder / store.EVENTS, finished=True)
    )
    key = (folder.resolve(), tuple(sorted(digests.items())))
    if key not in _CHECKED:
        _CHECKED[key] = _first_fault(run, set(digests))
    if fault := _CHECKED[key]:
        raise DamagedFile(folder / fault[0], fault[1])
    return run


_CHECKED: dict[Any, tuple[str, str] | None] = {}
"""What is wrong in files with these digests; the same bytes are looked at once per process."""


def _first_fault(run: StoredRun, names: set[str]) -> tuple[str, str] | None:
    try:
        return next(_faults(run, names), None)
    except DamagedFile as error:
        return error.path.name, error.why


def _faults(run: StoredRun, names: set[str]) -> Iterator[tuple[str, str]]:
    """What is wrong in files of which each is of the right type: (file, why)."""
    folder, saved, scores, origin = run.folder, run.saved, run.scores, run.origin
    yield from (("spec.json", why) for why in contradictions.in_spec(folder, saved))
    if origin["command"] != saved["about"]["command"]:
        yield "provenance.json", f"its command is not that of spec.json: {origin['command']}"
    rows = read_predictions(folder / "predictions.parquet")
    yield from (("predictions.parquet", why) for why in contradictions.in_predictions(saved, rows))
    computed = _printed(rows, saved["about"]["kind"])
    if "saliency.npz" in names:
        computed |= pointing_scores(read_saliency(folder / "saliency.npz"))
    if "embeddings.npz" in names:
        read_embeddings(folder / "embeddings.npz")
    for why in gates.faults(rows, saved["about"]["kind"], scores["validation"]):
        yield "metrics.json", why
    for name, value in computed.items():
        stored = scores["test"].get(name)
        if name in scores["test"] and not same(stored, value):
            yield "metrics.json", f"test {name} is {stored}, the predictions give {value}"
    if missing := sorted(MEASURED - scores["test"].keys()):
        yield "metrics.json", f"test has no {', '.join(missing)}"


MEASURED = {"n", "majority"}
"""Scores that every record has, whatever its version."""


def _printed(rows: pd.DataFrame, kind: str) -> dict[str, float]:
    """What tables print of the test split, from the predictions."""
    test = rows.loc[(rows["split"] == "test").to_numpy()]
    probabilities = test[[name for name in rows if name.startswith("p_")]].to_numpy(np.float64)
    labels = test["label"] if kind == "grading" else test[_labels(rows)]
    thresholds = None
    if kind == "findings":
        validation = rows.loc[(rows["split"] == "validation").to_numpy()]
        thresholds = tuned_thresholds(validation, probabilities.shape[1])
    truth = labels.to_numpy(np.int64)
    values = {m.name: m.value(truth, probabilities, thresholds) for m in registry.printed(kind)}
    return {"n": float(len(test)), **values}


def _labels(rows: pd.DataFrame) -> list[str]:
    return [f"label_{number}" for number in range(sum(n.startswith("label_") for n in rows))]


def _is_hidden(root: Path, path: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _is_marked(path: Path) -> bool:
    return path.is_dir() and any(os.path.lexists(path / name) for name in MARKS)


def _is_in_the_way(path: Path) -> bool:
    """Whether it is no folder and has a run's name."""
    name = path.name
    return not path.is_dir() and len(name) == 12 and set(name) <= set("0123456789abcdef")


def _command(folder: Path) -> str | None:
    """The command of a run, where a file of it still says so."""
    for name in ("spec.json", "provenance.json"):
        try:
            content = json.loads(read_bytes(folder / name))
            command = content.get("about", content)["command"]
        except (DamagedFile, ValueError, LookupError, AttributeError, TypeError, RecursionError):
            continue  # the next file may say it
        if isinstance(command, str) and command.isprintable() and command.startswith("bench run "):
            return command
    return None
