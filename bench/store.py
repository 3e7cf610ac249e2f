"""Run folders: a run's identity, and how its files are written and sealed.

A run is a folder `<root>/<dataset>/<method>/<id>/`, named by a hash of everything that can change
its numbers. A file is replaced, never edited, and `DONE` is written last with the digests of the
others: whatever lacks a valid `DONE` is not a result. How results are read and checked is
`bench.evaluation.stored_runs`. Nothing here imports torch.
"""

import hashlib
import io
import json
import math
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import locking
from bench.errors import LostLock
from bench.schemas import DamagedFile, read_events, read_json

RECORDED = ("spec.json", "provenance.json", "metrics.json", "predictions.parquet")
ARTEFACTS = ("saliency.npz", "embeddings.npz")
"""Recorded where a run has them."""
EVENTS = "events.jsonl"
"""Recorded too; records of older versions have it without a digest in DONE."""


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
        settings: "common", "default" or "original"; see `bench.protocol.variants`.
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

    def key(self, own_groups: tuple[str, ...], tuned: Mapping[str, Any] | None = None) -> str:
        """The comparability key: equal for runs that may stand in one table.

        Args:
            own_groups: Protocol groups that are the method's own options.
            tuned: The preset's values ("group.field" -> value) of what is tuned for each method:
                they stand for the run's; None where the preset's settings are not tuned.
        """
        left_out = (*own_groups, "resolved")
        protocol = {name: body for name, body in self.protocol.items() if name not in left_out}
        for name, value in (tuned or {}).items():
            group, _, field = name.partition(".")
            protocol[group] = {**protocol[group], field: value}
        settings = self.settings if tuned is None else f"{self.settings}, tuned"
        shared = (protocol, self.manifest["key"], settings, self.versions, self.world_size)
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
    present = [name for name in (*ARTEFACTS, EVENTS) if (folder / name).is_file()]
    names = (*RECORDED, *present)
    write_json(folder / "DONE", {name: file_digest(folder / name) for name in names})


def is_done(folder: Path) -> bool:
    """Whether a folder holds a result: DONE is there and every digest in it holds."""
    try:
        sealed(folder)
    except DamagedFile:
        return False
    return True


def sealed(folder: Path) -> dict[str, str]:
    """The digests in a folder's DONE, once each of them holds.

    Raises:
        DamagedFile: naming DONE, or the file that is not the one that it was written over.
    """
    done = folder / "DONE"
    digests: dict[str, str] = read_json(done)
    for name in RECORDED:
        if name not in digests:
            raise DamagedFile(done, f"says nothing of {name}")
    for name, digest in digests.items():
        if Path(name).name != name:
            raise DamagedFile(done, f"names {name!r}, which is no file of the folder")
        if _digest_of(folder / name) != digest:
            raise DamagedFile(folder / name, "not the file that DONE was written over")
    return digests


def _digest_of(path: Path) -> str:
    if not path.is_file():
        raise DamagedFile(path, "missing, or no plain file")
    try:
        return file_digest(path)
    except OSError as error:
        raise DamagedFile(path, f"cannot be read ({error.strerror or error})") from error


def set_aside(path: Path) -> Path:
    """Rename what cannot be used to `<name>.damaged`, or .damaged2 and so on; its new path."""
    number, free = 1, path.with_name(f"{path.name}.damaged")
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}.damaged{number}")
    path.rename(free)
    return free


def blocked_by(folder: Path) -> Path | None:
    """What stands where a folder, or one that it lies in, is to be made and is no folder."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    return None if there.is_dir() else there


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
        """All complete lines; a last line cut short by a crash is left out.

        Raises:
            DamagedFile: naming the first line that is no event.
        """
        return read_events(self.path)


def without_nan(value: Any) -> Any:
    """The value with nan as None and NumPy scalars as Python's, as JSON needs it."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
