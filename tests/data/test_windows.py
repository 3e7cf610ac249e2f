"""Where the two views of a patch are cut: one window, or two that are shifted independently."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.data.loaders import LevelBatches
from bench.data.patches import Pool, crop_pool
from bench.data.pixels import Pixels

SIDE, PATCH, COUNT = 128, 32, 3
BOX = np.array([60.0, 50.0, 64.0, 58.0])  # x0, y0, x1, y1


@pytest.fixture
def batches():
    """A level of boxes and one of free crops, of images whose colours are place and number."""
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    images: Any = np.stack(
        [np.stack([x, y, np.full_like(x, n)], axis=2) for n in range(COUNT)]
    ).astype(np.uint8)
    pools = {0: Pool(np.arange(COUNT), np.tile(BOX, (COUNT, 1))), 2: crop_pool(np.arange(COUNT))}
    return LevelBatches(
        pixels=Pixels(images, images[:0], np.full(COUNT, -1)),
        pools=pools,
        image_px=SIDE,
        patch_px=PATCH,
        batch=64,
        steps=20,
        augment=lambda patches, _: patches,
        purpose=(0, "test"),
        own_window=True,
    )


def corners(batches, view, level, *, epoch=1):
    """(n, 2) corners x, y of a view's patches of a level."""
    shown = [step[view][step["levels"] == level][:, 0, 0, :2] for step in batches.epoch(epoch)]
    return torch.cat(shown).numpy().astype(int)


def test_each_view_of_a_box_is_a_window_of_its_own_that_holds_it(batches):
    query, key = (corners(batches, view, 0) for view in ("query", "key"))
    for at in (query, key):
        assert (at <= BOX[:2]).all() and (at + PATCH >= BOX[2:]).all()
    # 29 x 25 corners hold the box, so of 640 pairs about one is equal.
    assert (query == key).all(axis=1).mean() < 0.01
    # Independent draws: the correlation's standard error is 1 / sqrt(640).
    for axis in (0, 1):
        assert abs(np.corrcoef(query[:, axis], key[:, axis])[0, 1]) < 5 / np.sqrt(len(query))


def test_without_own_windows_both_views_are_of_one_patch(batches):
    for step in replace(batches, own_window=False).epoch(1):
        assert torch.equal(step["query"], step["key"])


def test_both_windows_are_of_the_same_image(batches):
    for step in batches.epoch(1):
        assert torch.equal(step["query"][..., 2], step["key"][..., 2])


def test_a_free_crop_has_one_window(batches):
    assert np.array_equal(corners(batches, "query", 2), corners(batches, "key", 2))


def test_own_windows_leave_the_query_where_it_is(batches):
    pairs = zip(batches.epoch(1), replace(batches, own_window=False).epoch(1), strict=True)
    for own, same in pairs:
        assert torch.equal(own["query"], same["query"])


def test_second_windows_are_drawn_anew_in_each_step_and_epoch(batches):
    by_epoch = [corners(batches, "key", 0, epoch=n).reshape(20, -1) for n in (1, 1, 2)]
    assert np.array_equal(by_epoch[0], by_epoch[1])
    drawn = np.concatenate([by_epoch[0], by_epoch[2]])
    assert len(np.unique(drawn, axis=0)) == 40


def test_a_centred_box_is_in_the_middle_of_both_views(batches):
    centred = replace(batches, expansion="centred")
    for view in ("query", "key"):
        assert (corners(centred, view, 0) == [46, 38]).all()  # 62 - 16 and 54 - 16
    free = corners(centred, "query", 2)
    assert np.array_equal(free, corners(batches, "query", 2))
