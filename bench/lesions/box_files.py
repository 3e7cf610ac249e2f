"""Lesion boxes as published: pickles, read by an unpickler that can build plain values only.

A pickle is a program. This reader runs none of it but what makes dictionaries, lists, tuples,
texts and numbers. Two layouts are known (docs/reference/detector.md#published-boxes), boxes in
pixels of 512-px crops:

    {"train": {"10_left.jpeg": [(x0, y0, x1, y1), ...]}, "val": {...}}
    {"train": {"healthy": {path: [box, ...]}, "unhealthy": {path: [box, ...]}}, "val": {path: ...}}
"""

import io
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import Any, ClassVar, NoReturn

import numpy as np

from bench.data.image_names import without_ending
from bench.data.picture_files import printable, refuse_special
from bench.errors import RequestError

CROP_PX = 512
"""Side of the crops that published boxes lie in."""

LAYOUT = "{'train': {image: [(x0, y0, x1, y1), ...]}, 'val': {...}}"
MOST_BYTES = 2**27
MOST_CONTAINERS = 20_000_000
MOST_BOXES = 5_000_000
"""Far beyond what a detector finds in all of EyePACS: a small file can ask for any number."""

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

    def of(self, image_id: str) -> np.ndarray | None:
        """The boxes of an image, in whatever case and with whatever ending it is spelled.

        None where the file does not name it; no boxes, (0, 4), where it names it without any.
        """
        stem = Path(image_id).stem
        alike = self._alike.get(without_ending(image_id.rpartition("/")[2]))
        return self.boxes.get(stem, alike)

    @cached_property
    def _alike(self) -> dict[str, np.ndarray]:
        return {without_ending(name): boxes for name, boxes in self.boxes.items()}


def read(path: Path) -> BoxFile:
    """The boxes in a published pickle.

    Raises:
        RequestError: when there is no such file, it is no pickle, it tries to build anything but
            plain values, it has neither layout, or a box does not lie in a crop of 512 px.
    """
    if not path.exists():
        raise RequestError(f"--set detector.box_file={path}: no such file; give a pickle of boxes")
    refuse_special(path, "file")
    value = _plain(path)
    _check(isinstance(value, dict) and {"train"} <= set(value) <= {"train", "val"}, path, "top")
    boxes: dict[str, np.ndarray] = {}
    left_out = total = 0
    for part, healthy in _parts(value, path):
        for name, listed in part.items():
            total += len(listed) if isinstance(listed, list | tuple) else 0
            _check(total <= MOST_BOXES, path, f"over {MOST_BOXES:,} boxes")
            corners = _corners(listed, path, name)
            proper = (corners[:, 2:] > corners[:, :2]).all(axis=1)
            _check(healthy or bool(proper.all()), path, f"{printable(name)}: a box without area")
            left_out += int((~proper).sum())
            _refuse_outside(corners, path, name)
            stem = PureWindowsPath(name).stem
            _refuse_other(boxes.get(stem), corners[proper] / CROP_PX, path, name)
            boxes[stem] = corners[proper] / CROP_PX
    return BoxFile(boxes, left_out)


def _refuse_outside(corners: np.ndarray, path: Path, name: str) -> None:
    """Refuse boxes beyond the crop by more than a pixel of rounding: they lie in other pictures."""
    beyond = ((corners < -1) | (corners > CROP_PX + 1)).any(axis=1)
    if beyond.any():
        box = ", ".join(f"{value:g}" for value in corners[beyond][0])
        raise RequestError(
            f"{path.name} ({printable(name)}): the box {box} does not lie in a crop of {CROP_PX} x "
            f"{CROP_PX} px, in which published boxes are; scale them to it"
        )


def _refuse_other(before: np.ndarray | None, after: np.ndarray, path: Path, name: str) -> None:
    if before is not None and not np.array_equal(before, after):
        raise RequestError(
            f"{path.name}: image {printable(name)} is there twice, with other boxes; keep one"
        )


