"""ChestX-ray14's own files as NIH publishes them: labels, lists, boxes, images.

Layout: `Data_Entry_2017.csv` or `Data_Entry_2017_v2020.csv`, `train_val_list.txt`,
`test_list.txt`, `BBox_List_2017.csv`, and images in `images/`, or as unpacked in
`images_001/images/` ... `images_012/images/`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.data.decode import size_px
from bench.data.image_names import refuse_unsafe
from bench.data.label_table import csv_lines, lines_of, read_table
from bench.data.picture_files import refuse_special
from bench.data.published import FINDINGS, NO_FINDING
from bench.data.records import Box, check_unique
from bench.errors import RequestError

OTHERS = ("Consolidation", "Edema", "Emphysema", "Fibrosis", "Hernia", "Pleural_Thickening")
VIEWS = ("PA", "AP")
LISTS = {"train": "train_val_list.txt", "test": "test_list.txt"}
BOXES = "BBox_List_2017.csv"
BOX_SIDE = 1024  # px of the pictures that NIH's boxes lie in
ENTRY_COLUMNS = ("image index", "finding labels", "patient id", "view position")


@dataclass(frozen=True)
class ListedImage:
    """A line of the label file, and the list that its image stands in.

    Attributes:
        image_id: The file's name without its ending.
        view: "PA" or "AP".
        labels: One 0/1 a finding of `FINDINGS`.
        others: Whether it has a finding that is none of the eight.
        split: "train" or "test", by the official lists.
    """

    image_id: str
    patient_id: str
    view: str
    labels: tuple[int, ...]
    others: bool
    split: str

    @property
    def diseased(self) -> bool:
        """Whether it has one of the eight findings."""
        return any(self.labels)

    @property
    def normal(self) -> bool:
        """Whether it has no finding at all."""
        return not self.others and not self.diseased


@dataclass(frozen=True)
class Listing:
    """What the label file and the two lists say, whether they fit together or not.

    Attributes:
        file: Name of the label file.
        columns: Its header, as it is spelled there.
        entries: The images that stand in one of the lists, in the order of the label file.
        unlisted: Images of the label file that stand in neither list.
        unknown: Images of a list without a line in the label file.
        twice: Images that stand in both lists.
    """

    file: str
    columns: tuple[str, ...]
    entries: tuple[ListedImage, ...]
    unlisted: tuple[str, ...]
    unknown: tuple[str, ...]
    twice: tuple[str, ...]


def listing(root: Path) -> Listing:
    """The label file and both lists.

    Raises:
        RequestError: when a file is missing, a line is wrong, or an image has two lines.
    """
    path, columns, rows = _label_rows(root)
    listed = {split: set(names_in(root / name)) for split, name in LISTS.items()}
    names = [row[0] for row in rows]
    check_unique(names, path.name)
    entries, unlisted = [], []
    twice = listed["train"] & listed["test"]
    for row in rows:
        split = next(
            (split for split, names_of_split in listed.items() if row[0] in names_of_split), None
        )
        if split is None:
            unlisted.append(row[0])
        elif row[0] not in twice:
            entries.append(_entry(row, split, path.name))
    unknown = sorted(set().union(*listed.values()) - set(names))
    return Listing(
        path.name,
        tuple(columns),
        tuple(entries),
        tuple(unlisted),
        tuple(unknown),
        tuple(sorted(twice)),
    )


def boxes(root: Path) -> dict[str, tuple[Box, ...]]:
    """NIH's boxes by image, x0, y0, x1, y1 in pixels of 1024; {} when there is no such file.

    Raises:
        RequestError: on a line that is no box.
    """
    path, by_image = root / BOXES, dict[str, tuple[Box, ...]]()
    if not (path.exists() or path.is_symlink()):
        return by_image
    refuse_special(path, "file")
    for number, line in enumerate(_lines(path)[1:], start=2):
        x, y, width, height = _numbers(line[2:6], number)
        name = Path(line[0]).stem
        by_image[name] = (*by_image.get(name, ()), (x, y, x + width, y + height))
    return by_image


def _numbers(cells: Sequence[str], line: int) -> list[float]:
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise RequestError(
            f"{BOXES}, line {line}: x, y, width and height must be numbers, not {list(cells)}"
        )
    return numbers


def scaled(boxes: Sequence[Box], path: Path) -> tuple[Box, ...]:
    """Boxes in pixels of 1024 as boxes in pixels of the file, whatever size it has.

    Raises:
        RequestError: when the file is no image, or a box does not lie in NIH's picture of it.
    """
    across, down = (side / BOX_SIDE for side in size_px(path))
    for box in boxes:
        x0, y0, x1, y1 = box
        if not (0 <= x0 < x1 <= BOX_SIDE and 0 <= y0 < y1 <= BOX_SIDE):
            raise RequestError(
                f"{BOXES}, image {path.name}: the box {', '.join(f'{v:g}' for v in box)} does not "
                f"lie in NIH's picture of {BOX_SIDE} x {BOX_SIDE} px; fetch the file again"
            )
    return tuple((x0 * across, y0 * down, x1 * across, y1 * down) for x0, y0, x1, y1 in boxes)


def image_paths(root: Path) -> dict[str, Path]:
    """The PNG files below a folder, by name without ending; of two with one name the last."""
    return {path.stem: path for path in image_files(root)}


def image_files(root: Path) -> list[Path]:
    """The PNG files in NIH's folders below a folder, folder by folder."""
    folders = [root / "images", *sorted(root.glob("images_[0-9]*"))]
    folders += [folder / "images" for folder in folders[1:]]
    return [
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.iterdir()
        if path.suffix.lower() == ".png" and not path.name.startswith(".")
    ]


