from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.data.patches import (
    DISC,
    FRAME,
    LUNGS,
    box_pool,
    corners,
    crop_pool,
    region_of,
    sample,
)
from bench.seeding import generator_for

sizes = st.tuples(st.integers(16, 64), st.integers(64, 200))


def boxes_in(rng, count, image_px, largest):
    """Boxes inside the image, none larger than `largest` on a side."""
    size = rng.uniform(1, largest, (count, 2))
    start = rng.uniform(0, 1, (count, 2)) * (image_px - size)
    return np.concatenate([start, start + size], axis=1)


@given(sizes, st.integers(0, 50))
def test_a_patch_lies_in_the_image_and_holds_its_box(size, seed):
    patch_px, image_px = size
    rng = generator_for(seed)
    # One pixel less than the patch: whole-pixel corners cannot hold every box of the full size.
    boxes = boxes_in(rng, 20, image_px, patch_px - 1)
    pool = box_pool(np.arange(20), [box[None] for box in boxes], patch_px=patch_px)
    at = corners(pool, np.arange(20), image_px=image_px, patch_px=patch_px, rng=rng)
    assert (at >= 0).all() and (at + patch_px <= image_px).all()
    assert (at <= boxes[:, :2]).all()
    assert (at + patch_px >= boxes[:, 2:]).all()


@given(sizes, st.integers(0, 50))
def test_free_crops_lie_in_the_image(size, seed):
    patch_px, image_px = size
    pool = crop_pool(np.arange(30))
    at = corners(pool, np.arange(30), image_px=image_px, patch_px=patch_px, rng=generator_for(seed))
    assert (at >= 0).all() and (at + patch_px <= image_px).all()


def test_the_centres_of_free_crops_fill_a_disc_evenly():
    """A quarter of the area, so a quarter of the centres, lies within half the radius."""
    pool = crop_pool(np.zeros(20_000))
    at = corners(pool, np.arange(20_000), image_px=256, patch_px=64, rng=generator_for(0))
    distance = np.hypot(*(at - 96).T) / 96
    assert distance.max() <= 1.01
    assert abs((distance < 0.5).mean() - 0.25) < 0.02  # 6 standard errors


def test_boxes_larger_than_a_patch_are_dropped_and_their_image_with_them():
    boxes = [
        np.array([[0, 0, 10, 10], [0, 0, 40, 10]]),
        np.array([[0, 0, 40, 40]]),
        np.empty((0, 4)),
    ]
    pool = box_pool(np.arange(3), boxes, patch_px=32)
    assert pool.images.tolist() == [0]


def test_every_corner_that_holds_the_box_is_drawn_alike():
    """A box from 10 to 14 in a patch of 8: corners 6 to 10 in both directions."""
    pool = box_pool(np.arange(1), [np.array([[10.0, 10.0, 14.0, 14.0]])], patch_px=8)
    entries = np.zeros(5000, dtype=np.int64)
    at = corners(pool, entries, image_px=64, patch_px=8, rng=generator_for(0))
    for axis in at.T:
        values, counts = np.unique(axis, return_counts=True)
        assert values.tolist() == [6, 7, 8, 9, 10]
        assert np.abs(counts / 5000 - 1 / 5).max() < 0.03  # 5 standard errors


@given(sizes, st.integers(0, 50))
def test_a_centred_box_is_in_the_middle_as_far_as_the_image_has_room(size, seed):
    patch_px, image_px = size
    boxes = boxes_in(generator_for(seed), 20, image_px, patch_px - 1)
    pool = box_pool(np.arange(20), [box[None] for box in boxes], patch_px=patch_px)
    where: Any = {"image_px": image_px, "patch_px": patch_px, "expansion": "centred"}
    at, again = (corners(pool, np.arange(20), **where, rng=generator_for(n)) for n in (0, 1))
    assert np.array_equal(at, again)
    assert (at <= boxes[:, :2]).all() and (at + patch_px >= boxes[:, 2:]).all()
    wanted = (boxes[:, :2] + boxes[:, 2:] - patch_px) / 2
    inside = np.clip(wanted, 0, image_px - patch_px)
    assert np.abs(at - inside).max() <= 1  # whole pixels, and the box has to be held


def test_images_are_drawn_alike_however_many_boxes_they_have():
    boxes = [np.tile([[0.0, 0.0, 5.0, 5.0]], (n, 1)) for n in (1, 9)]
    pool = box_pool(np.arange(2), boxes, patch_px=32)
    drawn = pool.images[sample(pool, 4000, generator_for(0))]
    assert abs((drawn == 0).mean() - 0.5) < 0.04  # 5 standard errors
    assert len(set(sample(pool, 4000, generator_for(0)).tolist())) == 10


def test_a_generator_fixes_the_patches_and_another_changes_them():
    pool = crop_pool(np.arange(50))
    drawn = [sample(pool, 20, generator_for(seed)).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_free_crops_of_radiographs_are_centred_evenly_in_the_lungs():
    pool = crop_pool(np.zeros(20_000))
    sizes: Any = {"image_px": 256, "patch_px": 64}
    at = corners(pool, np.arange(20_000), **sizes, rng=generator_for(0), region=LUNGS)
    centres = (at + 32) / 256
    right = centres[:, 0] < 0.5
    assert abs(right.mean() - 0.5) < 0.02  # 6 standard errors
    for own, rectangle in zip((right, ~right), np.array(LUNGS), strict=True):
        low, high = rectangle.reshape(2, 2)
        assert np.abs(centres[own].min(axis=0) - low).max() < 1 / 256
        assert np.abs(centres[own].max(axis=0) - high).max() < 1 / 256
        share = (centres[own] < low + (high - low) / 4).mean(axis=0)
        assert np.abs(share - 0.25).max() < 0.03  # 6 standard errors


@given(sizes, st.integers(0, 50))
def test_crops_of_the_lungs_lie_in_the_image_whatever_their_size(size, seed):
    patch_px, image_px = size
    rng = generator_for(seed)
    pool = crop_pool(np.arange(30))
    where: Any = {"image_px": image_px, "patch_px": patch_px, "rng": rng}
    at = corners(pool, np.arange(30), **where, region=LUNGS)
    assert (at >= 0).all() and (at + patch_px <= image_px).all()


def test_boxes_are_cut_around_whatever_the_region():
    pool = box_pool(np.arange(1), [np.array([[2.0, 2.0, 20.0, 20.0]])], patch_px=32)
    found = [
        corners(
            pool, np.array([0]), image_px=256, patch_px=32, rng=generator_for(0), region=region
        ).tolist()
        for region in (DISC, FRAME, LUNGS)
    ]
    assert found[0] == found[1] == found[2]


def test_a_patch_of_300_on_512_fits():
    """The released code's size (D20)."""
    pool = crop_pool(np.arange(500))
    where: Any = {"image_px": 512, "patch_px": 300, "rng": generator_for(0)}
    at = corners(pool, np.arange(500), **where, region=LUNGS)
    assert at.min() == 0 and at.max() <= 212


def test_each_modality_has_its_region():
    assert region_of("fundus", "lungs") == DISC
    assert region_of("chest", "lungs") == LUNGS
    assert region_of("chest", "anywhere") == FRAME
