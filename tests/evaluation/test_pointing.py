"""The pointing game on maps whose peak is known."""

import numpy as np
import pytest

from bench.evaluation.pointing import MARGIN, chance, hits

PX = 100
BOX = np.array([[20.0, 60.0, 40.0, 70.0]])


def peak_at(x, y, cells=PX):
    own = np.zeros((cells, cells))
    own[y, x] = 1.0
    return own


@pytest.mark.parametrize(
    ("x", "y", "hit"),
    [
        (30, 65, True),
        (65, 30, False),
        (18, 65, True),
        (15, 65, False),
        (42, 72, True),
        (30, 75, False),
    ],
)
def test_a_hit_is_a_peak_in_the_box_or_its_margin(x, y, hit):
    assert hits(peak_at(x, y)[None], [BOX], image_px=PX).tolist() == [hit]


def test_a_coarse_map_points_where_its_cell_lies():
    assert hits(peak_at(2, 6, cells=10)[None], [BOX], image_px=PX).tolist() == [True]
    assert hits(peak_at(6, 2, cells=10)[None], [BOX], image_px=PX).tolist() == [False]


def test_a_cell_at_the_rim_points_at_its_centre_not_at_the_corner():
    quarter = np.array([[70.0, 70.0, 80.0, 80.0]])
    corner = np.array([[0.0, 0.0, 10.0, 10.0]]) + 90.0
    highest = peak_at(1, 1, cells=2)[None]
    assert hits(highest, [quarter], image_px=PX).tolist() == [True]
    assert hits(highest, [corner], image_px=PX).tolist() == [False]


def test_any_of_several_boxes_will_do():
    both = np.vstack([BOX, [[80.0, 10.0, 90.0, 20.0]]])
    assert hits(peak_at(85, 15)[None], [both], image_px=PX).tolist() == [True]
    assert hits(peak_at(85, 15)[None], [BOX], image_px=PX).tolist() == [False]


def test_chance_is_the_share_of_the_field_that_hits():
    """By points drawn in the disc: 3 standard errors of a share from 40,000 draws."""
    margin = MARGIN * PX
    drawn = np.random.default_rng(0).uniform(0, PX, (60_000, 2))
    drawn = drawn[((drawn - PX / 2) ** 2).sum(1) <= (PX / 2) ** 2][:40_000]
    x0, y0, x1, y1 = BOX[0] + [-margin, -margin, margin, margin]
    inside = (drawn >= [x0, y0]).all(1) & (drawn <= [x1, y1]).all(1)
    (share,) = chance([BOX], image_px=PX)
    assert share == pytest.approx(inside.mean(), abs=3 * np.sqrt(share * (1 - share) / 40_000))
    (whole,) = chance([np.array([[0.0, 0.0, PX, PX]])], image_px=PX)
    assert whole == 1.0
