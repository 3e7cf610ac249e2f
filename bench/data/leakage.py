"""What the splits of a data set share, and whether a stage of training may draw test images.

Written into a run's provenance while its data are open, since a record keeps no training images.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from bench.data import duplicates
from bench.data.pixels import ImageSet
from bench.data.records import SPLITS, Dataset


def leakage(
    dataset: Dataset,
    digests: Sequence[str],
    images: ImageSet,
    stages: Mapping[str, np.ndarray | None],
) -> dict[str, Any]:
    """The `leakage` entry of a record.

    Args:
        digests: Content of every image file.
        images: Of the whole data set; the undegraded ones at the larger size are compared.
        stages: Name of a stage -> indices of the images that it may draw; None where it learns
            from photographs outside the data set.

    Returns:
        `images` by split; `shared` by pair of splits: numbers of `patients`, and of groups of the
        `same_file` and the `same_picture` in another file; `alike`, the proportion of signs that
        may differ in one picture; `not_compared`, images too dark or flat to tell; `stages`:
        numbers of `images`, of those `in_test`, `of_test_patients`, and `like_test`, the same file
        or picture as a test image; None where the images lie elsewhere.
    """
    records = dataset.records
    clean = max(images.whole.clean, images.for_patches.clean, key=lambda pixels: pixels.shape[1])
    prints = [duplicates.fingerprint(clean[i]) for i in range(len(records))]
    threshold = duplicates.THRESHOLDS[dataset.modality]
    groups = {
        "same_file": duplicates.same_content(digests, records),
        "same_picture": duplicates.same_picture(prints, digests, records, threshold),
    }
    shared = {}
    for pair in combinations(SPLITS, 2):
        patients = [{records[i].patient_id for i in dataset.where(split)} for split in pair]
        shared["+".join(pair)] = {
            "patients": len(set.intersection(*patients)),
            **{
                kind: sum(_spans(group, dataset, pair) for group in of_kind)
                for kind, of_kind in groups.items()
            },
        }
    alike = _like_test(dataset, [group for of_kind in groups.values() for group in of_kind])
    return {
        "images": {split: len(dataset.where(split)) for split in SPLITS},
        "shared": shared,
        "alike": threshold,
        "not_compared": sum(fingerprint is None for fingerprint in prints),
        "stages": {name: _drawn(dataset, indices, alike) for name, indices in stages.items()},
    }


def images_of(batches: Any) -> np.ndarray | None:
    """Indices of the images that a stage's batches may draw; None if of another data set."""
    if hasattr(batches, "indices"):
        return np.unique(batches.indices)
    if hasattr(batches, "pools"):
        return np.unique(np.concatenate([pool.images for pool in batches.pools.values()]))
    return None


def _spans(group: duplicates.DuplicateGroup, dataset: Dataset, pair: tuple[str, str]) -> bool:
    return set(pair) <= {dataset.records[i].split for i in group.images}


def _like_test(dataset: Dataset, groups: Sequence[duplicates.DuplicateGroup]) -> set[int]:
    """Images outside the test split that show what a test image shows."""
    test = set(dataset.where("test").tolist())
    images = {i for g in groups if not test.isdisjoint(g.images) for i in g.images}
    return images - test


def _drawn(dataset: Dataset, indices: np.ndarray | None, alike: set[int]) -> dict[str, int] | None:
    if indices is None:
        return None
    test = dataset.where("test")
    patients = {dataset.records[i].patient_id for i in test}
    drawn = set(indices.tolist())
    return {
        "images": len(drawn),
        "in_test": len(drawn & set(test.tolist())),
        "of_test_patients": sum(dataset.records[i].patient_id in patients for i in drawn),
        "like_test": len(drawn & alike),
    }
