"""Which map of a network is looked at."""

import pytest
import timm

from bench.pipeline.saliency import _layer


@pytest.mark.parametrize(
    ("name", "image_px", "layer"),
    [
        ("resnet10t", 512, "trunk"),
        ("resnet10t", 224, "trunk"),
        ("resnet10t", 64, "trunk.layer2"),
        ("densenet121", 64, "trunk.features.denseblock2"),
        ("resnet10t", 8, "trunk"),
    ],
)
def test_maps_too_coarse_to_tell_places_apart_are_passed_over(name, image_px, layer):
    assert _layer(timm.create_model(name), image_px) == layer


def test_a_backbone_of_ones_own_has_its_last_map_alone():
    assert _layer(object(), 64) == "trunk"
