"""Probabilities of images: in eval mode, each image by itself, in the order that was asked for."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench.data.pixels import Pixels
from bench.evaluation.predict import BATCH, batch_for, probabilities
from bench.tasks import DIABETIC_RETINOPATHY

COUNT = BATCH + 6
NUMBERED: Any = np.arange(COUNT, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), "u1")


class Noisy(nn.Module):
    """Logits that rise with brightness, half of them dropped while it trains."""

    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, images):
        return self.dropout(images.mean(dim=(1, 2, 3))[:, None] / 40 * torch.arange(5))


@pytest.fixture
def predicted():
    pixels = Pixels(NUMBERED, NUMBERED[:0], np.full(COUNT, -1))

    def predict(indices, *, mode=True):
        network = Noisy().train(mode)
        found = probabilities(
            network,
            pixels,
            indices,
            DIABETIC_RETINOPATHY,
            lambda images: images.permute(0, 3, 1, 2).float(),
        )
        assert network.training == mode
        return found

    return predict


@pytest.mark.parametrize("mode", [True, False])
def test_nothing_is_dropped_and_the_mode_is_as_it_was(predicted, mode):
    order = np.arange(COUNT)[::-1]
    logits = order[:, None] / 40 * np.arange(5)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predicted(order, mode=mode), expected, rtol=1e-5)  # float32


def test_an_image_is_predicted_alike_alone(predicted):
    together, alone = predicted(np.arange(COUNT)), predicted(np.array([COUNT - 1]))
    np.testing.assert_allclose(together[-1:], alone, rtol=1e-5)
    assert not np.allclose(together[:1], alone)


@pytest.mark.parametrize(
    ("device", "side_px", "at_once"),
    [("cpu", 96, 64), ("cpu", 1230, 64), ("cuda", 512, 64), ("cuda", 1230, 11), ("cuda", 64, 1024)],
)
def test_a_card_is_given_as_many_pixels_at_once_whatever_their_size(device, side_px, at_once):
    assert batch_for(torch.device(device), side_px) == at_once
