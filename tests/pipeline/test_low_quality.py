"""How many images of each split a network really sees degraded, counted in their pixels."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from small_nih import write_nih

from bench.data.records import SPLITS
from bench.pipeline import build
from bench.pipeline.description import about
from bench.pipeline.gather import run_context
from bench.pipeline.levels import images_by_level, level_pools
from bench.pipeline.resolve import Request, prepare
from bench.run import _predict
from bench.training.callbacks import Callbacks


class Seen(NamedTuple):
    """What a request comes to: its context, what it says of itself, and what changed."""

    prepared: object
    context: object
    changed: np.ndarray
    """(N,) bool: pixels that the classifier is given differ from those of the photograph."""
    patched: np.ndarray
    """(N,) bool: the same of the images that patches are cut from."""


@pytest.fixture(scope="module")
def nih(tmp_path_factory):
    return write_nih(tmp_path_factory.mktemp("nih") / "set")


@pytest.fixture
def seen(small_set, nih, cache, tmp_path, tiny):
    """Images of a small set as they reach the network, beside the same with nothing degraded."""

    def opened(dataset, ratio, changes, method):
        request = Request(
            method,
            dataset,
            ratio,
            protocol="smoke",
            changes=(*tiny, "data.validation_share=0.3", *changes),
            data=small_set if dataset == "folder" else nih,
            results=tmp_path,
            cache=cache,
            partial=dataset == "chestxray",
        )
        prepared = prepare(request, lambda *_: None)
        return prepared, run_context(prepared, torch.device("cpu"), Callbacks(lambda *_: None))

    def differing(context, clean, kind):
        one, other = (kind(c).images(np.arange(len(c.dataset.records))) for c in (context, clean))
        return (one != other).any(axis=(1, 2, 3))

    def make(ratio, *changes, dataset="folder", method="resnet50"):
        prepared, context = opened(dataset, ratio, changes, method)
        without = () if dataset == "folder" else ("chest.low_share=0",)
        _, clean = opened(dataset, "native", without, method)
        return Seen(
            prepared,
            context,
            differing(context, clean, build.pixels),
            differing(context, clean, lambda c: c.images.for_patches),
        )

    return make


def counted(seen, split):
    """Images of a split, those of low quality from the start, and those whose pixels changed."""
    own = seen.context.dataset.where(split)
    native = seen.context.dataset.quality()[own] > 0
    return len(own), int(native.sum()), int(seen.changed[own].sum())


RATIOS = ["native", "0.7", "1.0"]
REACHED = {
    "both": {"train", "validation", "test"},
    "train": {"train", "validation"},
    "test": {"test"},
}
"""The splits in which each way of `degradation.apply_to` reaches the proportion (D30)."""


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("way", list(REACHED))
def test_each_split_has_the_proportion_that_was_requested_and_no_other_split(seen, way, ratio):
    """Of the pixels that the classifier is given, of those of patches, and of what pages say."""
    made = seen(ratio, f"degradation.apply_to={way}")
    said = about(made.prepared, ())["shares"]
    for split in SPLITS:
        images, native, changed = counted(made, split)
        wanted = images * float(ratio) if ratio != "native" and split in REACHED[way] else native
        assert abs(native + changed - wanted) <= 0.5, split
        assert said[split] == pytest.approx((native + changed) / images, abs=1e-12)
    assert (made.patched == made.changed).all()
    assert not (made.changed & (made.context.dataset.quality() > 0)).any()


def test_the_small_set_can_tell_the_ways_apart(seen):
    """Each split has images of both qualities, so that no count above is right by chance."""
    for split in SPLITS:
        images, native, changed = counted(seen("1.0"), split)
        assert 0 < native < images
        assert native + changed == images


@pytest.mark.parametrize("way", list(REACHED))
def test_predictions_tell_the_images_that_were_degraded(seen, way):
    made = seen("0.7", f"degradation.apply_to={way}")
    network = build.stages(made.context)[-1].module()
    for split in ("validation", "test"):
        rows = _predict(network, made.context, split)
        assert rows["degraded"].tolist() == made.changed[made.context.dataset.where(split)].tolist()


def test_what_is_scored_differs_where_the_test_images_are_degraded_and_only_there(seen):
    """The same network answers otherwise; on the undegraded images it answers alike."""
    both, train = (seen("1.0", f"degradation.apply_to={way}") for way in ("both", "train"))
    torch.manual_seed(0)
    network = build.stages(both.context)[-1].module()
    one, other = (_predict(network, made.context, "test") for made in (both, train))
    columns = [f"p_{grade}" for grade in range(5)]
    alike = (one[columns].to_numpy() == other[columns].to_numpy()).all(axis=1)
    assert (alike == ~one["degraded"].to_numpy()).all()
    assert not alike.all() and alike.any()


@pytest.mark.parametrize("ratio", RATIOS)
def test_radiographs_have_their_synthetic_share_degraded_at_the_native_ratio_too(seen, ratio):
    """NIH gives no qualities: the paper's 43.2 % stand for them in every split."""
    made = seen(ratio, dataset="chestxray")
    for split in SPLITS:
        images, native, changed = counted(made, split)
        share = 0.432 if ratio == "native" else float(ratio)
        assert native == 0
        assert abs(changed - share * images) <= 0.5, split


LESION, HEALTHY = (0, 1), (2, 3)  # codes of the levels


def levels_of(context):
    """Level of each training image: 0 L, 1 L~, 2 H, 3 H~."""
    return {int(i): code for code, own in enumerate(images_by_level(context)) for i in own}


def test_a_grade_from_1_upwards_is_a_lesion_image_and_grade_0_is_not(seen):
    """D27, fixed at 1: grade 1 has microaneurysms only."""
    context = seen("0.7", method="comcl").context
    grades, levels = context.dataset.labels()[:, 0], levels_of(context)
    assert {grades[i] for i in levels} == {0, 1, 2, 3, 4}
    lesion = {
        grade: {levels[i] in LESION for i in levels if grades[i] == grade} for grade in range(5)
    }
    assert lesion == {0: {False}, 1: {True}, 2: {True}, 3: {True}, 4: {True}}


def test_patches_of_lesions_are_cut_from_grade_1_too_and_never_from_grade_0(seen):
    context = seen("0.7", "patches.boxes=random_lesion_crops", method="comcl").context
    grades, pools = context.dataset.labels()[:, 0], level_pools(context)
    cut = [
        {int(grades[i]) for code in codes for i in pools[code].images}
        for codes in (LESION, HEALTHY)
    ]
    assert cut == [{1, 2, 3, 4}, {0}]


def test_any_finding_makes_a_radiograph_a_lesion_image_and_none_does_not(seen):
    """A finding that is none of the eight (Hernia) leaves it healthy."""
    context = seen("0.7", method="comcl", dataset="chestxray").context
    findings, levels = context.dataset.labels().sum(axis=1), levels_of(context)
    assert {int(findings[i]) for i in levels} >= {0, 1}
    for index, code in levels.items():
        assert (code in LESION) == (findings[index] >= 1)


def test_low_quality_levels_hold_what_was_taken_badly_and_what_was_degraded(seen):
    made = seen("0.7", method="comcl")
    low = (made.context.dataset.quality() > 0) | made.patched
    levels = levels_of(made.context)
    assert {code for i, code in levels.items() if low[i]} == {1, 3}
    assert {code for i, code in levels.items() if not low[i]} == {0, 2}