def _label_rows(root: Path) -> tuple[Path, list[str], list[tuple[str, str, str, str]]]:
    """The newest label file, its header, and of each line image, findings, patient and view."""
    label_files = sorted(root.glob("Data_Entry_2017*.csv"))
    if not label_files:
        raise RequestError(
            f"no Data_Entry_2017*.csv in {root}; see `bench datasets` for the layout"
        )
    path = label_files[-1]
    table = read_table(path, lambda names: set(ENTRY_COLUMNS) <= {name.lower() for name in names})
    lowered = replace(table, columns=tuple(name.lower() for name in table.columns))
    missing = [name for name in ENTRY_COLUMNS if name not in lowered.columns]
    if missing:
        raise RequestError(
            f"{path.name} has no column {missing[0]!r}; it has {', '.join(table.columns)}"
        )
    images, *cells = (lowered.column(name) for name in ENTRY_COLUMNS)
    for image, line in zip(images, table.lines, strict=True):
        refuse_unsafe(image, f"{path.name}, line {line}")
    names = [Path(image).stem for image in images]
    return path, list(table.columns), list(zip(names, *cells, strict=True))


def _entry(row: tuple[str, str, str, str], split: str, file: str) -> ListedImage:
    image, text, patient, view = row
    named = [name.strip() for name in text.split("|")]
    strange = [name for name in named if name not in (*FINDINGS, *OTHERS, NO_FINDING)]
    if strange or (NO_FINDING in named and len(named) > 1):
        raise RequestError(f"{file}, image {image}: {text!r} is none of NIH's labels")
    if view not in VIEWS:
        raise RequestError(f"{file}, image {image}: view {view!r} is neither PA nor AP")
    if not patient.isdecimal():
        raise RequestError(f"{file}, image {image}: patient {patient!r} is no number")
    labels = tuple(int(name in named) for name in FINDINGS)
    others = any(name in OTHERS for name in named)
    return ListedImage(image, f"{int(patient):08d}", view, labels, others, split)


def names_in(path: Path) -> list[str]:
    """The images that a list names, a line each, without their endings.

    Raises:
        RequestError: when there is no such file.
    """
    if not path.is_file():
        raise RequestError(f"no list {path}; see `bench datasets` for the layout")
    return [Path(line).stem for line in lines_of(path)]


def _lines(path: Path) -> list[list[str]]:
    lines = csv_lines(path)
    if not lines:
        raise RequestError(f"{path} is empty; fetch it again")
    return lines
