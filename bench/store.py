"""Run folders: a run's identity, its files, and all runs as one table.

A run is a folder `<root>/<dataset>/<method>/<id>/`, named by a hash of everything that can change
its numbers. A file is replaced, never edited, and `DONE` is written last with the digests of the
others: whatever lacks a valid `DONE` is not a result. Nothing here imports torch.
"""

import hashlib
import io
import json
import math
import os
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import locking
from bench.errors import LostLock

RECORDED = ("spec.json", "provenance.json", "metrics.json", "predictions.parquet")
ARTEFACTS = ("saliency.npz", "embeddings.npz")
"""Recorded where a run has them."""


@dataclass(frozen=True)
class Spec:
    """All that can change a run's numbers; two runs with equal specs are one run.

    Attributes:
        method: Roster name, aliases resolved, or "file.py:Class".
        method_version: The roster's version of it.
        method_digest: Of a user's file; None for ours.
        dataset: Name of the data set.
        manifest: Digest of image contents, labels and splits, and what else describes the data.
        lq_ratio: "native", or the target ratio as text, for example "0.7".
        seed: The run's seed.
        protocol: Every setting, without groups that belong to other methods.
        settings: "common" or "original".
        versions: Of engine and degradation.
        world_size: Number of processes that train together.
        study: Name of a sensitivity study; such runs never enter the paper's tables.
    """

    method: str
    method_version: int
    method_digest: str | None
    dataset: str
    manifest: dict[str, Any]
    lq_ratio: str
    seed: int
    protocol: dict[str, dict[str, Any]]
    settings: str
    versions: dict[str, int]
    world_size: int = 1
    study: str | None = None

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the hash of the whole spec."""
        return digest(asdict(self))[:12]

    def key(self, own_groups: tuple[str, ...]) -> str:
        """The comparability key: equal for runs that may stand in one table.

        Args:
            own_groups: Protocol groups that are the method's own options.
        """
        left_out = (*own_groups, "resolved")
        protocol = {name: body for name, body in self.protocol.items() if name not in left_out}
        shared = (protocol, self.manifest["key"], self.settings, self.versions, self.world_size)
        return digest(shared)[:8]


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, independent of key order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_of(root: Path, spec: Spec) -> Path:
    """Where the run of a spec lives."""
    return root / spec.dataset / spec.method.replace(":", "-") / spec.id


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file atomically: a crash leaves the old content or the new one.

    Raises:
        LostLock: another process took over the folder, which this one had locked.
    """
    partial = partial_of(path)
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)  # there still is one where the disk was full


def partial_of(path: Path) -> Path:
    """A name beside a file, to write it under first; no process uses it twice or another's."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.partial")


def replace(partial: Path, path: Path) -> None:
    """Give a partial file its name, unless the folder's lock was lost meanwhile.

    The order is what keeps a process out that lost its lock: a new holder removes partial files.

    Raises:
        LostLock: another process took over the folder; the partial file is removed.
    """
    try:
        locking.check(path.parent)
        partial.replace(path)
    except FileNotFoundError:
        locking.check(path.parent)  # says why, if that is why
        raise
    except LostLock:
        partial.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file atomically; keys sorted, nan written as null."""
    text = json.dumps(without_nan(value), sort_keys=True, indent=1, ensure_ascii=False)
    write_bytes(path, text.encode() + b"\n")


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Replace a file of named arrays atomically, compressed, read without pickle."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # pyright: ignore[reportArgumentType]
    write_bytes(path, buffer.getvalue())


def write_predictions(path: Path, predictions: pd.DataFrame) -> None:
    """Replace a prediction table atomically, as zstd parquet."""
    write_bytes(path, predictions.to_parquet(None, index=False, compression="zstd"))


def finish(folder: Path) -> None:
    """Declare a run a result: DONE holds the digests of its files and is written last."""
    artefacts = [name for name in ARTEFACTS if (folder / name).is_file()]
    names = (*RECORDED, *artefacts)
    write_json(folder / "DONE", {name: file_digest(folder / name) for name in names})


def is_done(folder: Path) -> bool:
    """Whether a folder holds a result: DONE is there and every digest in it holds."""
    try:
        digests = json.loads((folder / "DONE").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return set(RECORDED) <= digests.keys() and all(
        (folder / name).is_file() and file_digest(folder / name) == digest
        for name, digest in digests.items()
    )


class EventLog:
    """`events.jsonl` of a run: one line per epoch, flushed to disk before training goes on."""

    def __init__(self, path: Path):
        self.path = path

    def append(self, event: dict[str, Any]) -> None:
        """Add one line and wait until it is on the disk."""
        locking.check(self.path.parent)
        with self.path.open("a") as file:
            file.write(json.dumps(without_nan(event), sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def forget(self, stage: str) -> None:
        """Drop a stage's lines; its training tells them again from its checkpoint."""
        kept = [event for event in self.read() if event["stage"] != stage]
        lines = [json.dumps(without_nan(event), sort_keys=True) + "\n" for event in kept]
        write_bytes(self.path, "".join(lines).encode())

    def read(self) -> list[dict[str, Any]]:
        """All complete lines; a last line cut short by a crash is left out."""
        if not self.path.is_file():
            return []
        lines = self.path.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]


def load(root: Path) -> pd.DataFrame:
    """All results below a folder, one row per run; see `record` for the columns."""
    folders = sorted(path.parent for path in Path(root).glob("*/*/*/DONE"))
    return pd.DataFrame([record(folder) for folder in folders if is_done(folder)])


def record(folder: Path) -> dict[str, Any]:
    """One run as a flat row: identity, proportions of low quality, and the test split's metrics."""
    saved = json.loads((folder / "spec.json").read_text())
    spec, about = saved["spec"], saved["about"]
    metrics = json.loads((folder / "metrics.json").read_text())
    origin = json.loads((folder / "provenance.json").read_text())
    row = {
        "id": saved["id"],
        "key": saved["key"],
        "folder": folder,
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
        "real": about["real"],
        "partial": about["partial"],
        "limited": about.get("limited"),  # None in older records
        "boxes": about["boxes"],
        "assumptions": tuple(about["assumptions"]),
        **{f"share_{split}": proportion for split, proportion in about["shares"].items()},
        "n_test": int(metrics["test"]["n"]),
        "device": origin["device"],
        "kind": about.get("kind"),
        "classes": tuple(about.get("classes", ())),
        "shared_by_splits": (origin.get("leakage") or {}).get("shared"),  # None in older records
    }
    numbers = {k: v for k, v in metrics["test"].items() if not isinstance(v, dict | list)}
    return {**row, **{k: math.nan if v is None else v for k, v in numbers.items() if k != "n"}}


def without_nan(value: Any) -> Any:
    """The value with nan as None and NumPy scalars as Python's, as JSON needs it."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
