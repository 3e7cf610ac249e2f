"""Any user's set: `labels.csv` and `images/`, optionally `boxes.csv` and `dataset.toml`.

`labels.csv` has `image`, then either `label` (grades 0, 1, ...) or one 0/1 column per finding;
optional: `patient_id`, `eye` (ignored), `quality` (0 good, 1 usable, 2 reject), `split` (train,
validation, test). `boxes.csv` has `image,x0,y0,x1,y1` in pixels of the file. `dataset.toml` says
what other columns and values mean (`bench.data.dataset_toml`). What is not given is assumed by a
rule that is recorded and shown.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.data import dataset_toml, given_boxes
from bench.data.dataset_toml import Description
from bench.data.folder_labels import (
    KAGGLE,
    Labels,
    labels_of,
    number,
    recognised,
    unknown_layout,
)
from bench.data.image_names import ImageFolder, refuse_two_names
from bench.data.label_rules import BLANK
from bench.data.label_table import LabelTable, read_table
from bench.data.records import SPLITS, Dataset, Modality, Record, check_unique
from bench.errors import RequestError

FILE = "labels.csv"
EYE = re.compile(r"([0-9]+)_(?:left|right)(?:\.[a-z]+)?", re.ASCII)
"""Names of EyePACS's photographs, as in Kaggle's label file."""


def load(root: Path, *, modality: Modality | None = None, columns: str | None = None) -> Dataset:
    """The data set in a folder.

    Args:
        modality: What the pictures show, before what `dataset.toml` says; fundus by default.
        columns: Names of columns, as `data.columns` gives them.

    Raises:
        RequestError: naming the file, column or value that is wrong, and the rule.
    """
    description = dataset_toml.read(root).with_columns(columns)
    table, description = _table(root / FILE, description)
    labels = labels_of(table, description)
    shown: Modality = modality or description.modality or "fundus"
    _refuse_graded_radiographs(labels, shown)
    kept = [i for i, values in enumerate(labels.values) if values is not None]
    if not kept:
        raise RequestError(f"{FILE}: {'; '.join(labels.notes)}, and no row is left")
    names = table.column(description.called("image"))
    images = ImageFolder(root / "images")
    paths = [
        images.find(name, f"{FILE}, line {line}")
        for name, line in zip(names, table.lines, strict=True)
    ]
    check_unique(names, FILE)
    refuse_two_names(names, paths, FILE)
    quality, unrated = _quality(table, description)
    patients, unknown = _patients(table, description, names)
    splits, undrawn = _splits(table, description)
    records = tuple(
        Record(
            image_id=names[i],
            path=paths[i],
            patient_id=patients[i],
            labels=labels.values[i] or (),
            quality=quality[i],
            split=splits[i],
        )
        for i in kept
    )
    boxed = given_boxes.attach(records, root, names)
    return Dataset(
        name="folder",
        task=labels.task,
        records=boxed.records,
        boxes="given" if boxed.found else "none",
        real=True,
        modality=shown,
        test_drawn=True,
        assumptions=(*labels.notes, *unrated, *unknown, *undrawn, *boxed.notes),
        declared=labels.declared,
    )


def _table(path: Path, description: Description) -> tuple[LabelTable, Description]:
    """The label file, and the description with the columns of a known layout."""
    named = {description.called("image"), *(image for image, _ in KAGGLE)}
    table = read_table(path, lambda names: not named.isdisjoint(names), description.encoding)
    description = recognised(table, description)
    if description.called("image") not in table.columns:
        raise unknown_layout(table, f"no column {description.called('image')!r}")
    return table, description


def _refuse_graded_radiographs(labels: Labels, modality: Modality) -> None:
    if modality == "chest" and labels.task.kind == "grading":
        raise RequestError(
            f"{FILE}: a column of labels holds grades of diabetic retinopathy, which radiographs "
            "do not have; give one 0/1 column per finding, and name them in dataset.toml, "
            'findings = ["label"]'
        )


def _quality(table: LabelTable, description: Description) -> tuple[list[int], list[str]]:
    """The quality of each row, and what is assumed."""
    name = description.called("quality")
    if name not in table.columns and "quality" not in description.columns:
        return [0] * len(table.rows), [f"{FILE} has no quality column: every image counts as good"]
    cells = table.column(name)
    quality = [number(cell, description, table.where(i, name)) for i, cell in enumerate(cells)]
    wrong = next((i for i, code in enumerate(quality) if code not in (0, 1, 2)), None)
    if wrong is not None:
        raise RequestError(
            f"{table.where(wrong, name)}: 0 good, 1 usable or 2 reject, not {quality[wrong]}"
        )
    return quality, []


def _patients(
    table: LabelTable, description: Description, images: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The patient of each row, and what is assumed of those that are not named.

    Rows without a patient are nobody's: as one patient they would all go into one split.
    """
    name = description.called("patient_id")
    if name not in table.columns and "patient_id" not in description.columns:
        return _unnamed_patients(description, images)
    cells = table.column(name)
    _refuse_words_for_nobody(cells, name)
    patients = [cell or f"no patient: {image}" for cell, image in zip(cells, images, strict=True)]
    nameless = cells.count("")
    if not nameless:
        return patients, []
    rows = "1 row of" if nameless == 1 else f"{nameless:,} rows of"
    return patients, [
        f"{rows} {FILE} {'has' if nameless == 1 else 'have'} no {name}: each counts as a patient "
        "of its own"
    ]


def _unnamed_patients(
    description: Description, images: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Each image a patient; of Kaggle's photographs the two eyes of one number."""
    eyes = [EYE.fullmatch(image) for image in images]
    if description.called("label") == KAGGLE[0][1] and all(eyes):
        sentence = f"{FILE} has no patient_id column: the number of an image is its patient"
        return [eye[1] for eye in eyes if eye], [sentence]
    return list(images), [f"{FILE} has no patient_id column: every image counts as a patient"]


def _refuse_words_for_nobody(cells: Sequence[str], name: str) -> None:
    """Refuse a word for a missing value that would make several rows one patient."""
    for word, count in Counter(cell for cell in cells if cell.casefold() in BLANK and cell).items():
        if count > 1:
            raise RequestError(
                f"{FILE}, column {name!r}: {word!r} in {count:,} rows would be one patient; leave "
                "the cells empty where the patient is not known, and each row counts as a patient"
            )


def _splits(table: LabelTable, description: Description) -> tuple[list[str], list[str]]:
    """The split of each row as far as it is given, and what is assumed."""
    name = description.called("split")
    drawn = "a seeded proportion of the patients is the test"
    if name not in table.columns and "split" not in description.columns:
        return ["train"] * len(table.rows), [f"{FILE} has no split column: {drawn}"]
    splits = table.column(name)
    wrong = next((i for i, split in enumerate(splits) if split not in SPLITS), None)
    if wrong is not None:
        raise RequestError(
            f"{table.where(wrong, name)}: {splits[wrong]!r} is not one of {', '.join(SPLITS)}"
        )
    named_all = set(splits) == {"train"}
    return splits, [f"{FILE} names train images alone: {drawn}"] if named_all else []
