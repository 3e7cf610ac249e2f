"""What recipes share: epochs among phases, and how images may be turned."""

from dataclasses import replace

import pytest

from bench.pipeline.recipes.common import shared_out, upright
from bench.protocol.chest import ChestSettings
from bench.training.augmentations import AUGMENTATIONS, CONTRASTIVE, FINETUNE


@pytest.mark.parametrize(
    ("total", "shares", "counts"),
    [
        (35, [10, 10, 15], [10, 10, 15]),
        (8, [10, 10, 15], [2, 2, 4]),
        (8, [25, 5, 15, 5], [4, 1, 2, 1]),
        (8, [1, 70], [1, 7]),
        (2, [25, 5, 15, 5], [1, 1, 1, 1]),
    ],
)
def test_epochs_go_to_phases_by_their_shares_and_none_is_left_out(total, shares, counts):
    assert shared_out(total, shares) == counts


@pytest.mark.parametrize("total", range(4, 60))
def test_no_epoch_is_lost_or_made(total):
    counts = shared_out(total, [0.5, 0.1, 0.3, 0.1])
    assert sum(counts) == total
    assert min(counts) >= 1


@pytest.mark.parametrize("turned", [*AUGMENTATIONS.values(), CONTRASTIVE])
def test_no_radiograph_is_shown_upside_down(turned):
    shown = upright(turned, ChestSettings())
    assert shown.flip_vertical == 0
    assert shown.rotation_deg <= 10


def test_a_radiograph_keeps_all_else_of_an_augmentation():
    shown = upright(FINETUNE, ChestSettings())
    assert replace(shown, flip_vertical=0.5, rotation_deg=180) == FINETUNE
    assert upright(shown, ChestSettings()) == shown


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_mirroring_is_a_setting_of_chest_data_where_there_is_any(share):
    chest = ChestSettings(flip_horizontal=share, rotation_deg=3)
    assert upright(AUGMENTATIONS["flips"], chest).flip_horizontal == share
    assert upright(AUGMENTATIONS["flips"], chest).rotation_deg == 0
    assert upright(CONTRASTIVE, chest).rotation_deg == 3
    assert upright(AUGMENTATIONS["none"], chest) == AUGMENTATIONS["none"]
