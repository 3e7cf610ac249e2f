"""Zoom-in-Net's blocks against loops in float64.

Written from docs/reference/methods.md#zoom-in-net alone.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from slow_maps import array, convolve, rectify, shaken
from torch.nn import functional

from baselines.zoom_in_net import (
    AttentionNet,
    ZoomInNet,
    cut,
    greedy_corners,
    mean_of_sigmoids,
    mean_of_softmaxes,
    suspicion_map,
    weights_of_findings,
    weights_of_grades,
)

EXACT = 1e-10  # float64 rounds at 1e-16; sums of some hundred products stay far under this
seeds = st.integers(0, 2**31)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def slow_attention(maps: np.ndarray, network: AttentionNet) -> np.ndarray:
    """A_l = S_l * G_l, G_l = softmax over positions."""
    scores = convolve(maps, network.score)
    first, _, second, _, third = network.gate
    gate = convolve(rectify(convolve(rectify(convolve(maps, first)), second)), third)
    attended = np.empty_like(scores)
    for label in range(len(scores)):
        total = sum(math.exp(value) for value in gate[label].flat)
        for y, x in np.ndindex(scores.shape[1:]):
            attended[label, y, x] = scores[label, y, x] * math.exp(gate[label, y, x]) / total
    return attended


def slow_softmax(logits: list[float]) -> list[float]:
    exponentials = [math.exp(z) for z in logits]
    return [e / sum(exponentials) for e in exponentials]


def slow_sigmoid(logits: list[float]) -> list[float]:
    return [1 / (1 + math.exp(-z)) for z in logits]


def slow_suspicion(attended: np.ndarray, task: str) -> np.ndarray:
    """R as published; for findings the labels over one half, else the top label."""
    logits = [float(sum(label.flat)) for label in attended]
    if task == "grading":
        p = slow_softmax(logits)
        labels = list(range(1, len(logits)))
    else:
        p = slow_sigmoid(logits)
        labels = [k for k, value in enumerate(p) if value > 0.5] or [p.index(max(p))]
    result = np.zeros(attended.shape[1:])
    for label in labels:
        for y, x in np.ndindex(result.shape):
            result[y, x] += p[label] * max(attended[label, y, x], 0)
    return result


def slow_peak(suspicion: np.ndarray, struck: np.ndarray) -> tuple[int, int]:
    """The highest place not struck out; of those within 1e-4 of it, the nearest to their mean."""
    free = [place for place in np.ndindex(suspicion.shape) if not struck[place]]
    highest = max(suspicion[place] for place in free)
    equal = [place for place in free if suspicion[place] >= highest * (1 - 1e-4)]
    middle = [sum(axis) / len(equal) for axis in zip(*equal, strict=True)]
    return min(equal, key=lambda place: math.dist(place, middle) ** 2)


def slow_corners(suspicion: np.ndarray, crops: int, crop_px: int) -> list[tuple[int, int]]:
    """A peak, a box about it inside the image, the box struck out; again."""
    height, width = suspicion.shape
    struck = np.zeros_like(suspicion, dtype=bool)
    corners = []
    for _ in range(crops):
        row, column = slow_peak(suspicion, struck)
        top = min(max(row - crop_px // 2, 0), height - crop_px)
        left = min(max(column - crop_px // 2, 0), width - crop_px)
        struck[top : top + crop_px, left : left + crop_px] = True
        corners.append((top, left))
    return corners


@pytest.mark.parametrize("size", [(4, 4), (1, 1), (2, 5)])
def test_attention_is_the_card_s_formula(size):
    network = AttentionNet(6, 3, 4)
    shaken(network)
    maps = drawn(1, 2, 6, *size)
    expected = [slow_attention(array(one), network) for one in maps]
    np.testing.assert_allclose(array(network(maps)), expected, rtol=0, atol=EXACT)


@given(seeds, st.sampled_from(["grading", "findings"]))
def test_suspicion_is_the_card_s_sum(seed, task):
    attended = drawn(seed, 2, 4, 3, 2)
    weigh = {"grading": weights_of_grades, "findings": weights_of_findings}[task]
    expected = [slow_suspicion(array(one), task) for one in attended]
    np.testing.assert_allclose(array(suspicion_map(attended, weigh)), expected, rtol=0, atol=EXACT)


@given(seeds, st.integers(5, 12), st.integers(5, 12), st.integers(1, 4), st.integers(1, 5))
def test_boxes_are_found_as_a_loop_finds_them(seed, height, width, crops, crop_px):
    generator = torch.Generator().manual_seed(seed)
    # All values differ, by more than what counts as equal (1e-4 of the peak).
    ranks = [torch.randperm(height * width, generator=generator) for _ in range(2)]
    suspicion = torch.stack(ranks).reshape(2, height, width).double()
    corners = greedy_corners(suspicion, crops=crops, crop_px=crop_px)
    for one, found in zip(suspicion.numpy(), corners.tolist(), strict=True):
        if crops * crop_px**2 < height * width:  # something is always left to find
            assert [tuple(corner) for corner in found] == slow_corners(one, crops, crop_px)


@given(seeds, st.integers(1, 3), st.integers(1, 4))
def test_crops_are_slices_of_the_image(seed, batch, crops):
    images = drawn(seed, batch, 3, 9, 11)
    generator = torch.Generator().manual_seed(seed)
    corners = torch.randint(0, 5, (batch, crops, 2), generator=generator)
    pieces = cut(images, corners, 4)
    assert pieces.shape == (batch * crops, 3, 4, 4)
    for place in range(batch):
        for number, (top, left) in enumerate(corners[place].tolist()):
            expected = images[place, :, top : top + 4, left : left + 4]
            assert torch.equal(pieces[place * crops + number], expected)


@given(seeds, st.integers(1, 3))
def test_means_of_probabilities_are_means_of_probabilities(seed, parts):
    logits = 3 * drawn(seed, parts, 2, 4)
    for place in range(2):
        softmaxes = [slow_softmax(part[place].tolist()) for part in logits]
        expected = np.mean(softmaxes, axis=0)
        np.testing.assert_allclose(
            array(mean_of_softmaxes(logits)[place].softmax(dim=0)), expected, rtol=0, atol=EXACT
        )
        np.testing.assert_allclose(
            array(mean_of_softmaxes(logits)[place].exp()), expected, rtol=0, atol=EXACT
        )
        sigmoids = [slow_sigmoid(part[place].tolist()) for part in logits]
        np.testing.assert_allclose(
            array(mean_of_sigmoids(logits)[place].sigmoid()),
            np.mean(sigmoids, axis=0),
            rtol=0,
            atol=EXACT,
        )


def linear(features: list[float], layer: torch.nn.Linear) -> list[float]:
    rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    return [sum(w * f for w, f in zip(row, features, strict=True)) + bias for row, bias in rows]


def slow_outputs(network: ZoomInNet, image: torch.Tensor) -> dict[str, list[float]]:
    """The three outputs for one image, backbones and resizing aside."""
    low = functional.interpolate(image[None], (48, 48), mode="bilinear", antialias=True)
    maps = array(network.trunk(low))[0]
    pooled = [float(channel.mean()) for channel in maps]
    attended = slow_attention(maps, network.attention)
    suspicion = torch.from_numpy(slow_suspicion(attended, "grading"))[None, None]
    shown = functional.interpolate(suspicion, (80, 80), mode="bilinear")[0, 0]
    crops = [
        image[None, :, top : top + 32, left : left + 32]
        for top, left in slow_corners(shown.numpy(), 4, 32)
    ]
    each = [array(network.crop_trunk(crop))[0].mean(axis=(1, 2)) for crop in crops]
    highest = [max(values) for values in zip(*each, strict=True)]
    return {
        "main": linear(pooled, network.main_head),
        "attention": [float(label.sum()) for label in attended],
        "crop": linear(highest + pooled, network.crop_head),
    }


def joint() -> ZoomInNet:
    torch.manual_seed(0)
    options: dict[str, Any] = {"channels": (4, 4, 8, 8)}
    sizes: dict[str, Any] = {"low_px": 48, "crop_px": 32, "attention_width": 4}
    network = ZoomInNet(3, backbone="resnet10t", backbone_options=options, **sizes)
    shaken(network)
    return network


def test_the_network_is_its_three_parts_one_after_the_other():
    network, images = joint(), drawn(2, 2, 3, 80, 80)
    outputs = network.outputs(images)
    for place, image in enumerate(images):
        for name, logits in slow_outputs(network, image).items():
            assert outputs[name][place].tolist() == pytest.approx(logits, abs=EXACT), name


def test_the_joint_loss_is_the_sum_of_three():
    network, images, labels = joint(), drawn(2, 2, 3, 80, 80), torch.tensor([2, 0])
    expected = 0.0
    for image, label in zip(images, labels.tolist(), strict=True):
        for logits in slow_outputs(network, image).values():
            expected -= math.log(slow_softmax(logits)[label]) / 2
    loss, _ = network.loss({"images": images, "labels": labels}, step=0, total_steps=1)
    # The cross entropies are the classifier's, a library's, taken in float32.
    assert loss.item() == pytest.approx(expected, rel=1e-6)
