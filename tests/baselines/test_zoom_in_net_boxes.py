"""Zoom-in-Net's boxes: what is suspicious, and which places are looked at closely."""

import pytest
import torch
from torch import Tensor

from baselines.zoom_in_net import (
    greedy_corners,
    suspicion_map,
    weights_of_findings,
    weights_of_grades,
)


def bumps(*peaks: tuple[int, int], size: int = 64) -> Tensor:
    """A map with a cone at each (row, column), each lower than the one before."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    cones = [
        (10 - number) * (1 - torch.hypot(rows - y + 0.0, columns - x + 0.0) / 8).clamp(min=0)
        for number, (y, x) in enumerate(peaks)
    ]
    return torch.stack(cones).amax(dim=0)


def test_boxes_lie_about_the_peaks_highest_first():
    peaks = [(40, 20), (12, 12), (50, 50), (12, 44)]
    corners = greedy_corners(bumps(*peaks)[None], crops=4, crop_px=20)
    assert corners[0].tolist() == [[y - 10, x - 10] for y, x in peaks]


def test_boxes_at_the_edge_are_moved_inside():
    corners = greedy_corners(bumps((0, 0), (63, 63), (0, 63))[None], crops=3, crop_px=20)
    assert corners[0].tolist() == [[0, 0], [44, 44], [0, 44]]


def test_each_image_has_its_own_boxes():
    maps = torch.stack([bumps((40, 20)), bumps((20, 40))])
    together = greedy_corners(maps, crops=2, crop_px=16)
    for place in range(2):
        alone = greedy_corners(maps[place : place + 1], crops=2, crop_px=16)
        assert torch.equal(together[place], alone[0])
    assert not torch.equal(together[0], together[1])


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_flat_map_is_searched_from_the_middle_outwards(level):
    corners = greedy_corners(torch.full((1, 65, 65), level), crops=4, crop_px=21)[0]
    centres = (corners + 10).tolist()
    assert centres[0] == [32, 32]
    assert len(set(map(tuple, centres))) == 4
    distances = [max(abs(y - 32), abs(x - 32)) for y, x in centres]
    assert distances == sorted(distances)
    assert distances[1] == 11  # beside the first box


def test_crops_that_fill_the_image_leave_nothing_to_find_and_stay_inside():
    corners = greedy_corners(torch.rand(3, 20, 20), crops=4, crop_px=20)
    assert not corners.any()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_rounding_does_not_move_a_box(size):
    """Interpolation is flat near the edges, up to the last bit."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(50, 1, size, size, generator=generator)
    noise = 1 + 1e-6 * torch.randn(50, 1, size, size, generator=generator)
    shown = [
        torch.nn.functional.interpolate(one, (64, 64), mode="bilinear")[:, 0]
        for one in (coarse, coarse * noise)
    ]
    one, other = (greedy_corners(each, crops=3, crop_px=24) for each in shown)
    assert torch.equal(one, other)


def evidence(label: int, classes: int = 5) -> Tensor:
    attended = torch.zeros(1, classes, 4, 4)
    attended[0, label, 2, 1] = 3.0
    return attended


def test_evidence_of_health_draws_no_crop():
    assert suspicion_map(evidence(0), weights_of_grades).max() == 0
    assert suspicion_map(evidence(1), weights_of_grades)[0].argmax() == 2 * 4 + 1


def test_evidence_against_a_grade_draws_no_crop():
    assert suspicion_map(-evidence(1), weights_of_grades).max() == 0


def test_findings_thought_absent_draw_no_crop_unless_all_are():
    logits = torch.tensor([[2.0, -1.0, 0.5], [-3.0, -1.0, -2.0]])
    drawn = weights_of_findings(logits) > 0
    assert drawn.tolist() == [[True, False, True], [False, True, False]]
