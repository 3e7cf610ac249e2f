"""Lesion boxes that a user gives: `boxes.csv` with `image,x0,y0,x1,y1` in pixels of the file.

A box belongs to the image that it names, spelled as the labels spell it, or without folder and
ending, or with others. It must lie in the picture: a box beyond it was drawn on a picture of
another size, and the patches cut around it would show anything.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bench.data.decode import size_px
from bench.data.image_names import tidied, without_ending
from bench.data.label_table import LabelTable, read_table
from bench.data.picture_files import printable, refuse_special
from bench.data.records import Box, Record
from bench.errors import RequestError

FILE = "boxes.csv"
CORNERS = ("x0", "y0", "x1", "y1")
ROUNDED_PX = 1.0
"""How far a box may reach beyond its picture: corners are rounded. It is cut off there."""

WIDTHS = "x0, y0, x1, y1 are corners: where a file has widths and heights, x1 is x0 + width"


class GivenBox(NamedTuple):
    """A row of `boxes.csv`."""

    image: str
    box: Box
    line: int


class Attached(NamedTuple):
    """Records with their boxes.

    Attributes:
        records: In their order.
        found: Whether there are any boxes.
        notes: A sentence where boxes name images that the labels do not have.
    """

    records: tuple[Record, ...]
    found: bool
    notes: tuple[str, ...]


def attach(records: Sequence[Record], root: Path, known: Iterable[str] = ()) -> Attached:
    """The records with the boxes of `boxes.csv` in a folder; as they are without such a file.

    Args:
        known: Further images that the labels name, which have no record.

    Raises:
        RequestError: on a row that is no box, an image that could be two, a box that does not lie
            in its picture, or when no box names an image of the labels.
    """
    rows = read(root / FILE)
    if not rows:
        return Attached(tuple(records), False, ())
    matched, strangers = _matched(rows, records, known)
    if len(strangers) == len(rows):
        raise RequestError(
            f"{FILE}: none of its {len(rows):,} boxes names an image of the labels; it has "
            f"{strangers[0].image!r}, they have {records[0].image_id if records else 'none'!r}: "
            "name images as the labels do"
        )
    _refuse_outside(matched, records)
    boxes: dict[int, list[Box]] = {}
    for i, row in matched:
        boxes.setdefault(i, []).append(row.box)
    return Attached(
        tuple(replace(r, boxes=tuple(boxes.get(i, ()))) for i, r in enumerate(records)),
        True,
        _strangers(strangers, len(rows)),
    )


def read(path: Path) -> list[GivenBox]:
    """The rows of a `boxes.csv`, whatever images they name; none when there is no such file.

    A header alone says that no image has a box.

    Raises:
        RequestError: naming the line that is no box, with the rule.
    """
    if not (path.exists() or path.is_symlink()):
        return []
    refuse_special(path, "file")
    table = read_table(path, lambda names: {"image", *CORNERS} <= set(names), may_be_empty=True)
    images, *sides = (table.column(name) for name in ("image", *CORNERS))
    return [
        GivenBox(image, _box(table, i, tuple(side[i] for side in sides)), table.lines[i])
        for i, image in enumerate(images)
    ]


def _box(table: LabelTable, row: int, cells: tuple[str, ...]) -> Box:
    where = f"{table.file}, line {table.lines[row]}"
    try:
        x0, y0, x1, y1 = (float(cell) for cell in cells)
    except ValueError:
        raise RequestError(f"{where}: corners must be numbers, not {', '.join(cells)}") from None
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise RequestError(f"{where}: corners must be finite numbers, not {', '.join(cells)}")
    if x1 <= x0 or y1 <= y0:
        raise RequestError(
            f"{where}: x1 and y1 must be larger than x0 and y0, not {', '.join(cells)}; {WIDTHS}"
        )
    return (x0, y0, x1, y1)


def _matched(
    rows: Sequence[GivenBox], records: Sequence[Record], known: Iterable[str]
) -> tuple[list[tuple[int, GivenBox]], list[GivenBox]]:
    """Rows with the index of their record, and rows whose image is neither there nor known."""
    find, others = _finder(records), {_last(name) for name in known}
    found = {row.image: find(row) for row in {row.image: row for row in rows}.values()}
    matched = [(i, row) for row in rows if (i := found[row.image]) is not None]
    return matched, [
        row for row in rows if found[row.image] is None and _last(row.image) not in others
    ]


def _finder(records: Sequence[Record]) -> Callable[[GivenBox], int | None]:
    """Tells the index of the record that a row's image is, None without one."""
    exact = {record.image_id: i for i, record in enumerate(records)}
    alike: dict[str, list[int]] = {}
    for i, record in enumerate(records):
        for key in {_key(record.image_id), _last(record.image_id), _last(record.path.name)}:
            alike.setdefault(key, []).append(i)

    def find(row: GivenBox) -> int | None:
        if row.image in exact:
            return exact[row.image]
        near = alike.get(_key(row.image)) or alike.get(_last(row.image), [])
        if len(near) > 1:
            names = " or ".join(repr(records[i].image_id) for i in near[:2])
            raise RequestError(
                f"{FILE}, line {row.line}: {row.image!r} could be {names}; write the whole name"
            )
        return near[0] if near else None

    return find


def _key(name: str) -> str:
    """A name as far as it tells images apart: without ending, in small letters."""
    return without_ending(tidied(name))


def _last(name: str) -> str:
    """The last part of it, without the folders before."""
    return PurePosixPath(_key(name)).name


def _strangers(strangers: Sequence[GivenBox], total: int) -> tuple[str, ...]:
    if not strangers:
        return ()
    images = list(dict.fromkeys(row.image for row in strangers))
    return (
        f"{len(strangers):,} of the {total:,} boxes of {FILE} name {len(images):,} images that the "
        f"labels do not have (first: {printable(images[0])}), and are not used",
    )


def _refuse_outside(matched: Sequence[tuple[int, GivenBox]], records: Sequence[Record]) -> None:
    """Refuse boxes that do not lie in their picture; of pictures with boxes the header is read.

    Raises:
        RequestError: with the first such box, its image, the image's size and how many there are.
    """
    sizes = {i: _size(records[i].path) for i in {i for i, _ in matched}}
    outside = [(i, row) for i, row in matched if _reaches_out(row.box, sizes[i])]
    if not outside:
        return
    (i, row), size = outside[0], sizes[outside[0][0]]
    assert size is not None, "only what has a size can be left"
    raise RequestError(
        f"{FILE}, line {row.line}: the box {', '.join(f'{v:g}' for v in row.box)} does not lie in "
        f"{printable(records[i].image_id)}, which is {size[0]} x {size[1]} px ({len(outside):,} of "
        f"{len(matched):,} boxes do not lie in their images); give boxes in pixels of the files: "
        f"were they drawn at another size, scale them. {WIDTHS}"
    )


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height; None of a file that is missing or no picture, which is said elsewhere."""
    try:
        return size_px(path)
    except RequestError:
        return None


def _reaches_out(box: Box, size: tuple[int, int] | None) -> bool:
    if size is None:
        return False
    x0, y0, x1, y1 = box
    return min(x0, y0) < -ROUNDED_PX or x1 > size[0] + ROUNDED_PX or y1 > size[1] + ROUNDED_PX
