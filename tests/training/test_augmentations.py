"""The named augmentations: each setting has its own, with the ranges that were published."""

from typing import get_args

import pytest
import torch

from bench.protocol.settings import FinetuningSettings, PretrainingSettings
from bench.training.augmentations import AUGMENTATIONS

DRAWN = 4000


def names(group):
    return get_args(group.model_fields["augmentation"].annotation)


def test_every_name_that_can_be_set_has_an_augmentation_of_its_own():
    settable = {*names(PretrainingSettings), *names(FinetuningSettings)}
    assert settable == set(AUGMENTATIONS)
    assert len(set(AUGMENTATIONS.values())) == len(AUGMENTATIONS)


def drawn(name):
    return AUGMENTATIONS[name].draw(DRAWN, torch.Generator().manual_seed(0))


def linear(name):
    """(n, 2, 2): what turns, mirrors and crops."""
    return drawn(name).geometry[:, :, :2].double()


@pytest.mark.parametrize(
    ("name", "areas"),
    [("moco_v1", (0.2, 1.0)), ("lanet", (0.8, 1.0)), ("cabnet", (1, 1)), ("flips", (1, 1))],
)
def test_crops_have_the_published_areas(name, areas):
    """An area above 1 never fits, so the ranges that reach 1.2 end at 1."""
    found = linear(name).det().abs()
    # Of 4,000 draws the extreme ones lie within a hundredth of the range's ends.
    assert found.min().item() == pytest.approx(areas[0], abs=0.01)
    assert found.max().item() == pytest.approx(areas[1], abs=0.01)


@pytest.mark.parametrize(
    ("name", "turned", "mirrored"),
    [("moco_v1", False, 0.5), ("lanet", True, 0.5), ("cabnet", True, 0.5), ("none", False, 0)],
)
def test_turns_and_mirrors_are_the_published_ones(name, turned, mirrored):
    matrices = linear(name)
    # Five standard deviations of a frequency among so many are 0.04.
    assert (matrices.det() < 0).double().mean().item() == pytest.approx(mirrored, abs=0.04)
    assert bool((matrices[:, 0, 1].abs() > 1e-6).any()) == turned


def test_cabnet_turns_by_any_angle_up_to_90_degrees():
    """Keras's `rotation_range`: no quarter turns."""
    kept = linear("cabnet")
    upright = kept[(kept[:, 0, 0] >= 0) == (kept[:, 1, 1] >= 0)]
    angles = torch.rad2deg(torch.atan2(upright[:, 0, 1].abs(), upright[:, 0, 0].abs()))
    assert angles.max() > 89
    assert angles.quantile(0.5).item() == pytest.approx(45, abs=3)


@pytest.mark.parametrize("name", ["lanet", "cabnet"])
def test_colours_stay_and_nothing_is_shifted_out_of_the_image(name):
    still = AUGMENTATIONS["none"].draw(DRAWN, torch.Generator().manual_seed(0))
    assert torch.equal(drawn(name).colour, still.colour)
    assert AUGMENTATIONS[name].translate == 0


def test_moco_turns_colours_far_and_makes_a_fifth_grey():
    colour = drawn("moco_v1").colour[:, :, :3]
    grey = (colour[:, 0] - colour[:, 1]).abs().amax(dim=1) < 1e-6
    assert grey.double().mean().item() == pytest.approx(0.2, abs=0.04)
    assert AUGMENTATIONS["moco_v1"].hue == 0.4 > AUGMENTATIONS["contrastive"].hue
