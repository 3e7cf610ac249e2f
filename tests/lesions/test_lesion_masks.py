"""Photographs with masks: what is read, and that both are turned alike."""

import numpy as np
import pytest
import torch
from drawn_idrid import draw_idrid
from PIL import Image

from bench.errors import RequestError
from bench.lesions import idrid, lesion_masks
from bench.lesions.idrid import KINDS
from bench.lesions.lesion_masks import MaskBatches

PX = 48


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_idrid(tmp_path_factory.mktemp("data") / "idrid")


@pytest.fixture(scope="module")
def masked(drawn):
    return lesion_masks.read(idrid.read(drawn), PX, "idrid")


def batches(seed=0, steps=3):
    """Images that are their own first mask, so that one turned without the other shows."""
    masks = torch.randint(0, 256, (5, 5, PX, PX), dtype=torch.uint8)
    return MaskBatches(
        images=masks[:, :3].permute(0, 2, 3, 1),
        masks=masks,
        batch=4,
        steps=steps,
        prepare_images=lambda images: images.permute(0, 3, 1, 2).float(),
        prepare_masks=lambda own: own.float(),
        purpose=(seed, "segmentation"),
        foreign="idrid",
    )


def test_each_photograph_has_a_mask_a_kind_and_what_is_left_is_background(masked):
    assert masked.images.shape == (4, PX, PX, 3)
    assert masked.masks.shape == (4, 5, PX, PX)
    shown = {KINDS[k] for k in range(4) if masked.masks[:, k].any()}
    assert shown == {"haemorrhages", "hard exudates"}
    np.testing.assert_array_equal(masked.masks[:, 4], 255 - masked.masks[:, :4].max(axis=1))


def test_masks_lie_where_the_lesions_are(masked):
    """Exudates are drawn bright and haemorrhages dark, on a grey disc."""
    inside = masked.masks > 254
    green = masked.images[..., 1].astype(float)
    exudate, haemorrhage = KINDS.index("hard exudates"), KINDS.index("haemorrhages")
    assert green[inside[:, exudate]].min() > 150 > 100 > green[inside[:, haemorrhage]].max()


def test_an_image_and_its_masks_are_turned_together_and_not_always_alike():
    torch.manual_seed(0)
    own = batches()
    turned = [batch for number in (1, 2) for batch in own.epoch(number)]
    for batch in turned:
        torch.testing.assert_close(batch["images"], batch["masks"][:, :3], rtol=0, atol=0)
    as_they_were = {image.numpy().tobytes() for image in own.masks[:, :3].float()}
    seen = [image.numpy().tobytes() for batch in turned for image in batch["images"]]
    assert 0 < sum(image in as_they_were for image in seen) < len(seen)


def test_photographs_come_again_as_often_as_the_steps_need_each_before_any_comes_twice():
    torch.manual_seed(0)
    own = batches(steps=3)  # 12 of 5 photographs
    sums = [float(image.sum()) for batch in own.epoch(1) for image in batch["images"]]
    assert len(sums) == 12
    assert len(set(sums[:5])) == len(set(sums[5:10])) == 5


def test_a_mask_of_another_size_is_named(drawn, tmp_path):
    root = draw_idrid(tmp_path / "idrid", training=1)
    (mask,) = root.rglob("*_EX.tif")
    Image.open(mask).resize((20, 20)).save(mask)
    with pytest.raises(RequestError, match=mask.name):
        lesion_masks.read(idrid.read(root), PX, "idrid")
