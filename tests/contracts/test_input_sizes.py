"""Every method is given as many pixels as it asks for, and no cached image is enlarged unsaid."""

import numpy as np
import pytest

from bench.pipeline import build
from bench.pipeline.recipes.common import input_pixels, input_px
from bench.protocol.presets import named
from bench.roster import METHODS

LARGER = {
    "mmcnn": ("mmcnn.image_px=96", "mmcnn.resolutions=[32,64,96]"),
    "zoom-in-net": ("zoom_in_net.image_px=96", "zoom_in_net.low_px=48", "zoom_in_net.crop_px=32"),
}


def cached_px(context):
    return input_pixels(context).clean[np.array([0])].shape[1]


@pytest.mark.parametrize("name", list(METHODS))
def test_no_cached_image_is_enlarged_but_where_the_roster_says_so(context_of, name):
    context = context_of(name, changes=LARGER.get(name, ()))
    enlarged = cached_px(context) < input_px(context)
    assert enlarged == bool(METHODS[name].options.get("enlarged"))


@pytest.mark.parametrize("name", list(LARGER))
def test_a_larger_input_is_cut_at_its_own_size_and_said_where_files_hold_less(context_of, name):
    context = context_of(name, changes=LARGER[name])
    assert cached_px(context) == 96  # of patches cut from 64 px and images of 32
    (note,) = build.notes(context)
    assert note.endswith("images are under 96 px wide in their files: enlarged")
    batch = next(iter(build.stages(context)[0].batches.epoch(1)))
    assert batch["images"].shape[-1] == 96


def test_files_that_hold_enough_are_not_spoken_of(context_of):
    assert build.notes(context_of("resnet50")) == ()
    assert build.notes(context_of("inception-v3")) == ()


def test_common_settings_keep_the_sizes_that_are_a_methods_idea():
    """docs/reference/methods.md#mmcnn and #zoom-in-net, from memory and unverified there."""
    common = named("paper")
    assert common.mmcnn.resolutions == (224, 448, 720)
    assert common.mmcnn.image_px == 720
    zoom = common.zoom_in_net
    assert (zoom.image_px, zoom.low_px, zoom.crop_px) == (1230, 492, 384)
    assert common.data.image_px // common.deepmt_dr.upscale == 256
