from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.data.loaders import ImageBatches, LevelBatches
from bench.data.patches import DISC, LUNGS, Pool, crop_pool
from bench.data.pixels import Pixels

SIDE, PATCH = 128, 16


@pytest.fixture
def places():
    """Where an epoch's patches are cut, from images whose colours are their coordinates."""
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    image = np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8)
    images: Any = np.stack([image] * 4)

    def cut(region):
        pixels = Pixels(images, images[:0], np.full(4, -1), region)
        batches = LevelBatches(
            pixels=pixels,
            pools={0: crop_pool(np.arange(4))},
            image_px=SIDE,
            patch_px=PATCH,
            batch=64,
            steps=20,
            augment=lambda patches, _: patches,
            purpose=(0, "test"),
        )
        return np.concatenate([step["query"][:, 0, 0, :2].numpy() for step in batches.epoch(1)])

    return cut


def test_free_crops_come_from_the_region_of_the_images(places):
    lungs, disc = ((places(region) + PATCH / 2) / SIDE for region in (LUNGS, DISC))
    off_middle = [np.abs(centres[:, 0] - 0.5).min() for centres in (lungs, disc)]
    assert off_middle[0] > 0.08 - 0.5 / SIDE > off_middle[1]
    assert lungs[:, 1].min() > 0.16 > disc[:, 1].min()


NUMBERED: Any = np.arange(40, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)


def shifted(images, generator):
    """Another shift for every image of every draw."""
    return images + torch.rand(len(images), 1, 1, 1, generator=generator)


def plain(images, generator):
    return images


@pytest.fixture
def pixels():
    """Forty images, each as bright as its number."""
    return Pixels(NUMBERED, NUMBERED[:0], np.full(40, -1))


@pytest.fixture
def whole(pixels):
    """The even images, labelled with their numbers, nine a batch."""
    return ImageBatches(pixels, np.arange(0, 40, 2), np.arange(40), 9, plain, (0, "test"))


PARTS = {0: crop_pool(np.arange(20)), 2: crop_pool(np.arange(20, 40))}


@pytest.fixture
def patched(pixels):
    """Patches of two levels, the images below 20 and the rest."""
    return LevelBatches(pixels, PARTS, 8, 4, 8, 3, plain, (0, "test"))


def of(batches, key, *, epoch=1):
    return [batch[key] for batch in batches.epoch(epoch)]


def test_an_image_keeps_its_label(whole):
    for batch in whole.epoch(1):
        assert torch.equal(batch["images"][:, 0, 0, 0].long(), batch["labels"])


def test_an_epoch_shows_an_image_once_and_only_those_of_the_split(whole):
    shown = torch.cat(of(whole, "labels")).tolist()
    assert len(set(shown)) == len(shown) == 18
    assert all(number % 2 == 0 for number in shown)


def test_each_epoch_has_an_order_of_its_own(whole):
    one, again, other = (torch.cat(of(whole, "labels", epoch=n)).tolist() for n in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize("kind", ["whole", "patched"])
def test_augmentation_is_drawn_anew_in_each_step_and_epoch(kind, request):
    batches = replace(request.getfixturevalue(kind), augment=shifted)
    key = "images" if kind == "whole" else "query"
    shifts = [batch.flatten(1)[:, 0] % 1 for n in (1, 2) for batch in of(batches, key, epoch=n)]
    drawn = torch.cat(shifts)
    assert len(drawn.unique()) == len(drawn)
    assert torch.equal(of(batches, key)[0], of(batches, key)[0])


def test_a_patch_has_its_place_in_the_pool_of_its_level(patched):
    for batch in patched.epoch(1):
        levels, entries = batch["levels"].tolist(), batch["entries"].tolist()
        places = zip(levels, entries, strict=True)
        expected = [patched.pools[level].images[entry] for level, entry in places]
        assert batch["query"][:, 0, 0, 0].tolist() == expected


@pytest.mark.parametrize("own_window", [False, True])
def test_two_views_are_augmented_apart(patched, own_window):
    """An image is of one colour here, so where it is cut makes no difference."""
    around = {n: Pool(pool.images, np.tile([2.0, 3, 4, 5], (20, 1))) for n, pool in PARTS.items()}
    batches = replace(patched, pools=around, own_window=own_window)
    for batch in batches.epoch(1):
        assert torch.equal(batch["query"], batch["key"])  # nothing is augmented here
    for batch in replace(batches, augment=shifted).epoch(1):
        assert torch.equal(batch["query"].long(), batch["key"].long())
        assert (batch["query"] != batch["key"]).all()


def test_each_step_and_epoch_cuts_other_patches(patched):
    cut = [b[:, 0, 0, 0].tolist() for n in (1, 2) for b in of(patched, "query", epoch=n)]
    assert len({tuple(images) for images in cut}) == len(cut)
    assert of(patched, "query")[0][:, 0, 0, 0].tolist() == cut[0]


def test_patches_come_from_the_level_that_is_said(patched):
    for batch in patched.epoch(1):
        healthy = batch["query"][:, 0, 0, 0] >= 20
        assert torch.equal(healthy, batch["levels"] == 2)
        assert healthy.sum() == 4


def test_parts_of_a_batch_are_shared_out_as_asked(patched):
    batch = next(iter(replace(patched, parts={0: 1, 2: 3}).epoch(1)))
    assert torch.bincount(batch["levels"]).tolist() == [2, 0, 6]
