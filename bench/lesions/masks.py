"""From a mask of lesions to one box per lesion, as the group's detector was trained.

Source: docs/reference/detector.md#from-masks-to-boxes.
"""

import cv2
import numpy as np

THRESHOLD = 1
"""A pixel above this belongs to a lesion."""

MARGIN_PX = 1


def boxes(mask: np.ndarray) -> np.ndarray:
    """One box around each connected part of a mask, however small; parts are not merged.

    Source: LCL detection/mask2bbox.py (docs/reference/detector.md#from-masks-to-boxes): outer
    contours, bounding boxes, a pixel's margin.

    Args:
        mask: (H, W) uint8, or bool.

    Returns:
        (L, 4) float x0, y0, x1, y1, x1 and y1 exclusive, inside the mask; ordered by y0, x0.
    """
    level = mask.astype(np.uint8) * 255 if mask.dtype == bool else mask
    lesion = (level > THRESHOLD).astype(np.uint8)
    outlines, _ = cv2.findContours(lesion, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return np.empty((0, 4))
    x, y, width, height = np.array([cv2.boundingRect(outline) for outline in outlines]).T
    corners = np.stack([x, y, x + width, y + height], axis=1)
    wide = corners + MARGIN_PX * np.array([-1, -1, 1, 1])
    rows, columns = mask.shape
    inside = np.clip(wide, 0, [columns, rows, columns, rows])
    return inside[np.lexsort((inside[:, 0], inside[:, 1]))].astype(float)
