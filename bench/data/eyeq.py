"""EyeQ as published: two label files, and EyePACS images under their own names.

Read by the real set and by its synthetic twin. Layout: `Label_EyeQ_train.csv` and
`Label_EyeQ_test.csv` (columns image, quality, DR_grade), images in `train/` and `test/`, or all in
`images/`, as .jpeg, .jpg or .png, whatever the label file says; optionally `boxes.csv`.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.data import given_boxes
from bench.data.image_names import refuse_unsafe
from bench.data.label_table import LabelTable, read_table, whole_number
from bench.data.published import EYEQ_COUNTS
from bench.data.records import Dataset, Record, check_unique
from bench.errors import RequestError
from bench.tasks import DIABETIC_RETINOPATHY

SPLITS = ("train", "test")
FOLDERS = ("train", "test", "images")
EXTENSIONS = (".jpeg", ".jpg", ".png")
QUALITIES = ("good", "usable", "reject")
COLUMNS = ("image", "quality", "DR_grade")
DEPTH = 4
"""How many folders deep images are looked for that are not where they belong."""

Files = dict[str, dict[str, dict[str, list[Path]]]]


def load(root: Path, *, name: str, real: bool, boxes: str, partial: bool = False) -> Dataset:
    """The data set below a folder.

    Args:
        name: "eyeq" or "eyeq-twin".
        real: False for the synthetic twin; label files of the real set must have EyeQ's counts.
        boxes: What a `boxes.csv` means here: "given" or "oracle".
        partial: Accept that images are missing or counts differ, and use what is there.

    Raises:
        RequestError: on a wrong file, and without `partial` on other counts than EyeQ's or missing
            images, with the numbers.
    """
    rows = all_rows(root)
    unlike = differences(rows) if real else {}
    if unlike and not partial:
        raise RequestError(
            f"{next(iter(unlike.values()))[0]}: another version of the label files below {root}; "
            "fetch both from HzFu/EyeQ again, or take --partial to run on these"
        )
    gone = [row for row in rows if not row.path.is_file()]
    assumptions = [sentences[0] for sentences in unlike.values()]
    if gone:
        if len(gone) == len(rows) or not partial:
            way_out = "; --partial runs on what is there" if len(gone) < len(rows) else ""
            raise RequestError(missing(root, rows, gone) + way_out)
        assumptions.append(
            f"{len(gone):,} of the {len(rows):,} images of the label files are not there"
        )
    lost = {row.image_id for row in gone}
    boxed = given_boxes.attach(rows, root)
    return Dataset(
        name=name,
        task=DIABETIC_RETINOPATHY,
        records=tuple(row for row in boxed.records if row.image_id not in lost),
        boxes=boxes if boxed.found else "none",
        real=real,
        partial=bool(assumptions),
        assumptions=(*assumptions, *boxed.notes),
    )


def all_rows(root: Path) -> list[Record]:
    """The records of both label files, whether their images are there or not.

    Raises:
        RequestError: on a wrong label file, or an image that stands in them twice.
    """
    files = _files(root)
    rows = [row for split in SPLITS for row in label_rows(root, split, files)]
    check_unique((row.image_id for row in rows), "Label_EyeQ_*.csv")
    return rows


def label_rows(root: Path, split: str, files: Files | None = None) -> list[Record]:
    """The records of one of EyeQ's two label files, whether their images are there or not."""
    name = _label_file(split)
    table = _read_labels(root, name)
    files = _files(root) if files is None else files
    rows, cells = [], (table.column(column) for column in COLUMNS)
    for line, image, quality, grade in zip(table.lines, *cells, strict=True):
        where = f"{name}, line {line} (image {image})"
        refuse_unsafe(image, where)
        labels, low = (whole_number(grade, where),), whole_number(quality, where)
        try:
            DIABETIC_RETINOPATHY.check(labels, where)
        except ValueError as error:
            raise RequestError(str(error)) from None
        if low not in range(len(QUALITIES)):
            raise RequestError(f"{where}: quality {low} is outside 0..2")
        named = Path(image)
        path = _find(files, split, named) or root / split / image
        rows.append(Record(named.stem, path, named.stem.split("_")[0], labels, low, split))
    return rows


def differences(rows: Sequence[Record]) -> dict[str, list[str]]:
    """Each count that is not EyeQ's own, with both numbers, by the label files that have some."""
    sentences: dict[str, list[str]] = {}
    for split in SPLITS:
        split_rows = [row for row in rows if row.split == split]
        published = np.array(EYEQ_COUNTS[split])  # (grades, qualities)
        quality = Counter(row.quality for row in split_rows)
        grade = Counter(row.labels[0] for row in split_rows)
        counts = [("images", len(split_rows), published.sum())]
        counts += [
            (f"images of quality {q} ({name})", quality[q], published[:, q].sum())
            for q, name in enumerate(QUALITIES)
        ]
        counts += [(f"images of grade {g}", grade[g], published[g].sum()) for g in range(5)]
        for what, count, expected in counts:
            if count != expected:
                sentence = f"{_label_file(split)} has {count:,} {what}, EyeQ's own {expected:,}"
                sentences.setdefault(split, []).append(sentence)
    return sentences


