"""Lesion boxes as published: pickles, read by an unpickler that can build plain values only.

A pickle is a program. This reader runs none of it but what makes dictionaries, lists, tuples,
texts and numbers. Two layouts are known (docs/reference/detector.md#published-boxes), boxes in
pixels of 512-px crops:

    {"train": {"10_left.jpeg": [(x0, y0, x1, y1), ...]}, "val": {...}}
    {"train": {"healthy": {path: [box, ...]}, "unhealthy": {path: [box, ...]}}, "val": {path: ...}}
"""

import pickle
import struct
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, NoReturn

import numpy as np

from bench.errors import RequestError

CROP_PX = 512
"""Side of the crops that published boxes lie in."""

LAYOUT = "{'train': {image: [(x0, y0, x1, y1), ...]}, 'val': {...}}"
BROKEN = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)  # what the unpickler raises on bytes that are no pickle


@dataclass(frozen=True)
class BoxFile:
    """What a file of boxes holds.

    Attributes:
        boxes: By image, named by the file's stem: (L, 4) x0, y0, x1, y1 as fractions of the crop.
        left_out: Boxes without area, in images called healthy: random crops that the notebook
            wrote in another order than it reads (docs/reference/detector.md#released-notebook).
    """

    boxes: dict[str, np.ndarray]
    left_out: int


def read(path: Path) -> BoxFile:
    """The boxes in a published pickle.

    Raises:
        RequestError: when there is no such file, it is no pickle, it tries to build anything but
            plain values, or it has neither layout.
    """
    if not path.is_file():
        raise RequestError(f"--set detector.box_file={path}: no such file; give a pickle of boxes")
    value = _plain(path)
    _check(isinstance(value, dict) and {"train"} <= set(value) <= {"train", "val"}, path, "top")
    boxes: dict[str, np.ndarray] = {}
    left_out = 0
    for part, healthy in _parts(value, path):
        for name, listed in part.items():
            corners = _corners(listed, path, name)
            proper = (corners[:, 2:] > corners[:, :2]).all(axis=1)
            _check(healthy or bool(proper.all()), path, f"{name}: a box without area")
            left_out += int((~proper).sum())
            boxes[PureWindowsPath(name).stem] = corners[proper] / CROP_PX
    return BoxFile(boxes, left_out)


class _PlainUnpickler(pickle.Unpickler):
    """Unpickles what needs no class and no function."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise RequestError(_refusal(f"{module}.{name}"))

    def persistent_load(self, pid: Any) -> NoReturn:
        raise RequestError(_refusal("an object kept elsewhere"))


def _refusal(what: str) -> str:
    return (
        f"the file of boxes tries to build {what}; only dictionaries, lists, tuples, texts and "
        "numbers are read, since a pickle can run any program: write the boxes to boxes.csv"
    )


def _plain(path: Path) -> Any:
    with path.open("rb") as file:
        try:
            value = _PlainUnpickler(file).load()
        except BROKEN as error:
            raise RequestError(f"{path.name} is no pickle of boxes ({error})") from error
    _check_types(value)
    return value


def _check_types(value: Any) -> None:
    """Refuse what pickles can hold without naming a class: sets, bytes, None, truth values."""
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        if type(item) not in (dict, list, tuple, str, int, float):
            raise RequestError(_refusal(type(item).__name__))
        if isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))  # a pickle may hold itself
            waiting += [*item, *item.values()] if isinstance(item, dict) else item


def _parts(value: dict[str, Any], path: Path) -> list[tuple[dict[str, Any], bool]]:
    """Dictionaries of boxes by image, each with whether its images are called healthy."""
    train = value["train"]
    _check(isinstance(train, dict), path, "train")
    parts = [(train, False)]
    if set(train) <= {"healthy", "unhealthy"}:
        parts = [(train[name], name == "healthy") for name in train]
    parts.append((value.get("val", {}), False))
    for part, _ in parts:
        _check(isinstance(part, dict) and all(isinstance(k, str) for k in part), path, "images")
    return parts


def _corners(listed: Any, path: Path, name: str) -> np.ndarray:
    numbers = isinstance(listed, list | tuple) and all(
        isinstance(box, list | tuple)
        and len(box) == 4
        and all(isinstance(v, int | float) for v in box)
        for box in listed
    )
    _check(numbers, path, name)
    corners = np.array(listed, dtype=float).reshape(-1, 4)
    _check(bool(np.isfinite(corners).all()), path, name)
    return corners


def _check(holds: bool, path: Path, where: str) -> None:
    if not holds:
        raise RequestError(f"{path.name} ({where}): not boxes as published, {LAYOUT}")
