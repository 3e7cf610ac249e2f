"""Any user's set: `labels.csv` and `images/`, optionally `boxes.csv`.

`labels.csv` has `image`, then either `label` (grades 0, 1, ...) or one 0/1 column per finding;
optional: `patient_id`, `eye` (ignored), `quality` (0 good, 1 usable, 2 reject), `split` (train,
validation, test). `boxes.csv` has `image,x0,y0,x1,y1` in pixels of the file. What is not given is
assumed by a rule that is recorded and shown.
"""

from pathlib import Path

import pandas as pd

from bench.data.records import SPLITS, Box, Dataset, Record, check_unique
from bench.errors import RequestError
from bench.tasks import DIABETIC_RETINOPATHY, Task, findings

DESCRIBING = ("image", "label", "patient_id", "eye", "quality", "split")


def load(root: Path) -> Dataset:
    """The data set in a folder.

    Raises:
        RequestError: naming the file, column or value that is wrong, and the rule.
    """
    table = read_csv(root / "labels.csv", required=("image",))
    check_unique(table["image"], "labels.csv")
    task, label_columns = _task(table)
    quality, patients, splits, assumptions = _assumed(table)
    boxes = read_boxes(root / "boxes.csv")
    records = tuple(
        Record(
            image_id=image,
            path=root / "images" / image,
            patient_id=patients[i],
            labels=_labels(table, i, label_columns, task, image),
            quality=quality[i],
            split=splits[i],
            boxes=boxes.get(image, ()),
        )
        for i, image in enumerate(table["image"])
    )
    return Dataset(
        name="folder",
        task=task,
        records=records,
        boxes="given" if boxes else "none",
        real=True,
        assumptions=tuple(assumptions),
    )


def read_csv(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    """A CSV with every cell as stripped text.

    Raises:
        RequestError: when the file or a required column is not there.
    """
    if not path.is_file():
        raise RequestError(f"{path} is not there; see `bench datasets` for the expected layout")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} is not a CSV table: {error}") from error
    table.columns = [str(name).strip() for name in table.columns]
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise RequestError(
            f"{path} has no column {missing[0]!r}; its columns are {', '.join(table.columns)}"
        )
    return pd.DataFrame({name: column.str.strip() for name, column in table.items()})


def read_boxes(path: Path) -> dict[str, tuple[Box, ...]]:
    """Boxes by image of a `boxes.csv`; empty when there is no such file."""
    if not path.is_file():
        return {}
    table = read_csv(path, required=("image", "x0", "y0", "x1", "y1"))
    try:
        corners = table[["x0", "y0", "x1", "y1"]].astype(float).to_numpy()
    except ValueError as error:
        raise RequestError(f"{path}: corners must be numbers: {error}") from None
    if ((corners[:, 2:] <= corners[:, :2]).any(axis=1)).any():
        raise RequestError(f"{path}: x1 and y1 must be larger than x0 and y0")
    boxes: dict[str, tuple[Box, ...]] = {}
    for image, (x0, y0, x1, y1) in zip(table["image"], corners.tolist(), strict=True):
        boxes[image] = (*boxes.get(image, ()), (x0, y0, x1, y1))
    return boxes


def whole_number(text: str, where: str) -> int:
    """The integer that a cell holds.

    Raises:
        RequestError: naming the cell.
    """
    try:
        return int(text)
    except ValueError:
        raise RequestError(f"{where}: {text!r} is not a whole number") from None


def _task(table: pd.DataFrame) -> tuple[Task, list[str]]:
    """Grading when there is a `label` column, findings over the other columns else."""
    if "label" in table.columns:
        return DIABETIC_RETINOPATHY, ["label"]
    columns = [name for name in table.columns if name not in DESCRIBING]
    if not columns:
        raise RequestError(
            "labels.csv has neither a column 'label' (grades 0..4) nor a 0/1 column of a finding; "
            f"its columns are {', '.join(table.columns)}"
        )
    return findings(tuple(columns)), columns


def _labels(
    table: pd.DataFrame, row: int, columns: list[str], task: Task, image: str
) -> tuple[int, ...]:
    where = f"labels.csv, image {image}"
    values = tuple(whole_number(table[name].iloc[row], where) for name in columns)
    try:
        task.check(values, where)
    except ValueError as error:
        raise RequestError(str(error)) from None
    return values


def _assumed(table: pd.DataFrame) -> tuple[list[int], list[str], list[str], list[str]]:
    """Quality, patient and split of each row, with a sentence for each that is not given."""
    assumptions: list[str] = []
    if "quality" in table.columns:
        quality = [whole_number(v, "labels.csv, column quality") for v in table["quality"]]
        if not set(quality) <= {0, 1, 2}:
            raise RequestError(
                "labels.csv, column quality: 0 good, 1 usable or 2 reject, "
                f"not {sorted(set(quality) - {0, 1, 2})[0]}"
            )
    else:
        quality = [0] * len(table)
        assumptions.append("labels.csv has no quality column: every image counts as good")
    if "patient_id" in table.columns:
        patients = list(table["patient_id"])
    else:
        patients = list(table["image"])
        assumptions.append("labels.csv has no patient_id column: every image counts as a patient")
    if "split" in table.columns:
        splits = list(table["split"])
        unknown = sorted(set(splits) - set(SPLITS))
        if unknown:
            raise RequestError(
                f"labels.csv, column split: {unknown[0]!r} is not one of {', '.join(SPLITS)}"
            )
    else:
        splits = ["train"] * len(table)
        assumptions.append(
            "labels.csv has no split column: a seeded proportion of the patients is the test"
        )
    return quality, patients, splits, assumptions
