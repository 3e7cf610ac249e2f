"""A data set as the harness sees it: one Record an image, and what was assumed about them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.errors import RequestError
from bench.seeding import generator_for, seed_for
from bench.tasks import Task

SPLITS = ("train", "validation", "test")
Modality = Literal["fundus", "chest"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Record:
    """One image.

    Attributes:
        image_id: Unique in the data set; seeds and predictions go by it.
        path: Where the file lies; never part of an identity.
        patient_id: Images of one patient never stand in two splits.
        labels: (grade,) or one 0/1 a finding.
        quality: 0 good, 1 usable, 2 reject; 1 and 2 count as low (D28).
        split: "train", "validation" or "test".
        boxes: Lesions as x0, y0, x1, y1 in pixels of the file, x1 and y1 exclusive.
    """

    image_id: str
    path: Path
    patient_id: str
    labels: tuple[int, ...]
    quality: int
    split: str
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Records with their task and everything a page must say about them.

    Attributes:
        boxes: "oracle", "given" or "none": where lesion boxes come from.
        real: False for synthetic twins, whose numbers are never set beside published ones.
        modality: What the images are; it decides how they are framed, degraded and augmented.
        synthetic_proportion: Of each split's images, those degraded at the native ratio already to
            stand for badly taken ones; 0 where the data have qualities of their own.
        partial: Not all of a published set is there.
        test_drawn: Where no record is of the test split, some of the patients are moved to it.
        limited: `data.limit` left some of its images out.
        assumptions: One sentence for each thing that the data do not state.
        declared: Findings that the data's description names, where their columns alone do not.
        origin: Identity beyond the records' contents, such as a generator's version.
    """

    name: str
    task: Task
    records: tuple[Record, ...]
    boxes: str
    real: bool
    modality: Modality = "fundus"
    synthetic_proportion: float = 0.0
    partial: bool = False
    test_drawn: bool = False
    limited: bool = False
    assumptions: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    origin: dict[str, Any] = field(default_factory=dict)

    def labels(self) -> np.ndarray:
        """(N, 1) grades or (N, C) findings, int64, in the order of the records."""
        return np.array([record.labels for record in self.records], dtype=np.int64)

    def quality(self) -> np.ndarray:
        """(N,) int64."""
        return np.array([record.quality for record in self.records], dtype=np.int64)

    def where(self, split: str) -> np.ndarray:
        """Indices of a split's records, int64."""
        return np.array([i for i, r in enumerate(self.records) if r.split == split], dtype=np.int64)


def check_unique(image_ids: Iterable[str], where: str) -> None:
    """Refuse a label file that names an image twice.

    Raises:
        RequestError: naming the first such image.
    """
    seen: set[str] = set()
    for image_id in image_ids:
        if image_id in seen:
            raise RequestError(f"{where}: image {image_id!r} stands there twice; keep one row")
        seen.add(image_id)


def hold_out(
    records: Sequence[Record],
    *,
    source: str,
    target: str,
    proportion: float,
    purpose: str,
    seed: int,
) -> tuple[Record, ...]:
    """Move a proportion of one split's patients to another split.

    Patients are stratified by their worst label and worst quality: in each stratum, and over all
    of them, the number moved is within one of the proportion.

    Args:
        source: The split that gives.
        target: The split that receives.
        proportion: Of the source's patients.
        purpose: Names the random choice.
        seed: `protocol.data.data_seed`.

    Returns:
        The records in their old order.
    """
    moved: set[str] = set()
    owed = 0.0
    for patients in _strata(records, source):
        owed += proportion * len(patients)
        take = round(owed)
        owed -= take
        moved.update(sorted(patients, key=lambda p: seed_for(seed, purpose, p))[:take])
    return tuple(
        replace(r, split=target) if r.split == source and r.patient_id in moved else r
        for r in records
    )


def folds_of_patients(
    records: Sequence[Record], folds: int, *, purpose: str, seed: int
) -> dict[str, int]:
    """The fold of each patient, 0 to folds - 1; images of one patient never stand in two folds.

    Stratified as in `hold_out`: the numbers of patients in any two folds differ by one at most, in
    each stratum and over all of them.

    Args:
        records: All of the train split.
        purpose: Names the partition.
        seed: `protocol.data.data_seed`.
    """
    fold_of: dict[str, int] = {}
    for patients in _strata(records, "train"):
        for patient in sorted(patients, key=lambda p: seed_for(seed, purpose, p)):
            fold_of[patient] = len(fold_of) % folds
    return fold_of


def limit(records: Sequence[Record], count: int, *, seed: int) -> tuple[Record, ...]:
    """A seeded subset of about `count` images that keeps whole patients and the mix of strata."""
    if count >= len(records):
        return tuple(records)
    proportion = 1 - count / len(records)
    kept = tuple(records)
    for split in sorted({r.split for r in records}):
        kept = hold_out(
            kept, source=split, target="left out", proportion=proportion, purpose="limit", seed=seed
        )
    return tuple(r for r in kept if r.split != "left out")


def shuffle_labels(records: Sequence[Record], *, seed: int) -> tuple[Record, ...]:
    """The control with no signal: labels permuted within each split."""
    shuffled = list(records)
    for split in SPLITS:
        indices = [i for i, r in enumerate(records) if r.split == split]
        order = generator_for(seed, "shuffle labels", split).permutation(len(indices))
        for i, j in zip(indices, order, strict=True):
            shuffled[i] = replace(records[i], labels=records[indices[j]].labels)
    return tuple(shuffled)


def _strata(records: Sequence[Record], split: str) -> list[list[str]]:
    """A split's patients by their worst label and worst quality, each list in order of names."""
    strata: dict[tuple[int, int], list[str]] = {}
    for patient, images in sorted(_by_patient(records, split).items()):
        stratum = (max(max(r.labels) for r in images), max(r.quality for r in images))
        strata.setdefault(stratum, []).append(patient)
    return [patients for _, patients in sorted(strata.items())]


def _by_patient(records: Sequence[Record], split: str) -> dict[str, list[Record]]:
    patients: dict[str, list[Record]] = {}
    for record in records:
        if record.split == split:
            patients.setdefault(record.patient_id, []).append(record)
    return patients