def missing(root: Path, rows: Sequence[Record], gone: Sequence[Record]) -> str:
    """One sentence: how many of the rows' images are gone, and what seems to be the matter."""
    names = ", ".join(row.image_id for row in gone[:3])
    return (
        f"{len(gone):,} of {len(rows):,} images are missing below {root} (first: {names}); "
        f"{_whereabouts(root, {row.image_id for row in gone})}"
    )


def _whereabouts(root: Path, gone: set[str]) -> str:
    """Where missing images seem to be, or where to put them."""
    belong = "train/ and test/, or images/"
    path = next((p for p in _below(root) if p.stem in gone), None)
    if path is None:
        return f"put them into {belong}"
    seen = path.relative_to(root)
    if path.suffix.lower() not in EXTENSIONS:
        like = {p.stem for p in _below(root) if p.suffix == path.suffix} & gone
        return (
            f"{len(like):,} of them are there as {path.suffix} ({seen}), which is not read: save "
            "them as .jpeg or .png"
        )
    above = path.parent.parent
    way_out = (
        f", or move the label files to {above} and give --data {above}"
        if path.parent.name in FOLDERS
        else ""
    )
    return f"found {seen}: move what is in {seen.parent}/ to {belong}{way_out}"


def _below(root: Path) -> Iterator[Path]:
    """Files at most DEPTH folders below, in order of their names."""
    for folder, folders, names in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        folders[:] = sorted(folders) if depth < DEPTH else []
        yield from (Path(folder, name) for name in sorted(names))


def _read_labels(root: Path, name: str) -> LabelTable:
    """A label file; where it is not there or not EyeQ's, the message says what to do."""
    if not (root / name).is_file():
        nearby = [root.resolve().parent, *sorted(p for p in root.iterdir() if p.is_dir())]
        nearby += [p for folder in nearby[1:] for p in sorted(folder.iterdir()) if p.is_dir()]
        elsewhere = next((folder for folder in nearby if (folder / name).is_file()), None)
        if elsewhere is not None:
            raise RequestError(
                f"{name} is not in {root} but in {elsewhere}: give --data {elsewhere}"
            )
    try:
        table = read_table(root / name, lambda names: set(COLUMNS) <= set(names))
        for column in COLUMNS:
            table.column(column)
        return table
    except RequestError as error:
        raise RequestError(
            f"{error}; EyeQ's label files (HzFu/EyeQ on GitHub, data/) have the columns "
            f"{', '.join(COLUMNS)}"
        ) from None


def _label_file(split: str) -> str:
    return f"Label_EyeQ_{split}.csv"


def _files(root: Path) -> Files:
    """Images by folder, name and extension, in small letters: one look into each folder."""
    files: Files = {}
    for folder in FOLDERS:
        by_stem = files.setdefault(folder, {})
        for path in sorted((root / folder).iterdir()) if (root / folder).is_dir() else ():
            if path.suffix.lower() in EXTENSIONS:
                by_stem.setdefault(path.stem, {}).setdefault(path.suffix.lower(), []).append(path)
    return files


def _find(files: Files, split: str, named: Path) -> Path | None:
    """An image's file, whatever its extension; of several the one that the label file names.

    One training image of EyeQ comes from EyePACS's test part, and one of test from its training
    part (docs/reference/data.md#sources-of-the-images), so the other split's folder is looked into
    last.

    Raises:
        RequestError: where two files differ in the case of their endings alone, and neither is
            named as the label file names it.
    """
    for folder in (split, "images", SPLITS[1 - SPLITS.index(split)]):
        by_extension = files[folder].get(named.stem, {})
        for wanted in (named.suffix.lower(), *EXTENSIONS) if by_extension else ():
            if wanted in by_extension:
                return _only(by_extension[wanted], named.name)
    return None


def _only(paths: Sequence[Path], name: str) -> Path:
    """The one file, or the one of several that has the name."""
    of_name = [path for path in paths if path.name == name]
    if len(paths) > 1 and not of_name:
        first, second = (path.name for path in paths[:2])
        raise RequestError(
            f"image {name}: {first} and {second} in {paths[0].parent.name}/ could both be it; keep "
            "one"
        )
    return (of_name or paths)[0]
