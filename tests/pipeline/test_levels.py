from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.errors import RequestError
from bench.pipeline.gather import run_context
from bench.pipeline.identity import replace_group
from bench.pipeline.levels import level_pools, usable_pairs
from bench.pipeline.resolve import Request, prepare
from bench.training.callbacks import Callbacks

BOX = np.array([[10.0, 10.0, 14.0, 14.0]])
LESIONS, HEALTHY = (0, 1), (2, 3)  # level codes


@pytest.fixture
def given(small_set, cache, tiny, tmp_path):
    """Materials of a contrastive run, every second training image with one box."""
    request = Request(
        "comcl",
        "folder",
        "0.7",
        protocol="smoke",
        changes=tiny,
        data=small_set,
        results=tmp_path,
        cache=cache,
    )
    made = run_context(
        prepare(request, lambda *_: None), torch.device("cpu"), Callbacks(lambda *_: None)
    )
    boxes = [np.empty((0, 4))] * len(made.dataset.records)
    for i in made.dataset.where("train")[::2]:
        boxes[i] = BOX

    def make(kind="detector", **settings):
        protocol = replace_group(made.protocol, "detector", settings)
        images = replace(made.images, boxes=boxes)
        return replace(made, boxes=kind, images=images, protocol=protocol)

    return make


def split(given, codes):
    """Images of the levels with patches around boxes, and those with random crops."""
    pools = [level_pools(given)[code] for code in codes]
    images = np.concatenate([pool.images for pool in pools])
    free = np.isnan(np.concatenate([pool.boxes[:, 0] for pool in pools]))
    return set(images[~free].tolist()), set(images[free].tolist())


def training(given, lesion):
    train = given.dataset.where("train")
    sick = given.dataset.labels()[train, 0] > 0
    return set(train[sick == lesion].tolist())


def boxed(given):
    return {i for i in given.dataset.where("train").tolist() if len(given.images.boxes[i])}


def test_a_lesion_image_without_a_box_is_left_out_or_gets_a_random_crop(given):
    sick, with_box = training(given(), lesion=True), boxed(given())
    assert sick & with_box and sick - with_box
    assert split(given(), LESIONS) == (sick & with_box, set())
    filled = given(without_box="random_crop")
    assert split(filled, LESIONS) == (sick & with_box, sick - with_box)


def test_a_box_on_a_healthy_image_is_ignored_or_a_hard_patch(given):
    well, with_box = training(given(), lesion=False), boxed(given())
    assert well & with_box and well - with_box
    assert split(given(), HEALTHY) == (set(), well)
    hard = given(on_healthy="hard_healthy")
    assert split(hard, HEALTHY) == (well & with_box, well - with_box)
    assert split(hard, LESIONS) == split(given(), LESIONS)


@pytest.mark.parametrize("kind", ["oracle", "given"])
def test_boxes_that_are_known_are_used_as_they_are(given, kind):
    known = given(kind, without_box="random_crop", on_healthy="hard_healthy")
    sick, with_box = training(known, lesion=True), boxed(known)
    assert split(known, LESIONS) == (sick & with_box, set())
    assert split(known, HEALTHY)[0] == set()


def refusal(given):
    with pytest.raises(RequestError) as refused:
        usable_pairs(given)
    return str(refused.value)


def test_an_empty_level_that_is_an_error_names_the_ways_out(given):
    full = given("random_lesion_crops")
    full = replace(full, degraded=np.ones_like(full.degraded))
    strict = replace_group(full.protocol, "comcl", {"empty_level": "error"})
    message = refusal(replace(full, protocol=strict))
    for part in ("comcl.empty_level=error", "drop_loss", "paired_clean", "L|H"):
        assert part in message
    assert len(usable_pairs(full)[1]) == 2


def test_random_crops_need_no_boxes(given):
    free = given("random_lesion_crops")
    assert split(free, LESIONS) == (set(), training(free, lesion=True))


def test_a_level_whose_images_have_no_box_is_an_error_and_not_an_empty_level(given):
    none = given()
    none = replace(none, images=replace(none.images, boxes=[np.empty((0, 4))] * 40))
    with pytest.raises(RequestError, match=r"no box \(detector\) fits .* images of level L"):
        usable_pairs(none)
    assert "lower --set detector.confidence" in refusal(none)
    other = refusal(replace(none, boxes="given"))  # no detector is used, and its settings refused
    assert "detector." not in other and "patch of 16 px" in other and "patches.size_px" in other
    filled = replace_group(none.protocol, "detector", {"without_box": "random_crop"})
    assert usable_pairs(replace(none, protocol=filled))[1] == ()
