"""Checkpoints: all that a resumed training must find as it was, in one file."""

import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from bench.errors import BenchError, RequestError
from bench.store import partial_of, replace

Event = dict[str, Any]
FIELDS = {"settings", "parts", "random", "history", "best"}


class CheckpointError(BenchError):
    """A checkpoint cannot be read or written; the message names the file and the way out."""


class Stateful(Protocol):
    """A module, an optimizer, a schedule, a scaler: anything with torch's two state methods."""

    def state_dict(self) -> Mapping[str, Any]:
        """Tensors, numbers and texts that restore this object."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Become what the state describes."""
        ...


@dataclass(frozen=True)
class BestEpoch:
    """The best epoch so far, counted from 1, with its score and its module's state."""

    epoch: int
    score: float
    weights: dict[str, Any]


def save_checkpoint(
    path: Path,
    parts: Mapping[str, Stateful],
    *,
    settings: Mapping[str, Any],
    history: list[Event],
    best: BestEpoch | None,
) -> None:
    """Store the parts and torch's random state; `path` holds the old file or the new one, whole.

    Args:
        path: the file; one that ends with `.partial` beside it is used while writing.
        parts: name to object, all that training changes.
        settings: numbers and texts that a resuming run must share.
        history: one event per epoch so far; its length is the epoch reached.
        best: the best epoch so far, if epochs are scored.

    Raises:
        CheckpointError: the disk refuses; the old checkpoint stands.
        LostLock: another process took over the folder, which this one had locked.
    """
    state = {
        "settings": dict(settings),
        "parts": {name: part.state_dict() for name, part in parts.items()},
        "random": _random_state(),
        "history": history,
        "best": None if best is None else vars(best),
    }
    partial = partial_of(path)
    try:
        _write_synced(partial, state)
        replace(partial, path)
    except OSError as error:
        raise CheckpointError(
            f"cannot write checkpoint {path}: {error.strerror or error}; "
            "the epoch before it is kept: mend the disk, then run the same command again"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def kept_in(path: Path) -> str:
    """What a message says of a checkpoint, which there is none of before the first epoch ends."""
    return f"finished epochs are kept in {path}" if path.is_file() else "no epoch was finished"


def restore_checkpoint(
    path: Path, parts: Mapping[str, Stateful], *, settings: Mapping[str, Any]
) -> tuple[list[Event], BestEpoch | None]:
    """Bring the parts and torch's random state to where `path` left them.

    Returns:
        The history and the best epoch so far; ([], None), and nothing changed, without a file.

    Raises:
        RequestError: the file was written under other settings.
        CheckpointError: the file is damaged, or the parts are not those that it was written from.
    """
    if not path.exists():
        return [], None
    state = _read_whole(path)
    _check_settings(path, state["settings"], settings)
    name = "run"
    try:
        for name, part in parts.items():
            part.load_state_dict(state["parts"][name])
        best = None if state["best"] is None else BestEpoch(**state["best"])
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"checkpoint {path} does not fit this {name}: the code has changed since; "
            "delete the file to train from the start"
        ) from error
    _set_random_state(state["random"])
    return state["history"], best


def _write_synced(path: Path, state: dict[str, Any]) -> None:
    # A Python file, not a path: then a full disk is an OSError and not a RuntimeError.
    with path.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())


def _read_whole(path: Path) -> dict[str, Any]:
    """The stored state; torch.load alone does not notice a flipped bit inside a tensor."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(damaged)
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or set(state) != FIELDS:
            raise ValueError("a torch file, but no checkpoint")
        return state
    except (zipfile.BadZipFile, pickle.UnpicklingError, RuntimeError, ValueError, OSError) as error:
        raise CheckpointError(
            f"checkpoint {path} is damaged; delete the file to train from the start"
        ) from error


def _check_settings(path: Path, stored: dict[str, Any], current: Mapping[str, Any]) -> None:
    names = [name for name in {**stored, **current} if stored.get(name) != current.get(name)]
    if names:
        differing = ", ".join(f"{n} {stored.get(n)!r}, now {current.get(n)!r}" for n in names)
        raise RequestError(
            f"checkpoint {path} belongs to other settings ({differing}); "
            "ask for the settings that it was written under, or delete the file"
        )


def _random_state() -> dict[str, Any]:
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
