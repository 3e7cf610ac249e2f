"""LANet's attention and losses against loops in float64.

Written from docs/reference/methods.md#lanet alone.
"""

import math

import numpy as np
import pytest
import torch
from slow_maps import array, convolve, shaken

from baselines.lanet import AdaptiveWeights, FixedWeights, LANet, activation_map, stretched

EXACT = 1e-10  # float64 rounds at 1e-16; sums of some hundred products stay far under this


def drawn(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def slow_attention(maps: np.ndarray, logits: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """a = minmax(mean_c w_c F3_c), w the row of the higher of two logits."""
    row = weight[1] if logits[1] > logits[0] else weight[0]
    cam = np.zeros(maps.shape[1:])
    for y, x in np.ndindex(cam.shape):
        for channel in range(len(maps)):
            cam[y, x] += row[channel] * maps[channel, y, x] / len(maps)
    lowest, highest = min(cam.flat), max(cam.flat)
    return (cam - lowest) / (highest - lowest)


@pytest.mark.parametrize("seed", range(3))
def test_attention_is_the_formula(seed):
    maps, weight = drawn(seed, 4, 6, 5, 3), drawn(seed + 1, 2, 6)
    logits = torch.tensor([[0.1, 0.2], [0.3, -0.5], [-2, -1], [2, 1]], dtype=torch.float64)
    expected = np.stack(
        [
            slow_attention(array(own), array(two), array(weight))
            for own, two in zip(maps, logits, strict=True)
        ]
    )
    found = stretched(activation_map(maps, logits, weight))
    np.testing.assert_allclose(array(found), expected, rtol=0, atol=EXACT)


def test_losses_are_added_as_in_the_formulas():
    losses, scales = [0.7, 1.9], [0.3, -0.8]
    weigh = AdaptiveWeights().double()
    with torch.no_grad():
        weigh.log_scales.copy_(torch.tensor(scales))
    given = torch.tensor(losses, dtype=torch.float64)
    pairs = list(zip(losses, weigh.log_scales.tolist(), strict=True))
    expected = sum(math.exp(-s) * loss + s for loss, s in pairs)
    assert float(weigh(given).detach()) == pytest.approx(expected, abs=EXACT)
    assert float(FixedWeights()(given)) == pytest.approx(sum(losses), abs=EXACT)


def slow_cross_entropy(logits: np.ndarray, label: int) -> float:
    return math.log(sum(math.exp(z) for z in logits)) - logits[label]


def test_the_network_is_its_parts_in_order():
    channels = (4, 4, 6, 6)
    model = LANet(3, backbone="resnet10t", backbone_options={"channels": channels})
    shaken(model)
    images, grades = drawn(0, 2, 3, 64, 64), [0, 2]
    backbone = model.trunk
    stem = backbone.maxpool(backbone.act1(backbone.bn1(backbone.conv1(images))))
    maps = array(backbone.layer3(backbone.layer2(backbone.layer1(stem))))
    head, end = model.recognise, model.classify
    recognition, classification = 0.0, 0.0
    for place, own in enumerate(maps):
        two = array(head.weight) @ (own.sum(axis=(1, 2)) / own[0].size) + array(head.bias)
        attention = slow_attention(own, two, array(head.weight))
        joined = convolve(np.concatenate([attention * own, own]), model.join)
        (late,) = array(backbone.layer4(torch.from_numpy(joined)[None]))
        logits = array(end.weight) @ (late.sum(axis=(1, 2)) / late[0].size) + array(end.bias)
        np.testing.assert_allclose(array(model(images))[place], logits, rtol=0, atol=EXACT)
        recognition += slow_cross_entropy(two, int(grades[place] > 0)) / 2
        classification += slow_cross_entropy(logits, grades[place]) / 2
    batch = {"images": images, "labels": torch.tensor(grades)}
    total, _ = model.loss(batch, step=0, total_steps=1)
    # TASKS' own loss works in float32, whose rounding is 1e-7.
    assert float(total.detach()) == pytest.approx(recognition + classification, abs=1e-6)
