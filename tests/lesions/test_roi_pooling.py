"""Pooling by matrices is torchvision's RoIAlign: values and gradients, in float64 to rounding."""

import pytest
import torch
from torchvision.ops import MultiScaleRoIAlign

from bench.lesions import roi_pooling
from bench.lesions.roi_pooling import RepeatableRoIAlign

SIDE = 64
NAMES = ["0", "1", "2"]


def pyramid():
    torch.manual_seed(0)
    return {
        name: torch.rand(2, 3, SIDE // stride, SIDE // stride, dtype=torch.float64)
        for name, stride in zip(NAMES, (4, 8, 16), strict=True)
    }


def drawn(count, seed):
    """Boxes of all sizes, some beyond the image, as proposals are before they are clipped."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 1.2 * SIDE - 8
    size = 2 ** (torch.rand(count, 2, generator=generator, dtype=torch.float64) * 7 - 1)
    return torch.cat([corner, corner + size], 1)


def pooled(kind, maps, boxes, matrices=False):
    pooling = kind(NAMES, 7, sampling_ratio=2, canonical_scale=32, canonical_level=3)
    given = {name: each.clone().requires_grad_() for name, each in maps.items()}
    shapes = [(SIDE, SIDE)] * len(boxes)
    found = (pooling.by_matrices if matrices else pooling)(given, boxes, shapes)
    weights = torch.linspace(-1, 1, found.numel(), dtype=torch.float64).view_as(found)
    (found * weights).sum().backward()
    return found.detach(), {name: each.grad for name, each in given.items()}


EDGES = torch.tensor(
    [[0, 0, SIDE, SIDE], [10, 10, 10.2, 10.1], [60, -30, 64, -9], [63.9, 63.9, 90, 90]],
    dtype=torch.float64,
)


@pytest.mark.parametrize(
    "boxes",
    [[drawn(40, 1), drawn(7, 2)], [drawn(0, 3), drawn(5, 4)], [EDGES, EDGES[:0]]],
    ids=["many", "an image without boxes", "edges"],
)
def test_values_and_gradients_are_torchvisions(boxes, monkeypatch):
    """Sums of at most 16 x 16 products of order 1, hence 1e-12."""
    monkeypatch.setattr(roi_pooling, "AT_ONCE", 6)
    found, gradients = pooled(RepeatableRoIAlign, pyramid(), boxes, matrices=True)
    expected, theirs = pooled(MultiScaleRoIAlign, pyramid(), boxes)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for name in NAMES:
        torch.testing.assert_close(gradients[name], theirs[name], rtol=0, atol=1e-11)
    assert len(found) == sum(map(len, boxes))


def test_on_a_processor_it_is_torchvisions_own_to_the_last_bit():
    boxes = [drawn(9, 5), drawn(9, 6)]
    found, _ = pooled(RepeatableRoIAlign, pyramid(), boxes)
    assert torch.equal(found, pooled(MultiScaleRoIAlign, pyramid(), boxes)[0])


def test_moved_boxes_have_other_features():
    boxes = [drawn(9, 7), drawn(9, 8)]
    found, _ = pooled(RepeatableRoIAlign, pyramid(), boxes, matrices=True)
    moved, _ = pooled(RepeatableRoIAlign, pyramid(), [each + 0.5 for each in boxes], matrices=True)
    assert not torch.allclose(found, moved, atol=1e-3)
