"""Which map of a network is looked at."""

import pytest
import timm
import torch

from baselines.classifier import Classifier
from bench.pipeline.saliency import _layer, _saliency


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


@pytest.mark.parametrize("severity", [0.8, 1.2])
def test_a_regressed_grade_is_explained_by_what_raises_it(severity):
    """The logit of the answered grade rises towards it from both sides, so falls from one."""
    torch.manual_seed(0)
    options = {"channels": (8, 8, 16, 16)}
    network = Classifier(5, loss="regression", backbone="resnet10t", backbone_options=options)
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        network.head.weight.abs_()  # so that some place raises the grade
        network.eval().head.bias += severity - network.outputs(images).mean()
        maps = network.trunk(images)
        raising = (network.head.weight[0][:, None, None] * maps).sum(dim=1).relu()
    found = _saliency(network, images)
    assert found.any()
    # The slope of a mean over positions is a weight over their number.
    torch.testing.assert_close(found * maps[0, 0].numel(), raising)
