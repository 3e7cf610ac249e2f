"""EyeQ as published: two label files, and EyePACS images under their own names.

Read by the real set and by its drawn twin. Layout: `Label_EyeQ_train.csv` and
`Label_EyeQ_test.csv` (columns image, quality, DR_grade), images in `train/` and `test/`, or all in
`images/`, as .jpeg, .jpg or .png; optionally `boxes.csv`.
"""

from pathlib import Path

from bench.data.folder import read_boxes, read_csv, whole_number
from bench.data.records import Dataset, Record, check_unique
from bench.errors import RequestError
from bench.tasks import DIABETIC_RETINOPATHY

EXTENSIONS = (".jpeg", ".jpg", ".png")


def load(root: Path, *, name: str, real: bool, boxes: str, partial: bool = False) -> Dataset:
    """The data set below a folder.

    Args:
        name: "eyeq" or "eyeq-twin".
        real: False for the twin.
        boxes: What a `boxes.csv` means here: "given" or "oracle".
        partial: Accept that images are missing, and use what is there.

    Raises:
        RequestError: on a wrong file, or missing images without `partial`, with the counts.
    """
    rows = [row for split in ("train", "test") for row in label_rows(root, split)]
    check_unique((row.image_id for row in rows), "Label_EyeQ_*.csv")
    missing = [row for row in rows if not row.path.is_file()]
    if missing and not partial:
        names = ", ".join(row.image_id for row in missing[:3])
        raise RequestError(
            f"{len(missing)} of {len(rows)} images are missing below {root} (first: {names}); "
            "put them into train/ and test/, or images/; --partial runs on what is there"
        )
    lesions = {Path(name).stem: own for name, own in read_boxes(root / "boxes.csv").items()}
    records = tuple(
        Record(**{**vars(row), "boxes": lesions.get(row.image_id, ())})
        for row in rows
        if row.path.is_file()
    )
    if not records:
        raise RequestError(f"no image of the label files is below {root}")
    return Dataset(
        name=name,
        task=DIABETIC_RETINOPATHY,
        records=records,
        boxes=boxes if lesions else "none",
        real=real,
        partial=bool(missing),
    )


def label_rows(root: Path, split: str) -> list[Record]:
    """The records of one of EyeQ's two label files, whether their images are there or not."""
    path = root / f"Label_EyeQ_{split}.csv"
    table = read_csv(path, required=("image", "quality", "DR_grade"))
    rows = []
    for image, quality, grade in zip(
        table["image"], table["quality"], table["DR_grade"], strict=True
    ):
        labels = (whole_number(grade, f"{path.name}, image {image}"),)
        low = whole_number(quality, f"{path.name}, image {image}")
        try:
            DIABETIC_RETINOPATHY.check(labels, f"{path.name}, image {image}")
        except ValueError as error:
            raise RequestError(str(error)) from None
        if low not in (0, 1, 2):
            raise RequestError(f"{path.name}, image {image}: quality {low} is outside 0..2")
        stem = Path(image).stem
        rows.append(Record(stem, _find(root, split, image), stem.split("_")[0], labels, low, split))
    return rows


def _find(root: Path, split: str, image: str) -> Path:
    """The first existing file of an image, or its expected place."""
    stem = Path(image).stem
    for folder in (split, "images"):
        for extension in (Path(image).suffix, *EXTENSIONS):
            candidate = root / folder / f"{stem}{extension}"
            if candidate.is_file():
                return candidate
    return root / split / image
