"""Checkpoints: all that a resumed training must find as it was, in one file."""

import errno
import io
import os
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from bench.errors import BenchError, RequestError, warn_damaged
from bench.schemas import DamagedFile
from bench.store import partial_of, replace, set_aside

Event = dict[str, Any]
FIELDS = {
    "settings": dict,
    "parts": dict,
    "random": dict,
    "history": list,
    "best": (dict, type(None)),
}
# What zipfile and torch raise for bytes that are no whole archive.
DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, pickle.UnpicklingError, EOFError, OverflowError),
    *(RuntimeError, ValueError, LookupError, TypeError, AttributeError),
)
OF_THE_FILE = (None, errno.EINVAL, errno.EIO)
"""Numbers of system errors that say something of the file and not of the moment."""


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

    A damaged file is set aside, with a warning: nothing can be gone on with. One of other settings
    or of other code is whole and somebody's work, so it stays where it is and is refused.

    Returns:
        The history and the best epoch so far; ([], None), and nothing changed, without a file.

    Raises:
        RequestError: the file was written under other settings.
        CheckpointError: the parts are not those that the file was written from.
    """
    if not os.path.lexists(path):
        return [], None
    try:
        state = _read_whole(path)
    except DamagedFile as error:
        aside = set_aside(path)
        warn_damaged(
            f"checkpoint {path} is damaged ({error.why}); it is {aside.name} now, and training "
            "starts again"
        )
        return [], None
    _check_settings(path, state["settings"], settings)
    name = "run"
    try:
        for name, part in parts.items():
            part.load_state_dict(state["parts"][name])
        best = None if state["best"] is None else BestEpoch(**state["best"])
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"checkpoint {path} does not fit this {name}: the code has changed since; check out "
            "the code that wrote it to go on, or delete the file to train from the start"
        ) from error
    _set_random_state(state["random"])
    return state["history"], best


def _write_synced(path: Path, state: dict[str, Any]) -> None:
    # By way of memory: where the disk is full, torch's own writer raises a RuntimeError that says
    # nothing of disks.
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with path.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())


def _read_whole(path: Path) -> dict[str, Any]:
    """The stored state; torch.load alone does not notice a flipped bit inside a tensor."""
    if not path.is_file():
        raise DamagedFile(path, "no plain file")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(damaged)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        if error.errno not in OF_THE_FILE:
            raise CheckpointError(f"cannot read checkpoint {path}: {error.strerror}") from error
        raise DamagedFile(path, str(error)) from error
    except DAMAGES as error:
        raise DamagedFile(path, str(error).partition("\n")[0]) from error
    if not isinstance(state, dict) or set(state) != set(FIELDS):
        raise DamagedFile(path, "a torch file, but no checkpoint")
    if not all(isinstance(state[name], kind) for name, kind in FIELDS.items()):
        raise DamagedFile(path, "its fields are of other types")
    return state


def _check_settings(path: Path, stored: dict[str, Any], current: Mapping[str, Any]) -> None:
    names = [name for name in {**stored, **current} if stored.get(name) != current.get(name)]
    if names:
        differing = ", ".join(f"{n} {stored.get(n)!r}, now {current.get(n)!r}" for n in names)
        raise RequestError(
            f"checkpoint {path} belongs to other settings ({differing}); "
            "ask for the settings that it was written under, or delete the file"
        )


def _random_state() -> dict[str, Any]:
    """Of the processor, and of the one graphics card that is used."""
    cuda = [torch.cuda.get_rng_state()] if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"])
    if state["cuda"]:
        torch.cuda.set_rng_state(state["cuda"][0])
