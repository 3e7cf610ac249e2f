"""Any user's set: `labels.csv` and `images/`, optionally `boxes.csv`.

`labels.csv` has `image`, then either `label` (grades 0, 1, ...) or one 0/1 column per finding;
optional: `patient_id`, `eye` (ignored), `quality` (0 good, 1 usable, 2 reject), `split` (train,
validation, test). `boxes.csv` has `image,x0,y0,x1,y1` in pixels of the file. What is not given is
assumed by a rule that is recorded and shown.
"""

from pathlib import Path

import pandas as pd

from bench.data.csv_tables import read_csv, whole_number
from bench.data.given_boxes import read_boxes
from bench.data.records import SPLITS, Dataset, Record, check_unique
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
