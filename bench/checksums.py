"""Files of the cache behind a checksum: what was altered on disk is set aside and made again.

A cached file decides numbers as much as the code does, and disks, file systems and synchronising
programs alter files without a word. So whatever the cache holds is either a value with its digest
in one file, or files whose digests lie beside them; `bench.data.pixel_store` keeps a checksum for
each row of pixels.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench import store
from bench.errors import warn_damaged
from bench.store import digest, file_digest, without_nan, write_bytes


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file atomically by a value and its digest; nan is written as null."""
    value = without_nan(value)
    text = json.dumps({"sha256": digest(value), "value": value}, sort_keys=True)
    write_bytes(path, text.encode() + b"\n")


def read_json(path: Path) -> Any:
    """The value of such a file; None if there is none, or none that `write_json` left.

    A file that was altered is set aside, with a warning.
    """
    try:
        noted = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        noted = {"sha256": "unreadable", "value": None}
    if not isinstance(noted, dict) or noted.keys() != {"sha256", "value"}:
        return None  # of a version that kept no digest; the next write replaces it
    if _digest(noted["value"]) != noted["sha256"]:
        set_aside(path)
        return None
    return noted["value"]


def digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """SHA-256 of files in a folder, by name."""
    return {name: file_digest(folder / name) for name in names}


def altered(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """Files of a folder that are not there, or have another digest than was noted of them."""
    return [
        name
        for name, content in expected.items()
        if not (folder / name).is_file() or file_digest(folder / name) != content
    ]


def set_aside(path: Path) -> None:
    """Give a damaged file or folder another name, for whoever wants to look at it, and say so."""
    try:
        aside = store.set_aside(path)
    except FileNotFoundError:
        return  # another process found the damage first
    warn_damaged(f"{path} was altered on disk; it is {aside.name} now and made again")


def row_checksum(pixels: np.ndarray) -> int:
    """CRC-32 of an image's bytes: it changes with any burst of up to 32 bits."""
    return zlib.crc32(np.ascontiguousarray(pixels).data.cast("B"))


def _digest(value: Any) -> str:
    """Of a value that was read: "" where it is none that `digest` could have seen, such as nan."""
    try:
        return digest(value)
    except ValueError:
        return ""
