import io
import tracemalloc

import cv2
import numpy as np
import pytest
from PIL import Image

from bench.data import duplicates
from bench.data.duplicates import fingerprint, same_content, same_picture
from bench.data.field_of_view import crop, find
from bench.data.twin.draw import photograph

PATIENTS = 4


@pytest.fixture(scope="module")
def eyes():
    """Both eyes of some drawn patients, 256 px."""
    return [
        photograph(str(patient), side, grade=patient % 5, quality=0, size_px=256, seed=0).image
        for patient in range(PATIENTS)
        for side in (-1, 1)
    ]


def compressed(image, quality):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def scaled(image, share):
    return cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


COPIES = {
    "saved again": lambda image: compressed(image, 50),
    "smaller": lambda image: compressed(scaled(image, 0.6), 90),
    "larger": lambda image: cv2.resize(image, (500, 500), interpolation=cv2.INTER_CUBIC),
    "darker": lambda image: (image * 0.8).astype(np.uint8),
    "trimmed": lambda image: np.ascontiguousarray(image[2:, :-2]),
}


def print_of(image):
    return fingerprint(crop(image, find(image), 128))


def differ(one, other):
    return (one != other).mean()


@pytest.mark.parametrize("kind", list(COPIES))
def test_a_copy_is_alike_and_another_eye_is_not(eyes, kind):
    originals = [print_of(image) for image in eyes]
    copies = [print_of(COPIES[kind](image)) for image in eyes]
    for i, copy in enumerate(copies):
        assert differ(copy, originals[i]) < duplicates.ALIKE
        others = [differ(copy, other) for j, other in enumerate(originals) if j != i]
        assert min(others) > duplicates.ALIKE


def test_what_is_too_dark_or_flat_to_tell_is_not_compared(eyes):
    assert fingerprint(np.zeros((128, 128, 3), np.uint8)) is None
    assert fingerprint(np.full((128, 128, 3), 200, np.uint8)) is None
    assert print_of((eyes[0] * 0.01).astype(np.uint8)) is None
    assert print_of((eyes[0] * 0.3).astype(np.uint8)) is not None


def test_noise_below_a_grey_level_is_not_compared():
    rng = np.random.default_rng(0)
    faint, strong = (
        np.clip(100 + level * rng.normal(size=(512, 512, 3)), 0, 255).astype(np.uint8)
        for level in (3, 60)
    )
    assert fingerprint(faint) is None
    assert fingerprint(strong) is not None


def signs(count, seed=0):
    return np.random.default_rng(seed).random((count, 576)) < 0.5


@pytest.mark.parametrize("at_once", [1, 300, 4_000_000])
def test_groups_are_those_that_a_chain_of_like_pictures_connects(monkeypatch, at_once):
    """Against counting one by one, at and beside the threshold, in blocks of 1, 7 and all rows."""
    monkeypatch.setattr(duplicates, "PAIRS_AT_ONCE", at_once)
    table = signs(40)
    limit = int(duplicates.ALIKE * 576)
    for place, flips in ((30, 0), (31, limit), (32, limit + 1)):
        table[place] = table[3]
        table[place, :flips] ^= True
    table[20, :] = table[31]  # like 31 alone and through it like 3: a chain
    table[20, limit : 2 * limit] ^= True
    found = duplicates._components(table, duplicates.ALIKE)
    expected = np.arange(40)
    for i in range(40):
        for j in range(40):
            if (table[i] != table[j]).sum() <= duplicates.ALIKE * 576:
                expected[expected == expected[j]] = expected[i]
    same = found[:, None] == found[None, :]
    np.testing.assert_array_equal(same, expected[:, None] == expected[None, :])
    assert same[3, [20, 30, 31]].all()
    assert not same[3, 4]


def test_pictures_that_are_all_alike_take_no_memory_of_their_pairs(records, monkeypatch):
    """3,000 have 4.5 million pairs: 70 bytes of each, as a block takes, would be 300 MB."""
    monkeypatch.setattr(duplicates, "PAIRS_AT_ONCE", 200_000)
    rows, one = records(1500), signs(1)[0]
    names = [str(i) for i in range(3000)]
    tracemalloc.start()
    (group,) = duplicates.same_picture([one] * 3000, names, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(group.images) == 3000
    assert peak < 50e6


def test_the_same_file_is_told_apart_from_the_same_picture(records):
    rows = records(3)
    prints = list(signs(6))
    prints[4] = prints[2] = prints[1] = prints[0]
    digests = ["a", "a", "b", "c", "d", "e"]
    assert [group.images for group in same_content(digests, rows)] == [(0, 1)]
    assert [group.images for group in same_picture(prints, digests, rows)] == [(0, 2, 4)]


def test_without_duplicates_there_are_no_groups(records):
    rows = records(3)
    assert same_content(list("abcdef"), rows) == []
    assert same_picture(list(signs(6)), list("abcdef"), rows) == []
    assert same_picture([None] * 6, list("abcdef"), rows) == []
    assert same_picture([], [], []) == []


def test_groups_across_splits_come_first_then_across_patients(records):
    # Patients 0 and 2 are in training, 1 and 3 in test; two eyes each.
    rows = records(4, grade=lambda p, e: 0)
    groups = same_content(["a", "a", "b", "c", "d", "b", "c", "e"], rows)
    assert [(g.images, g.across) for g in groups] == [
        ((2, 5), "splits"),
        ((3, 6), "patients"),
        ((0, 1), "one patient"),
    ]


def test_of_groups_as_far_apart_contradictory_ones_come_first(records):
    rows = records(6, grade=lambda p, e: int(p == 5))
    groups = same_content(["a", "b", "c", "d", "e", "f", "g", "h", "a", "i", "c", "j"], rows)
    assert [(g.images, g.contradictory) for g in groups] == [((2, 10), True), ((0, 8), False)]


@pytest.mark.parametrize(("grades", "contradictory"), [((1, 1), False), ((1, 2), True)])
def test_contradictory_labels_are_told(records, grades, contradictory):
    rows = records(1, grade=lambda p, e: grades[e], quality=lambda p, e: 0)
    (group,) = same_content(["a", "a"], rows)
    assert group.contradictory == contradictory
    assert not group.differing_quality


def test_differing_qualities_are_told(records):
    rows = records(1, grade=lambda p, e: 0, quality=lambda p, e: e)
    (group,) = same_content(["a", "a"], rows)
    assert (group.contradictory, group.differing_quality) == (False, True)


@pytest.mark.real
def test_real_photographs_are_told_apart_and_their_copies_found(real_data):
    folder = real_data / "fundus-srahim/images"
    files = sorted(folder.iterdir())[::12]
    images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    originals = np.array([print_of(image) for image in images])
    copies = np.array([print_of(compressed(scaled(image, 0.5), 60)) for image in images])
    apart = (originals[:, None] != originals).mean(axis=2)[np.triu_indices(len(files), 1)]
    assert apart.min() > duplicates.ALIKE + 0.03
    assert (originals != copies).mean(axis=1).max() < duplicates.ALIKE - 0.03
    # One eye under two patient numbers, as one sees: the same vessels and the same exudates.
    pair = [folder / f"{name}.jpg" for name in ("Patient067_L", "Patient237_L")]
    one, other = (print_of(np.asarray(Image.open(file).convert("RGB"))) for file in pair)
    assert differ(one, other) < duplicates.ALIKE
