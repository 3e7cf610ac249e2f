"""How each method's patches are cut: one window a lesion or two, shifted or centred, and where."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.errors import RequestError
from bench.pipeline import build
from bench.pipeline.identity import replace_group
from bench.protocol import variants
from bench.protocol.presets import named

LESION, HEALTHY = 0, 2  # level codes
OWN, SAME = "own_window", "same"
BY_METHOD = {
    "lesion-base-cl": OWN,
    "lesion-aware-cl": OWN,
    "comcl": SAME,
    "comcl-no-multilevel": SAME,
    "moco-patches": SAME,
}


def shown(context):
    """A batch of the first stage before its augmentation, of lesions alone."""
    batches: Any = build.stages(context)[0].batches
    batch = next(iter(replace(batches, augment=lambda cut, _: cut).epoch(1)))
    lesions = batch["levels"] < HEALTHY
    return batch["query"][lesions], batch["key"][lesions]


def cut_as(context):
    """Whether the views of lesions show one patch or two."""
    query, key = shown(context)
    alike = (query == key).all(dim=3).all(dim=2).all(dim=1)
    assert alike.all() or alike.float().mean() < 0.5  # few of 100 corners are the same by chance
    return SAME if alike.all() else OWN


@pytest.mark.parametrize("name", list(BY_METHOD))
def test_each_method_cuts_its_views_as_its_paper_or_code_does(context_of, name):
    context = context_of(name)
    assert cut_as(context) == build.second_view(context) == BY_METHOD[name]


@pytest.mark.parametrize("asked", [OWN, SAME])
@pytest.mark.parametrize("name", ["comcl", "lesion-base-cl"])
def test_what_is_requested_holds_for_every_method(context_of, name, asked):
    context = context_of(name, changes=(f"patches.second_view={asked}",))
    assert cut_as(context) == build.second_view(context) == asked


def test_whole_images_have_no_second_window(context_of):
    assert build.second_view(context_of("moco")) is None
    assert cut_as(context_of("moco")) == SAME
    assert build.second_view(context_of("resnet50")) is None


def test_centred_boxes_leave_one_patch_for_both_views(context_of):
    context = context_of("lesion-base-cl", changes=("patches.expansion=centred",))
    assert cut_as(context) == build.second_view(context) == SAME
    centred, shifted = (shown(c)[0] for c in (context, context_of("lesion-base-cl")))
    assert not torch.equal(centred, shifted)


def test_crops_without_a_box_have_one_window(context_of):
    context = context_of("lesion-base-cl", changes=("patches.boxes=random_lesion_crops",))
    assert cut_as(context) == build.second_view(context) == SAME


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("patches.second_view=own_window", "patches.expansion=centred"), "contradict"),
        (("patches.second_view=own_window", "patches.boxes=random_lesion_crops"), "leave it out"),
        (("patches.expansion=centred", "patches.boxes=random_lesion_crops"), "leave it out"),
        (("lesion_aware.healthy_pool=false_positives",), "patches.boxes=detector"),
    ],
)
def test_what_would_change_nothing_is_refused(context_of, changes, message):
    with pytest.raises(RequestError, match=message):
        context_of("lesion-aware-cl", changes=changes)


@pytest.fixture
def detected(context_of):
    """Lesion-aware CL with a detector's box on every second training image."""
    made = context_of("lesion-aware-cl")
    boxes = [np.empty((0, 4))] * len(made.dataset.records)
    for i in made.dataset.where("train")[::2]:
        boxes[i] = np.array([[20.0, 20.0, 26.0, 24.0]])

    def make(kind, pool):
        protocol = replace_group(made.protocol, "lesion_aware", {"healthy_pool": pool})
        images = replace(made.images, boxes=boxes)
        return replace(made, boxes=kind, images=images, protocol=protocol)

    return make


def healthy(context):
    """Images of the healthy pool around boxes, and those with random crops."""
    batches: Any = build.stages(context)[0].batches
    pool = batches.pools[HEALTHY]
    return set(pool.images[~pool.free].tolist()), set(pool.images[pool.free].tolist())


@pytest.mark.parametrize("kind", ["detector", "file"])
def test_lesion_aware_cl_takes_false_boxes_on_healthy_images_if_it_is_to(detected, kind):
    context = detected(kind, "false_positives")
    train = context.dataset.where("train")
    well = set(train[context.dataset.labels()[train, 0] == 0].tolist())
    boxed = {i for i in well if len(context.images.boxes[i])}
    assert boxed and well - boxed
    assert healthy(context) == (boxed, well - boxed)
    assert healthy(detected(kind, "random_crops")) == (set(), well)
    assert build.notes(context) == ()


def test_without_a_detector_the_published_pool_is_random_crops_and_said_so(detected):
    context = detected("oracle", "false_positives")
    assert healthy(context) == healthy(detected("oracle", "random_crops"))
    (note,) = build.notes(context)
    assert "random crops" in note and "boxes=oracle" in note
    assert build.notes(detected("oracle", "random_crops")) == ()


def test_the_published_settings_take_false_boxes():
    for name in ("paper", "smoke"):
        own = variants.apply("lesion-aware-cl", name, "original")
        assert own.lesion_aware.healthy_pool == "false_positives"
        assert named(name).lesion_aware.healthy_pool == "random_crops"


def test_free_crops_of_a_run_leave_the_black_bars_out_degraded_or_not(context_of):
    """At a ratio of 1.0 the high-quality healthy images are degraded copies."""
    context = context_of("comcl", ratio="1.0")
    pixels = context.images.for_patches
    bars = (pixels.visible[:, 1] > 0) & (pixels.copy_index >= 0)
    assert bars.any() and not bars.all()
    batches: Any = build.stages(context)[0].batches
    pool = batches.pools[3]
    entries = np.flatnonzero(bars[pool.images]).repeat(40)
    (where,) = batches.windows(pool, entries, *(np.random.default_rng(n) for n in (0, 1)))
    starts, ends = pixels.visible[pool.images[entries], 1::2].T * 64
    assert (where[:, 1] >= starts - 0.5).all() and (where[:, 1] + 16 <= ends + 0.5).all()