class _PlainUnpickler(pickle._Unpickler):
    """Unpickles what needs no class and no function, within bounds.

    Python's own unpickler, since the one in C sets aside as much memory as a file asks for.
    """

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)
    made = 0

    def find_class(self, module: str, name: str) -> NoReturn:
        raise RequestError(_refusal(f"{module}.{name}"))

    def persistent_load(self, pid: Any) -> NoReturn:
        raise RequestError(_refusal("an object kept elsewhere"))


def _refused(what: str) -> Callable[[Any], NoReturn]:
    def refuse(_: Any) -> NoReturn:
        raise RequestError(_refusal(what))

    return refuse


def _counted(opcode: bytes) -> Callable[[Any], None]:
    """What an opcode does that makes a container, up to the number that is read."""
    make = pickle._Unpickler.dispatch[opcode[0]]

    def counted(unpickler: Any) -> None:
        unpickler.made += 1
        if unpickler.made > MOST_CONTAINERS:
            raise pickle.UnpicklingError(f"over {MOST_CONTAINERS:,} lists, tuples and dictionaries")
        make(unpickler)

    return counted


def _keyed(opcode: bytes, key_places: slice) -> Callable[[Any], None]:
    """What an opcode does that puts values into a dictionary, if its keys are texts or numbers.

    Args:
        key_places: Of the keys on the unpickler's stack.
    """
    put = pickle._Unpickler.dispatch[opcode[0]]

    def keyed(unpickler: Any) -> None:
        for key in unpickler.stack[key_places]:
            if type(key) not in (str, int, float):  # to hash a deep tuple can end the process
                raise RequestError(_refusal(f"a dictionary by {type(key).__name__}"))
        put(unpickler)

    return keyed


MAKERS = (
    *(pickle.MARK, pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.LIST),
    *(pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
)
_PlainUnpickler.dispatch |= {
    pickle.EMPTY_SET[0]: _refused("set"),
    pickle.FROZENSET[0]: _refused("frozenset"),
    pickle.BYTEARRAY8[0]: _refused("bytearray"),
    pickle.SETITEM[0]: _keyed(pickle.SETITEM, slice(-2, -1)),
    pickle.SETITEMS[0]: _keyed(pickle.SETITEMS, slice(0, None, 2)),
    pickle.DICT[0]: _keyed(pickle.DICT, slice(0, None, 2)),
    **{opcode[0]: _counted(opcode) for opcode in MAKERS},
}


def _refusal(what: str) -> str:
    return (
        f"the file of boxes tries to build {what}; only dictionaries, lists, tuples, texts and "
        "numbers are read, since a pickle can run any program: write the boxes to boxes.csv"
    )


def _plain(path: Path) -> Any:
    if path.stat().st_size > MOST_BYTES:
        raise RequestError(
            f"{path.name} has {path.stat().st_size / 1e6:,.0f} MB, and files of boxes are read up "
            f"to {MOST_BYTES / 1e6:,.0f}; write the boxes to boxes.csv"
        )
    try:
        value = _PlainUnpickler(io.BytesIO(path.read_bytes())).load()
    except BROKEN as error:
        raise RequestError(f"{path.name} is no pickle of boxes ({_reason(error)})") from error
    _check_types(value)
    return value


def _reason(error: Exception) -> str:
    return printable(str(error) or type(error).__name__)[:200]


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
    where = printable(name)
    numbers = isinstance(listed, list | tuple) and all(
        isinstance(box, list | tuple)
        and len(box) == 4
        and all(isinstance(v, int | float) for v in box)
        for box in listed
    )
    _check(numbers, path, where)
    try:
        corners = np.array(listed, dtype=float).reshape(-1, 4)
    except OverflowError:  # a whole number of any length
        corners = np.full((1, 4), np.nan)
    _check(bool(np.isfinite(corners).all()), path, where)
    return corners


def _check(holds: bool, path: Path, where: str) -> None:
    if not holds:
        raise RequestError(f"{path.name} ({where}): not boxes as published, {LAYOUT}")
