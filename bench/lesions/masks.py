"""Masks of lesions: which pixels of a file are lesion, and one box per lesion.

The boxes are made as the group's detector was trained; the file is read by the rule of `read`.
Source: docs/reference/detector.md#from-masks-to-boxes.
"""

from pathlib import Path

import cv2
import numpy as np

from bench.data.decode import opened, upright
from bench.data.picture_files import printable
from bench.errors import RequestError

THRESHOLD = 1
"""A pixel above this belongs to a lesion, out of 255."""

MOST = 0.5
"""Proportion of the frame that lesions can cover; in IDRiD's masks they cover 0.16 at most."""

MARGIN_PX = 1


def read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Which pixels of a mask's file are lesion, bool (H, W).

    Lesion is what is brighter than the threshold in any colour; in a mask of zeros and ones, what
    is one. A mask of one colour is told by its transparency, or by the numbers of its palette.

    Args:
        shape: (H, W, ...) of the photograph.

    Raises:
        RequestError: naming a file that cannot be read, has another size than its photograph, or
            covers most of it.
    """
    lesion = lesion_pixels(_levels(path))
    if lesion.shape != shape[:2]:
        raise RequestError(
            f"mask {printable(path.name)} is {lesion.shape[1]} x {lesion.shape[0]} px and its "
            f"photograph {shape[1]} x {shape[0]}; fetch both again"
        )
    if lesion.mean() > MOST:
        raise RequestError(
            f"mask {printable(path.name)} marks {lesion.mean():.0%} of its photograph as lesion, "
            f"more than {MOST:.0%}: it looks inverted, or is no mask; save it with lesions white "
            "on black"
        )
    return lesion


def lesion_pixels(levels: np.ndarray) -> np.ndarray:
    """Which pixels are lesion, bool (H, W).

    Args:
        levels: (H, W) bool, or numbers of any depth: 0 to 1, 0 to 255 or more.
    """
    if levels.dtype == bool:
        return levels
    brightest = levels.max()
    if brightest <= THRESHOLD:
        return levels > THRESHOLD / 2
    return levels > (THRESHOLD if brightest <= 255 else THRESHOLD * 257)  # 65535 = 257 * 255


def boxes(mask: np.ndarray) -> np.ndarray:
    """One box around each connected part of a mask, however small; parts are not merged.

    Source: LCL detection/mask2bbox.py (docs/reference/detector.md#from-masks-to-boxes): outer
    contours, bounding boxes, a pixel's margin.

    Args:
        mask: (H, W) bool or levels, as `lesion_pixels` takes them.

    Returns:
        (L, 4) float x0, y0, x1, y1, x1 and y1 exclusive, inside the mask; ordered by y0, x0.
    """
    lesion = lesion_pixels(mask).astype(np.uint8)
    outlines, _ = cv2.findContours(lesion, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return np.empty((0, 4))
    x, y, width, height = np.array([cv2.boundingRect(outline) for outline in outlines]).T
    corners = np.stack([x, y, x + width, y + height], axis=1)
    wide = corners + MARGIN_PX * np.array([-1, -1, 1, 1])
    rows, columns = mask.shape
    inside = np.clip(wide, 0, [columns, rows, columns, rows])
    return inside[np.lexsort((inside[:, 0], inside[:, 1]))].astype(float)


def _levels(path: Path) -> np.ndarray:
    """(H, W) of a mask's file: its colours' brightest channel, or what varies where they do not."""
    with opened(path) as file:
        picture = upright(file)
        if picture.mode[0] in "IF":
            return np.asarray(picture)
        colours = np.asarray(picture.convert("RGB")).max(axis=2)
        alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
        candidates = [colours, alpha, *([np.asarray(picture)] if picture.mode == "P" else [])]
        return next((c for c in candidates if c.min() < c.max()), colours)
