"""CABNet's blocks against loops in float64, written from docs/reference/methods.md#cabnet alone."""

import math

import numpy as np
import pytest
import torch
from slow_maps import array, convolve, normalise, rectify, shaken

from baselines.cabnet import CABNet, CategoryAttention, GlobalAttention

EXACT = 1e-10  # float64 rounds at 1e-16; sums of some hundred products stay far under this
CLASSES, DETECTORS, FEATURES = 3, 2, 4


def drawn(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def slow_global(maps: np.ndarray, block: GlobalAttention) -> np.ndarray:
    """C_A = sigmoid(W2 ReLU(W1 mean X)) X; S_A = sigmoid(mean over channels of C_A) C_A."""
    means = np.array([[[maps[channel].sum() / maps[channel].size]] for channel in range(len(maps))])
    gates = convolve(rectify(convolve(means, block.squeeze)), block.excite)[:, 0, 0]
    attended = np.empty_like(maps)
    for channel in range(len(maps)):
        attended[channel] = sigmoid(gates[channel]) * maps[channel]
    result = np.empty_like(maps)
    for y, x in np.ndindex(maps.shape[1:]):
        place = sigmoid(sum(attended[:, y, x]) / len(maps))
        result[:, y, x] = place * attended[:, y, x]
    return result


def slow_attention(maps: np.ndarray, block: CategoryAttention) -> np.ndarray:
    """S_l = mean_k max F_lk; F'_l = mean_k F_lk; M = mean_l S_l F'_l; channels class by class."""
    convolution, norm, _ = block.detect
    responses = rectify(normalise(convolve(maps, convolution), norm))
    result = np.zeros(maps.shape[1:])
    for label in range(CLASSES):
        own = [responses[label * DETECTORS + k] for k in range(DETECTORS)]
        presence = sum(max(detector.flat) for detector in own) / DETECTORS
        for y, x in np.ndindex(result.shape):
            place = sum(detector[y, x] for detector in own) / DETECTORS
            result[y, x] += presence * place / CLASSES
    return result


@pytest.mark.parametrize("seed", range(3))
def test_global_attention_is_the_formula(seed):
    block = shaken(GlobalAttention(FEATURES), seed)
    maps = drawn(seed, 2, FEATURES, 5, 3)
    assert isinstance(block, GlobalAttention)
    expected = np.stack([slow_global(array(own), block) for own in maps])
    np.testing.assert_allclose(array(block(maps)), expected, rtol=0, atol=EXACT)


@pytest.mark.parametrize("seed", range(3))
def test_category_attention_is_the_formula(seed):
    block = shaken(CategoryAttention(FEATURES, CLASSES, DETECTORS), seed)
    maps = drawn(seed, 2, FEATURES, 5, 3)
    assert isinstance(block, CategoryAttention)
    expected = np.stack([slow_attention(array(own), block) for own in maps])
    np.testing.assert_allclose(array(block.attention(maps)), expected, rtol=0, atol=EXACT)
    np.testing.assert_allclose(
        array(block(maps)), array(maps) * expected[:, None], rtol=0, atol=EXACT
    )
    assert expected.max() > 0.01


def test_the_network_is_its_blocks_in_order():
    model = CABNet(
        CLASSES,
        backbone="resnet10t",
        backbone_options={"channels": (4, 4, 4, FEATURES)},
        detectors_per_class=DETECTORS,
    )
    shaken(model)
    images = drawn(0, 1, 3, 64, 64)
    (maps,) = array(model.trunk(images))
    attended = slow_global(maps, model.attend)
    weighted = attended * slow_attention(attended, model.categories)
    pooled = weighted.sum(axis=(1, 2)) / weighted[0].size
    expected = array(model.classify.weight) @ pooled + array(model.classify.bias)
    np.testing.assert_allclose(array(model(images))[0], expected, rtol=0, atol=EXACT)
    np.testing.assert_allclose(
        array(model.saliency(images))[0],
        slow_attention(attended, model.categories),
        rtol=0,
        atol=EXACT,
    )
