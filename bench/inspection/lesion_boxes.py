"""Photographs with the lesions that are there and those that a detector found, to be looked at."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from bench.data import contact_sheet
from bench.evaluation.detection import Detections
from bench.lesions.idrid import KINDS, AnnotatedPhotograph
from bench.protocol.settings import DetectorSettings

TRUE, FOUND = (90, 255, 90), (60, 160, 255)
PICTURE_PX = 768
INITIALS = dict(zip(KINDS, ("MA", "HE", "EX", "SE"), strict=True))


def write(
    photographs: Sequence[AnnotatedPhotograph],
    detections: Sequence[Detections],
    settings: DetectorSettings,
    out: Path,
) -> list[str]:
    """One PNG per photograph, the true boxes in green at the left, the found in blue at the right.

    Args:
        detections: For each photograph, boxes as fractions of the side; confident ones are drawn.

    Returns:
        The paths.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for photograph, detected in zip(photographs, detections, strict=True):
        sure = detected.above(settings.confidence)
        true = photograph.boxes / photograph.image.shape[0]
        pair = [
            _drawn(photograph.image, true, photograph.kinds, TRUE),
            _drawn(photograph.image, sure.boxes, sure.kinds, FOUND),
        ]
        captions = [
            f"{photograph.image_id}: {len(true)} lesions, green ({', '.join(INITIALS.values())})",
            f"{len(sure.boxes)} found with confidence {settings.confidence}, blue",
        ]
        paths.append(str(contact_sheet.grid(pair, captions, 2, out / f"{photograph.image_id}.png")))
    return paths


def _drawn(
    image: np.ndarray, relative_boxes: np.ndarray, kinds: np.ndarray, colour: tuple[int, int, int]
) -> np.ndarray:
    side = max(PICTURE_PX, image.shape[0])
    picture = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    for box, kind in zip(np.rint(relative_boxes * side).astype(int), kinds, strict=True):
        x0, y0, x1, y1 = (int(corner) for corner in box)
        cv2.rectangle(picture, (x0, y0), (x1, y1), colour, 1)
        text = INITIALS[KINDS[int(kind)]]
        cv2.putText(picture, text, (x0, max(y0 - 2, 8)), cv2.FONT_HERSHEY_PLAIN, 0.7, colour)
    return picture
