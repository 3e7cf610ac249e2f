"""The stored predictions of many runs as scores on the same patients, each file read once.

Letters: N test images, C classes, G patients, M runs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import NotComparable
from bench.evaluation import registry
from bench.evaluation.influence import JointScores, sum_by_patient
from bench.evaluation.measures import checked_classes
from bench.evaluation.metrics import tuned_thresholds

FILE = "predictions.parquet"


class _TestPredictions(NamedTuple):
    """The test split of one run; (N,), (N,), (N,) or (N, C), and (N, C).

    Attributes:
        thresholds: (N, C), for each image those of its run's validation split; nan where no score
            asks for them.
    """

    images: np.ndarray
    patients: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    thresholds: np.ndarray


def joint_scores(
    folders: Sequence[tuple[Path, ...]], metrics: Sequence[str]
) -> dict[str, JointScores]:
    """The scores of the test split of each run, with their covariance over patients.

    Args:
        folders: Of each of M runs, with a `predictions.parquet`; several folders are folds, whose
            test images are scored together. All M tested the same images.
        metrics: Names of `bench.evaluation.registry`, of those with an influence function.

    Returns:
        By metric, in the order of the folders.

    Raises:
        NotComparable: if two runs predicted different images, or the same with other labels.
        ValueError: without folders, for a metric that does not fit the labels, or for a tuned one
            of a run that stored no validation rows.
    """
    if not folders:
        raise ValueError("no runs to score; name at least one folder")
    tuned = any(metric.tuned for metric in registry.METRICS if metric.name in metrics)
    first = _read(folders[0], tuned)
    names, patient = np.unique(first.patients, return_inverse=True)
    values = {metric: np.empty(len(folders)) for metric in metrics}
    sums = {metric: np.empty((len(names), len(folders))) for metric in metrics}
    for column, folder in enumerate(folders):
        answers = _read(folder, tuned) if column else first
        if not np.array_equal(answers.images, first.images):
            answers = _in_order_of(first, answers)
        _refuse_other_images(first, answers, folders[0][0], folder[0])
        for metric in metrics:
            value, per_image = registry.influence(
                metric, answers.labels, answers.probabilities, answers.thresholds
            )
            values[metric][column] = value
            sums[metric][:, column] = sum_by_patient(per_image, patient, len(names))
    return {metric: JointScores(values[metric], sums[metric]) for metric in metrics}


def _read(folders: tuple[Path, ...], tuned: bool) -> _TestPredictions:
    """What one run predicted, or the folds of a repeat together."""
    folds = [_read_fold(folder, tuned) for folder in folders]
    if len(folds) == 1:
        return folds[0]
    pooled = _TestPredictions(*(np.concatenate(values) for values in zip(*folds, strict=True)))
    if len(np.unique(pooled.images)) < len(pooled.images):
        names = ", ".join(folder.name for folder in folders)
        raise NotComparable(
            f"runs {names} are folds of one repeat, and test an image twice; run them again on one "
            "state of the data"
        )
    return pooled


def _read_fold(folder: Path, tuned: bool) -> _TestPredictions:
    """Column by column, which for many runs costs a fraction of a frame's time."""
    whole = pq.read_table(folder / FILE, use_threads=False, pre_buffer=False)
    table = whole.filter(pa.array(whole["split"].cast(pa.string()).to_numpy() == "test"))
    probabilities = _stacked(table, "p_").astype(np.float64)
    if "label" in table.column_names:
        labels = checked_classes(table["label"].to_numpy(), probabilities.shape[1])
    else:
        labels = checked_classes(_stacked(table, "label_"), 2)
    images, patients = (
        table[name].cast(pa.string()).to_numpy() for name in ("image_id", "patient_id")
    )
    classes = probabilities.shape[1]
    given = _thresholds(folder, whole, classes) if tuned else np.full(classes, np.nan)
    thresholds = np.broadcast_to(given, probabilities.shape)
    return _TestPredictions(images, patients, labels, probabilities, thresholds)


def _stacked(table: pa.Table, prefix: str) -> np.ndarray:
    """(N, C) of the columns that a prefix and a number name."""
    return np.stack([table[name].to_numpy() for name in _numbered(table, prefix)], axis=1)


def _thresholds(folder: Path, whole: pa.Table, count: int) -> np.ndarray:
    rows = whole.to_pandas()
    validation = rows.loc[rows["split"] == "validation"]
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
    return _TestPredictions(*(values[order] for values in second))


def _numbered(table: pa.Table, prefix: str) -> list[str]:
    """Columns named by the prefix and a number, by number: `p_2` before `p_10`."""
    names = [name for name in table.column_names if name.removeprefix(prefix).isdigit()]
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
