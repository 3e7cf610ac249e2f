"""MMCNN's blocks against loops in float64, written from docs/reference/methods.md#mmcnn alone."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from slow_maps import array, convolve, normalise, rectify, shaken
from torch import nn
from torch.nn import functional

from baselines.mmcnn import MMCNN, Cell, by_both, by_class, by_rounding, regression_loss

EXACT = 1e-10  # float64 rounds at 1e-16; sums of some hundred products stay far under this
seeds = st.integers(0, 2**31)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def slow_pooling(maps: np.ndarray) -> np.ndarray:
    """Means of the windows of two by two, over what of them lies in the map."""
    height, width = ((size + 1) // 2 for size in maps.shape[1:])
    result = np.empty((len(maps), height, width))
    for channel, y, x in np.ndindex(result.shape):
        result[channel, y, x] = maps[channel, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean()
    return result


def slow_cell(maps: np.ndarray, cell: Cell) -> np.ndarray:
    """ReLU(y + avgpool2(x)), y = BN(1x1) of ReLU(BN(3x3/2)) of ReLU(BN(1x1))."""
    layers = list(cell.bottleneck)
    narrow = rectify(normalise(convolve(maps, layers[0]), layers[1]))
    halved = rectify(normalise(convolve(narrow, layers[3]), layers[4]))
    y = normalise(convolve(halved, layers[6]), layers[7])
    return rectify(y + slow_pooling(maps))


@pytest.mark.parametrize("size", [(6, 6), (5, 7), (1, 1), (2, 3)])
def test_a_cell_is_the_card_s_formula(size):
    cell = Cell(8)
    shaken(cell)
    maps = drawn(1, 2, 8, *size)
    expected = [slow_cell(array(one), cell) for one in maps]
    np.testing.assert_allclose(array(cell(maps)), expected, rtol=0, atol=EXACT)


@pytest.mark.parametrize(("phase", "cells"), [("low", 0), ("middle", 1), ("high", 2)])
def test_both_outputs_are_linear_in_the_mean_over_positions_after_the_cells(phase, cells):
    network = MMCNN(
        5,
        backbone="resnet10t",
        backbone_options={"channels": (4, 4, 8, 8)},
        phase=phase,
        resolutions=(64, 96, 160),
    )
    shaken(network)
    images = drawn(2, 2, 3, 80, 80)
    side = {"low": 64, "middle": 96, "high": 160}[phase]
    resized = functional.interpolate(images, (side, side), mode="bilinear", antialias=True)
    logits, severity = network.outputs(images)
    assert severity is not None
    assert isinstance(network.regress, nn.Linear)
    for place, maps in enumerate(array(network.trunk(resized))):
        for number in range(cells):
            cell = network.cells[number]
            assert isinstance(cell, Cell)
            maps = slow_cell(maps, cell)
        mean = [float(np.mean(channel)) for channel in maps]
        for k, row in enumerate(array(network.classify.weight)):
            expected = np.dot(row, mean) + network.classify.bias[k].item()
            assert logits[place, k].item() == pytest.approx(expected, abs=EXACT)
        expected = np.dot(array(network.regress.weight)[0], mean) + network.regress.bias.item()
        assert severity[place].item() == pytest.approx(expected, abs=EXACT)


@given(seeds, st.integers(1, 6))
def test_the_regression_costs_the_mean_squared_error(seed, batch):
    severity = drawn(seed, batch)
    labels = torch.arange(batch) % 5
    pairs = zip(severity.tolist(), labels.tolist(), strict=True)
    expected = sum((g - y) ** 2 for g, y in pairs) / batch
    assert regression_loss(severity, labels).item() == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("task", ["grading", "findings"])
def test_the_loss_is_classification_plus_weighted_regression(task, weight):
    network = MMCNN(
        3,
        task=task,
        backbone="resnet10t",
        backbone_options={"channels": (4, 4, 8, 8)},
        resolutions=(64, 64, 64),
        regression_weight=weight,
    )
    shaken(network)
    labels = {
        "grading": torch.tensor([2, 0]),
        "findings": torch.tensor([[1.0, 0, 1], [0, 0, 0]], dtype=torch.float64),
    }[task]
    unit = 1 if task == "grading" else math.sqrt(3)
    targets = [2 / unit, 0]  # the grades; or how many findings
    images = drawn(3, 2, 3, 64, 64)
    logits, severity = network.outputs(images)
    assert severity is not None
    squares = [(g - y) ** 2 for g, y in zip(severity.tolist(), targets, strict=True)]
    # The classifier's own loss, a library's, is taken in float32.
    library = network.loss_of(logits, labels).double()
    loss, _ = network.loss({"images": images, "labels": labels}, step=0, total_steps=1)
    assert loss.item() == pytest.approx(library.item() + weight * sum(squares) / 2, abs=EXACT)


def slow_expected_grade(logits: list[float]) -> float:
    exponentials = [math.exp(z) for z in logits]
    return sum(k * e for k, e in enumerate(exponentials)) / sum(exponentials)


def away_from_a_tie(value: float) -> bool:
    return abs(value % 1 - 0.5) > 1e-9


@given(seeds, st.floats(-3, 8))
def test_the_decisions_are_the_card_s_three(seed, g):
    logits, severity = drawn(seed, 1, 5), torch.tensor([g], dtype=torch.float64)
    z = logits[0].tolist()
    assert by_class(logits, severity).argmax().item() == z.index(max(z))
    clipped = min(max(g, 0), 4)
    if away_from_a_tie(clipped):
        assert by_rounding(logits, severity).argmax().item() == round(clipped)
    middle = (g + slow_expected_grade(z)) / 2
    if away_from_a_tie(middle):
        nearest = min(range(5), key=lambda k: abs(k - middle))
        assert by_both(logits, severity).argmax().item() == nearest


@given(seeds, st.floats(-3, 8))
def test_probabilities_of_a_regressed_grade_are_those_of_a_unit_normal(seed, g):
    logits, severity = drawn(seed, 1, 5), torch.tensor([g], dtype=torch.float64)
    centres = {
        by_rounding: g,
        by_both: (g + slow_expected_grade(logits[0].tolist())) / 2,
    }
    for decide, centre in centres.items():
        densities = [math.exp(-((k - centre) ** 2) / 2) for k in range(5)]
        expected = [density / sum(densities) for density in densities]
        assert decide(logits, severity).softmax(dim=1)[0].tolist() == pytest.approx(
            expected, abs=EXACT
        )
