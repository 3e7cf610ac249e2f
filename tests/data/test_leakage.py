"""Leaks are planted in a small drawn set, one at a time, and found."""

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from known import known
from PIL import Image

from bench.data import duplicates
from bench.data.leakage import images_of, leakage
from bench.data.loaders import ImageBatches, LevelBatches
from bench.data.patches import Pool
from bench.data.pixels import ImageSet, Pixels
from bench.data.twin.draw import photograph

PATIENTS = 6
SPLITS = ("train", "validation", "test")
PAIRS = ("train+validation", "train+test", "validation+test")
# Images 0 to 3 are of training, 4 to 7 of validation, 8 to 11 of the test split.
TRAIN, VALIDATION, TEST = 0, 4, 8


@pytest.fixture(scope="module")
def photographs():
    """Both eyes of each patient, (12, 256, 256, 3)."""
    eyes = [(patient, side) for patient in range(PATIENTS) for side in (-1, 1)]
    drawn = [
        photograph(str(patient), side, grade=patient % 5, quality=0, size_px=256, seed=0).image
        for patient, side in eyes
    ]
    return np.stack(drawn)


@pytest.fixture
def own(dataset, records):
    """Patients 0 and 1 in training, 2 and 3 in validation, 4 and 5 in the test split."""
    every = records(PATIENTS)
    return dataset([replace(r, split=SPLITS[int(r.patient_id) // 2]) for r in every])


def found(own, photographs, *, digests=None, stages=None):
    digests = [f"file {place}" for place in range(len(photographs))] if digests is None else digests
    sizes: list[Any] = [photographs[:, ::4, ::4], photographs]
    small, large = (Pixels(own, own[:0], np.full(len(own), -1)) for own in sizes)
    images = ImageSet(small, large, [], {})
    return leakage(own, digests, images, stages or {"finetune": own.where("train")})


def saved_again(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=60)
    return np.asarray(Image.open(stream))


def moved(own, place, **changes):
    """The data set with one record changed."""
    records = list(own.records)
    records[place] = replace(records[place], **changes)
    return replace(own, records=tuple(records))


def shared(entry):
    """What is not 0 among what pairs of splits share."""
    pairs = entry["shared"].items()
    return {(pair, what): n for pair, kinds in pairs for what, n in kinds.items() if n}


def test_a_clean_set_shares_nothing(own, photographs):
    entry = found(own, photographs)
    assert entry["images"] == {"train": 4, "validation": 4, "test": 4}
    assert tuple(entry["shared"]) == PAIRS
    assert shared(entry) == {}
    assert entry["not_compared"] == 0
    clean = {"images": 4, "in_test": 0, "of_test_patients": 0, "like_test": 0}
    assert entry["stages"] == {"finetune": clean}


@pytest.mark.parametrize(
    ("place", "patient", "pair"),
    [(TRAIN, "2", PAIRS[0]), (TRAIN, "4", PAIRS[1]), (VALIDATION, "5", PAIRS[2])],
)
def test_a_patient_of_two_splits_is_counted(own, photographs, place, patient, pair):
    entry = found(moved(own, place, patient_id=patient), photographs)
    assert shared(entry) == {(pair, "patients"): 1}


def test_a_training_image_of_a_test_patient_is_counted_at_its_stage(own, photographs):
    entry = found(moved(own, TRAIN, patient_id="4"), photographs)
    assert entry["stages"]["finetune"]["of_test_patients"] == 1
    assert entry["stages"]["finetune"]["in_test"] == 0


@pytest.mark.parametrize(
    ("one", "other", "pair"),
    [(TRAIN, VALIDATION, PAIRS[0]), (TRAIN, TEST, PAIRS[1]), (VALIDATION, TEST, PAIRS[2])],
)
def test_one_file_in_two_splits_is_counted(own, photographs, one, other, pair):
    digests = [f"file {place}" for place in range(len(photographs))]
    digests[other] = digests[one]
    entry = found(own, photographs, digests=digests)
    assert shared(entry) == {(pair, "same_file"): 1}
    assert entry["stages"]["finetune"]["like_test"] == int(pair == "train+test")


@pytest.mark.parametrize("other", [VALIDATION, TEST])
def test_one_picture_in_another_file_is_counted(own, photographs, other):
    copied = photographs.copy()
    copied[other] = saved_again(photographs[TRAIN])
    entry = found(own, copied)
    assert shared(entry) == {(PAIRS[0] if other == VALIDATION else PAIRS[1], "same_picture"): 1}
    assert entry["stages"]["finetune"]["like_test"] == int(other == TEST)


def between(one, other, low, high):
    """A mixture of two pictures whose signs differ from the first's in a share between two."""
    first = duplicates.fingerprint(one)
    for part in np.linspace(0.05, 0.6, 56):
        mixed = ((1 - part) * one + part * other).astype(np.uint8)
        if low < (duplicates.fingerprint(mixed) != first).mean() < high:
            return mixed
    raise AssertionError("no mixture is that far off")


def test_radiographs_are_one_picture_at_a_smaller_distance_than_photographs(own, photographs):
    low, high = duplicates.ALIKE_RADIOGRAPHS, duplicates.ALIKE
    copied = photographs.copy()
    copied[TEST] = between(photographs[TRAIN], photographs[TEST], low, high)
    as_photographs = found(own, copied)
    as_radiographs = found(replace(own, modality="chest"), copied)
    assert shared(as_photographs) == {(PAIRS[1], "same_picture"): 1}
    assert shared(as_radiographs) == {}
    assert (as_photographs["alike"], as_radiographs["alike"]) == (high, low)
    saved = photographs.copy()
    saved[TEST] = saved_again(photographs[TRAIN])
    assert shared(found(replace(own, modality="chest"), saved)) == {(PAIRS[1], "same_picture"): 1}


def test_one_picture_twice_in_one_split_is_no_leak(own, photographs):
    copied = photographs.copy()
    copied[TRAIN + 2] = saved_again(photographs[TRAIN])
    assert shared(found(own, copied)) == {}


def test_a_black_image_is_counted_as_not_compared(own, photographs):
    dark = photographs.copy()
    dark[[TRAIN, TEST]] = 0
    entry = found(own, dark)
    assert entry["not_compared"] == 2
    assert shared(entry) == {}


def test_each_stage_is_judged_by_the_images_that_it_may_draw(own, photographs):
    stages = {
        "pretrain": np.array([0, 1, TEST, TEST + 1]),
        "finetune": own.where("train"),
        "segment": None,
    }
    entry = found(own, photographs, stages=stages)["stages"]
    assert entry["pretrain"] == {"images": 4, "in_test": 2, "of_test_patients": 2, "like_test": 0}
    assert entry["finetune"]["in_test"] == 0
    assert entry["segment"] is None


def test_batches_tell_which_images_they_may_draw():
    """Of images by their indices, of patches by all their levels, each image once."""
    unused: Any = None
    shared = {"pixels": unused, "batch": 2, "augment": unused, "purpose": (0,)}
    images = ImageBatches(indices=np.array([5, 3, 3]), labels=np.zeros(9), **shared)
    pools = {
        level: Pool(np.array(own), np.zeros((len(own), 4)))
        for level, own in ((0, [7, 1, 1]), (2, [4, 7]))
    }
    patches = LevelBatches(pools=pools, image_px=64, patch_px=16, steps=1, **shared)
    assert known(images_of(images)).tolist() == [3, 5]
    assert known(images_of(patches)).tolist() == [1, 4, 7]


def drawing(images=(), foreign="") -> Any:
    return SimpleNamespace(indices=np.array(images, dtype=np.int64), foreign=foreign)


def test_batches_of_other_photographs_name_their_set_and_no_image():
    assert images_of(drawing(foreign="idrid")) is None
    assert known(images_of(drawing([2, 2, 1]))).tolist() == [1, 2]


@pytest.mark.parametrize("batches", [drawing(), drawing([1], "idrid")])
def test_batches_that_name_neither_images_nor_another_set_or_both_are_refused(batches):
    with pytest.raises(ValueError, match="must name one of the two"):
        images_of(batches)


def test_batches_that_do_not_say_what_they_draw_are_never_other_photographs():
    silent: Any = object()
    with pytest.raises(AttributeError, match="indices"):
        images_of(silent)
