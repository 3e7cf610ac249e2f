"""The stored predictions of many runs as scores on the same patients, each file read once.

Letters: N test images, C classes, G patients, M runs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.errors import NotComparable
from bench.evaluation.influence import JointScores, influence, sum_by_patient
from bench.evaluation.measures import checked_classes
from bench.evaluation.metrics import TUNED, tuned_thresholds

FILE = "predictions.parquet"


class _TestPredictions(NamedTuple):
    """The test split of one run; (N,), (N,), (N,) or (N, C), and (N, C).

    Attributes:
        thresholds: (C,) of its validation split; None where no score asks for them.
    """

    images: np.ndarray
    patients: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    thresholds: np.ndarray | None


def joint_scores(folders: Sequence[Path], metrics: Sequence[str]) -> dict[str, JointScores]:
    """The scores of the test split of each run, with their covariance over patients.

    Args:
        folders: M run folders with a `predictions.parquet` each, all of one test split.
        metrics: Names as in `bench.evaluation.metrics`; see `influence.METRICS`.

    Returns:
        By metric, in the order of the folders.

    Raises:
        NotComparable: if two runs predicted different images, or the same with other labels.
        ValueError: without folders, for a metric that does not fit the labels, or for a tuned one
            of a run that stored no validation rows.
    """
    if not folders:
        raise ValueError("no runs to score; name at least one folder")
    tuned = any(metric.endswith(TUNED) for metric in metrics)
    first = _read(folders[0], tuned)
    names, patient = np.unique(first.patients, return_inverse=True)
    values = {metric: np.empty(len(folders)) for metric in metrics}
    sums = {metric: np.empty((len(names), len(folders))) for metric in metrics}
    for column, folder in enumerate(folders):
        answers = _read(folder, tuned) if column else first
        if not np.array_equal(answers.images, first.images):
            answers = _in_order_of(first, answers)
        _refuse_other_images(first, answers, folders[0], folder)
        for metric in metrics:
            value, per_image = influence(
                metric, answers.labels, answers.probabilities, answers.thresholds
            )
            values[metric][column] = value
            sums[metric][:, column] = sum_by_patient(per_image, patient, len(names))
    return {metric: JointScores(values[metric], sums[metric]) for metric in metrics}


def _read(folder: Path, tuned: bool) -> _TestPredictions:
    whole = pd.read_parquet(folder / FILE)
    table = whole.loc[whole["split"] == "test"]
    probabilities = table[_numbered(table, "p_")].to_numpy(dtype=np.float64)
    if "label" in table:
        labels = checked_classes(table["label"].to_numpy(), probabilities.shape[1])
    else:
        labels = checked_classes(table[_numbered(table, "label_")].to_numpy(), 2)
    images, patients = (table[name].to_numpy(dtype=object) for name in ("image_id", "patient_id"))
    thresholds = _thresholds(folder, whole, probabilities.shape[1]) if tuned else None
    return _TestPredictions(images, patients, labels, probabilities, thresholds)


def _thresholds(folder: Path, whole: pd.DataFrame, count: int) -> np.ndarray:
    validation = whole.loc[whole["split"] == "validation"]
    if validation.empty:
        raise ValueError(f"run {folder.name} stored no validation rows to tune thresholds on")
    return tuned_thresholds(validation, count)


def _in_order_of(first: _TestPredictions, second: _TestPredictions) -> _TestPredictions:
    """The other's rows in the first's order of images, as far as the images are the same."""
    order = np.argsort(second.images)
    if len(first.images) == len(order):
        matching = np.empty_like(order)
        matching[np.argsort(first.images)] = order
        order = matching
    images, patients, labels, probabilities = (values[order] for values in second[:4])
    return _TestPredictions(images, patients, labels, probabilities, second.thresholds)


def _numbered(table: pd.DataFrame, prefix: str) -> list[str]:
    """Columns named by the prefix and a number, by number: `p_2` before `p_10`."""
    names = [name for name in table.columns if name.removeprefix(prefix).isdigit()]
    return sorted(names, key=lambda name: int(name.removeprefix(prefix)))


def _refuse_other_images(
    first: _TestPredictions, second: _TestPredictions, first_folder: Path, second_folder: Path
) -> None:
    for what in ("images", "patients", "labels"):
        if not np.array_equal(getattr(first, what), getattr(second, what)):
            raise NotComparable(
                f"runs {first_folder.name} and {second_folder.name} differ in the {what} of their "
                "test split, so nothing can be said of their difference; keep them in folders of "
                "their own and name one with --records DIR"
            )
