"""The lesion detector on a pretended card: nothing mixed, and what the processor computes."""

import numpy as np
import pytest
import torch
from drawn_idrid import TINY_DETECTOR, draw_idrid
from pretend_cuda import CUDA, card
from torchvision.ops import poolers

from bench.lesions import idrid
from bench.lesions.faster_rcnn import LesionDetector, collate
from bench.protocol.presets import derive, named
from bench.training.batches import on_device
from bench.training.stages import initial_weights


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    root = draw_idrid(tmp_path_factory.mktemp("drawn"), training=2)
    return collate([idrid.open_image(image, 64) for image in idrid.read(root)][:2])


def detector():
    settings = derive(named("smoke"), [*TINY_DETECTOR]).detector
    network = initial_weights(lambda: LesionDetector(settings), 0)
    assert isinstance(network, LesionDetector)
    return network


def losses(network, batch):
    torch.manual_seed(0)  # for the boxes that the losses are computed of
    loss, parts = network.loss(batch, step=0, total_steps=1)
    loss.backward()
    gradients = {n: p.grad.cpu() for n, p in network.named_parameters() if p.grad is not None}
    told = {name: torch.as_tensor(part).detach().cpu().item() for name, part in parts.items()}
    return told, gradients


def refuse(*_, **__):
    raise AssertionError("torchvision's pooling has no gradient on a card that repeats")


def test_losses_gradients_and_boxes_are_those_of_the_processor(batch, monkeypatch):
    """Boxes are pooled as products of matrices there: float32 sums of order 1 in another order.

    A bias before a batch norm has no gradient but their rounding, hence the 1e-6.
    """
    here = detector()
    expected, by_parameter = losses(here, batch)
    boxes = here.find(batch["images"])
    monkeypatch.setattr(poolers, "roi_align", refuse)
    with card():
        there = detector().to(CUDA)
        found, gradients = losses(there, on_device(batch, CUDA))
        seen = there.find(on_device(batch, CUDA)["images"])
    assert found == pytest.approx(expected, rel=1e-4)
    assert gradients.keys() == by_parameter.keys()
    for name, gradient in gradients.items():
        close = 1e-3 * float(by_parameter[name].abs().max()) + 1e-6
        torch.testing.assert_close(gradient, by_parameter[name], rtol=0, atol=close)
    for one, other in zip(seen, boxes, strict=True):
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
        np.testing.assert_array_equal(one.kinds, other.kinds)
