"""Do drawn lesions look like lesions, and do boxes and masks say all that was drawn?

Two photographs of one eye, graded differently, differ in their lesions alone: what is below the
lesions, the camera's faults and its noise come from streams of their own.
"""

import cv2
import numpy as np
import pytest

from bench.data.twin.burden import Burden
from bench.data.twin.draw import photograph
from bench.data.twin.eye import Person
from bench.data.twin.lesions import HAEMORRHAGE, IRMA, MICROANEURYSM, PRERETINAL
from bench.data.twin.write import IDRID_GROUPS
from bench.seeding import generator_for


def pair(patient, grade, size_px=256):
    """A photograph with lesions, and what each channel of it differs from the healthy eye's by."""
    taken = [
        photograph(patient, 1, grade=g, quality=0, size_px=size_px, seed=0) for g in (grade, 0)
    ]
    return taken[0], taken[0].image.astype(float) - taken[1].image


def grown(mask, by_px):
    kernel = np.ones((2 * by_px + 1,) * 2, np.uint8)
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)


@pytest.mark.parametrize("grade", [1, 2, 4])
def test_nothing_is_drawn_outside_the_masks_and_boxes(grade):
    """Grade 3 is left out, since beading swells veins."""
    for patient in "abc":
        taken, difference = pair(patient, grade)
        assert taken.boxes
        masks = np.any(list(taken.masks.values()), axis=0)
        boxes = np.zeros_like(masks)
        for _, *box in taken.boxes:
            x0, y0, x1, y1 = np.rint(box).astype(int)
            boxes[y0:y1, x0:x1] = True
        changed = np.abs(difference).max(axis=2)
        # Soft edges and the optics reach three pixels beyond a weight of one half.
        assert changed[~grown(masks | boxes, 3)].max(initial=0) <= 4  # grey levels
        assert np.median(changed[grown(masks, 0)]) > 8


def test_every_box_shows_a_lesion():
    for patient in "abcd":
        taken, difference = pair(patient, 2)
        for kind, *box in taken.boxes:
            x0, y0, x1, y1 = np.rint(box).astype(int)
            seen = np.abs(difference[y0 : y1 + 1, x0 : x1 + 1]).max(initial=0)
            assert seen > 4, (patient, kind, box)


def test_blood_is_dark_red_and_not_black():
    """Red is dimmed far less than green, and green to half of what is around or more."""
    ratios = []
    for patient in "abcdefgh":
        taken, difference = pair(patient, 3)
        image = taken.image.astype(float)
        blood = taken.masks[HAEMORRHAGE] & (image - difference > 10).all(axis=2)
        ratios.append(np.median((image / (image - difference + 1e-9))[blood], axis=0))
    red, green, _ = np.median(ratios, axis=0)
    assert 0.75 < red < 0.95
    # Within IDRiD's masks 0.76 to 0.95; ours is on the dark side, or small images show nothing.
    assert 0.5 < green < 0.8
    assert min(r[1] for r in ratios) > 0.4


def test_microaneurysms_survive_halving():
    """A grade 1 of 256 px still shows most of its lesions at 128 px, above the camera's noise."""
    seen, noise = [], 0.004 * 255 / 2  # of the mean of four pixels
    for patient in "abcdefgh":
        taken, difference = pair(patient, 1)
        assert {kind for kind, *_ in taken.boxes} == {MICROANEURYSM}
        half = cv2.resize(difference[..., 1], (128, 128), interpolation=cv2.INTER_AREA)
        for _, *box in taken.boxes:
            x0, y0, x1, y1 = np.rint(np.array(box) / 2).astype(int)
            seen.append(-half[y0 : y1 + 1, x0 : x1 + 1].min())
    assert len(seen) >= 3 * 8
    assert np.mean(np.array(seen) > 4 * noise) > 0.8


def test_lesions_lie_in_what_the_photograph_shows():
    for patient in "abcdefgh":
        person = Person.draw(generator_for(0, "person", patient))
        for grade in (2, 3, 4):
            taken = photograph(patient, 1, grade=grade, quality=0, size_px=96, seed=0)
            boxes = np.array([box[1:] for box in taken.boxes])
            middles = (boxes[:, :2] + boxes[:, 2:]) / 2 / 48 - 1
            x, y = middles.T / person.field
            assert (np.hypot(x, y) < 1).all()
            assert (np.abs(y) < person.cut).mean() > 0.95  # an edge of a cluster may cross the cut


def test_irma_is_no_haemorrhage_of_the_companion():
    shown = {kind for _, kinds in IDRID_GROUPS.values() for kind in kinds}
    assert IRMA not in shown
    assert {HAEMORRHAGE, PRERETINAL, MICROANEURYSM} <= shown
    with_irma = [p for p in "abcdefgh" if Burden.draw(3, generator_for(0, "burden", p, 1)).irma]
    kinds = {kind for p in with_irma[:2] for kind, *_ in pair(p, 3, 96)[0].boxes}
    assert IRMA in kinds


def test_grades_overlap_in_microaneurysms_and_not_in_haemorrhages():
    burdens = [[Burden.draw(g, generator_for(g, i)) for i in range(300)] for g in range(5)]
    microaneurysms = [np.array([b.microaneurysms for b in of]) for of in burdens]
    assert (microaneurysms[1] >= 3).all()
    assert np.mean(microaneurysms[1] > np.median(microaneurysms[2])) > 0.1
    bleeding = [np.array([sum(b.haemorrhages) for b in of]) for of in burdens]
    assert bleeding[1].max() == 0
    assert np.median(bleeding[2]) < 12
    assert np.percentile(bleeding[2], 95) < np.percentile(bleeding[3], 5)
