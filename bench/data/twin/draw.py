"""One photograph: a person's eye with a burden of lesions, through a camera of some quality."""

from dataclasses import dataclass

import cv2
import numpy as np

from bench.data.twin import camera, lesions
from bench.data.twin import eye as anatomy
from bench.data.twin.burden import Burden
from bench.data.twin.canvas import Canvas
from bench.seeding import generator_for

OVERSAMPLING = 1.5


@dataclass(frozen=True)
class Photograph:
    """A drawn photograph and what is known of it.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        boxes: Kind and x0, y0, x1, y1 in pixels of the image, x1 and y1 exclusive.
        masks: Kind of lesion -> (S, S) bool.
        burden: What was drawn.
        faults: Of the camera.
    """

    image: np.ndarray
    boxes: tuple[tuple[str, float, float, float, float], ...]
    masks: dict[str, np.ndarray]
    burden: Burden
    faults: tuple[str, ...]


def photograph(
    patient: str, side: int, *, grade: int, quality: int, size_px: int, seed: int
) -> Photograph:
    """The photograph of one eye; the same arguments give the same bytes, in any order.

    Args:
        patient: Names the person whom both eyes share.
        side: 1 right, -1 left.
        grade: 0 to 4 of the ICDR scale.
        quality: 0 good, 1 usable, 2 reject.
        size_px: Side of the image.
        seed: Of the cohort.
    """
    person = anatomy.Person.draw(generator_for(seed, "person", patient))
    eye = anatomy.Eye.draw(person, side, generator_for(seed, "eye", patient, side))
    burden = Burden.draw(grade, generator_for(seed, "burden", patient, side))
    size = round(size_px * OVERSAMPLING)
    canvas = Canvas(np.zeros((size, size, 3), np.float32), person.field * size / 2)
    rng = generator_for(seed, "ground", patient, side)
    anatomy.paint(canvas, eye, rng, beading=burden.beading)
    drawn = lesions.paint(canvas, eye, burden, generator_for(seed, "lesions", patient, side))
    rng = generator_for(seed, "camera", patient, side)
    camera.distract(canvas, eye, rng)
    faults = camera.spoil(canvas, quality, rng)
    image = camera.expose(canvas, person.cut, size_px, rng)
    masks = {kind: _smaller(mask, size_px) > 0.5 for kind, mask in drawn.masks.items()}
    scale = OVERSAMPLING
    boxes = tuple(
        (kind, x0 / scale, y0 / scale, x1 / scale, y1 / scale)
        for kind, x0, y0, x1, y1 in drawn.boxes
    )
    return Photograph(image, boxes, masks, burden, faults)


def _smaller(picture: np.ndarray, size_px: int) -> np.ndarray:
    return cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_AREA)
