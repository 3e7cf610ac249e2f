from typing import Any

import numpy as np
import pytest

from bench.data.loaders import LevelBatches
from bench.data.patches import DISC, LUNGS, crop_pool
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
