"""What becomes of the boxes that a detector saw."""

import numpy as np
import pytest

from bench.evaluation.detection import Detections
from bench.lesions import boxes
from bench.lesions.predictions import by_grade, centred, usable_boxes
from bench.protocol.presets import derive, named


def found_at(*rows):
    table = np.array(rows, dtype=float).reshape(-1, 5)
    return Detections(table[:, :4], np.zeros(len(table), np.int64), table[:, 4])


def test_boxes_are_kept_by_confidence_border_and_size():
    own = derive(named("paper"), []).detector
    found = found_at(
        (0.2, 0.2, 0.3, 0.3, 0.80),
        (0.2, 0.2, 0.3, 0.3, 0.79),  # not sure enough
        (0.009, 0.2, 0.1, 0.3, 0.9),  # within 5 of 512 pixels of the border
        (0.9, 0.2, 0.991, 0.3, 0.9),
        (0.2, 0.2, 0.46, 0.3, 0.9),  # 133 of 512 pixels wide
    )
    assert usable_boxes(found, own, image_px=512, patch_px=128).tolist() == [
        pytest.approx([102.4, 102.4, 153.6, 153.6])
    ]


def test_an_oversized_box_is_dropped_or_cut_down_to_its_middle():
    own = derive(named("paper"), []).detector
    found = found_at((0.2, 0.2, 0.5, 0.3, 0.9))
    assert len(usable_boxes(found, own, image_px=100, patch_px=20)) == 0
    centre = own.model_copy(update={"oversized": "centre"})
    kept = usable_boxes(found, centre, image_px=100, patch_px=20)
    assert kept.tolist() == [pytest.approx([25, 20, 45, 30])]


def test_a_box_that_fits_keeps_its_corners():
    fits = np.array([[1.0, 2.0, 9.0, 5.0]])
    assert centred(fits, 8).tolist() == fits.tolist()


def test_images_and_boxes_are_counted_by_grade():
    boxes_of = [np.zeros((n, 4)) for n in (0, 2, 1, 0)]
    assert by_grade(np.array([0, 0, 2, 2]), boxes_of) == [
        {"grade": 0, "images": 2, "with_box": 1, "boxes": 2},
        {"grade": 2, "images": 2, "with_box": 1, "boxes": 1},
    ]


def test_the_sentence_tells_lesions_and_false_alarms_apart():
    rows = by_grade(np.array([0, 0, 1, 4]), [np.zeros((n, 4)) for n in (1, 0, 3, 1)])
    assert boxes.sentence({"grades": rows}) == (
        "boxes on 2 of 2 training images with lesions, and on 1 of 2 without"
    )
