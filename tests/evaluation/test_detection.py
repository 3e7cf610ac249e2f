import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evaluation.detection import (
    Detections,
    Truth,
    ap50,
    intersection_over_union,
    matched,
    ranked,
)
from bench.seeding import generator_for

UNIT = np.array([[0.0, 0.0, 10.0, 10.0]])
FAR = UNIT + 100


def detected(*boxes_and_scores, kind=0):
    boxes = np.array([box for box, _ in boxes_and_scores], dtype=float).reshape(-1, 4)
    scores = np.array([score for _, score in boxes_and_scores], dtype=float)
    return Detections(boxes, np.full(len(scores), kind), scores)


def true(*boxes, kind=0):
    return Truth(np.array(boxes, dtype=float).reshape(-1, 4), np.full(len(boxes), kind))


def drawn(seed, images=4):
    """Boxes on a coarse grid, so that some overlap by more than a half, and distinct scores."""
    rng = generator_for(seed)
    seen, there = [], []
    for _ in range(images):
        corners = rng.integers(0, 4, (rng.integers(0, 6), 2)) * 6.0
        nudged = corners + rng.uniform(-3, 3, corners.shape)
        keep = rng.random(len(corners)) < 0.7
        there.append(true(*np.concatenate([corners, corners + 10], axis=1)))
        boxes = np.concatenate([nudged, nudged + 10], axis=1)[keep]
        seen.append(detected(*zip(boxes, rng.random(len(boxes)), strict=True)))
    return seen, there


def slow_ap50(seen, there):
    """For each recall k / total: the best precision of a threshold that reaches it; their mean."""
    scores, right, total = ranked(seen, there, 0)
    points = []
    for threshold in scores:
        hits = sum(r for s, r in zip(scores, right, strict=True) if s >= threshold)
        points.append((hits, hits / sum(s >= threshold for s in scores)))
    best = [
        max([precision for hits, precision in points if hits >= k], default=0.0)
        for k in range(1, total + 1)
    ]
    return sum(best) / total if total else math.nan


def test_two_squares_that_share_a_quarter_each_overlap_by_a_seventh():
    other = UNIT + 5
    assert intersection_over_union(UNIT, other)[0, 0] == pytest.approx(25 / 175)
    assert intersection_over_union(UNIT, UNIT)[0, 0] == 1
    assert intersection_over_union(UNIT, FAR)[0, 0] == 0


def test_boxes_without_area_overlap_with_nothing():
    point = np.array([[3.0, 3.0, 3.0, 3.0]])
    assert intersection_over_union(point, point)[0, 0] == 0
    assert intersection_over_union(point, UNIT)[0, 0] == 0


@pytest.mark.parametrize(("shift", "right"), [(3.3, True), (3.4, False)])
def test_a_box_is_right_from_an_overlap_of_one_half(shift, right):
    """A shift by s leaves (10 - s) / (10 + s) in common: one half at s = 10 / 3."""
    moved = UNIT + np.array([shift, 0, shift, 0])
    assert matched(moved, np.ones(1), UNIT).tolist() == [right]


def test_a_lesion_is_found_once_by_the_surest_box():
    twice = np.concatenate([UNIT + 1, UNIT])
    assert matched(twice, np.array([0.4, 0.9]), UNIT).tolist() == [False, True]
    assert matched(twice, np.array([0.9, 0.4]), UNIT).tolist() == [True, False]


def test_the_surest_box_takes_the_lesion_that_it_fits_best():
    lesions = np.concatenate([UNIT, UNIT + np.array([2, 0, 2, 0])])
    boxes = np.concatenate([UNIT + np.array([2, 0, 2, 0]), UNIT])
    assert matched(boxes, np.array([0.9, 0.8]), lesions).tolist() == [True, True]


def test_the_area_under_a_curve_drawn_by_hand():
    """Right, wrong, right over three lesions: precision 1, 1/2, 2/3 -> (1 + 2/3 + 0) / 3."""
    seen = [detected((UNIT[0], 0.9), (FAR[0] + 500, 0.8), (FAR[0], 0.7))]
    there = [true(UNIT[0], FAR[0], FAR[0] + 50)]
    assert ap50(seen, there, 0) == pytest.approx((1 + 2 / 3) / 3)


def test_finding_all_and_nothing_else_is_one_and_finding_nothing_is_zero():
    there = [true(UNIT[0], FAR[0]), true(UNIT[0])]
    everything = [detected((UNIT[0], 0.2), (FAR[0], 0.9)), detected((UNIT[0], 0.5))]
    assert ap50(everything, there, 0) == 1
    assert ap50([detected(), detected()], there, 0) == 0


def test_without_a_lesion_there_is_no_score():
    assert math.isnan(ap50([detected((UNIT[0], 0.9))], [true()], 0))


def test_classes_are_scored_apart():
    there = [true(UNIT[0], kind=1)]
    assert ap50([detected((UNIT[0], 0.9), kind=1)], there, 1) == 1
    assert ap50([detected((UNIT[0], 0.9), kind=0)], there, 1) == 0


def test_a_box_in_one_image_does_not_find_a_lesion_in_another():
    assert ap50([detected((UNIT[0], 0.9)), detected()], [true(), true(UNIT[0])], 0) == 0


@given(st.integers(0, 200))
def test_it_is_the_mean_over_recalls_of_the_best_precision(seed):
    seen, there = drawn(seed)
    assert ap50(seen, there, 0) == pytest.approx(slow_ap50(seen, there), abs=1e-12, nan_ok=True)


@given(st.integers(0, 200))
def test_only_the_order_of_the_scores_counts(seed):
    seen, there = drawn(seed)
    squeezed = [Detections(own.boxes, own.kinds, own.scores**3 / 2) for own in seen]
    score = ap50(seen, there, 0)
    assert ap50(squeezed, there, 0) == pytest.approx(score, abs=1e-12, nan_ok=True)
    assert ap50(seen[::-1], there[::-1], 0) == pytest.approx(score, abs=1e-12, nan_ok=True)


def test_a_confidence_keeps_what_reaches_it():
    own = detected((UNIT[0], 0.8), (FAR[0], 0.79))
    assert own.above(0.8).boxes.tolist() == UNIT.tolist()
    assert len(own.above(0.5).scores) == 2
