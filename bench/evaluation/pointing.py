"""Does a saliency map point at a lesion? The pointing game, and what chance would score.

Zhang et al., "Top-down neural attention by excitation backprop", IJCV 2018: a hit is a map whose
maximum lies on an object, within a margin. No torch here.
"""

from collections.abc import Iterable

import numpy as np

MARGIN = 0.03
"""Of the image's side; assumed: the paper's 15 pixels on photographs of about 500."""


def hits(maps: Iterable[np.ndarray], boxes: list[np.ndarray], *, image_px: int) -> np.ndarray:
    """Whether the peak of each map, the centre of its highest cell, lies in a box or its margin.

    An enlarged map would have its peak on the image's rim wherever the highest cell is at the rim.

    Args:
        maps: n of (h, w), of any resolution; of equal cells the first counts.
        boxes: For each image (L, 4) x0, y0, x1, y1 in pixels, at least one.
        image_px: Side of the square images that the boxes lie in.

    Returns:
        (n,) bool.
    """
    results = []
    for saliency, lesions in zip(maps, boxes, strict=True):
        cell = np.unravel_index(int(saliency.argmax()), saliency.shape)
        y, x = ((np.array(cell) + 0.5) * image_px / saliency.shape).astype(int)
        results.append(bool(_target(lesions, image_px)[y, x]))
    return np.array(results, dtype=bool)


def chance(boxes: list[np.ndarray], *, image_px: int) -> np.ndarray:
    """(n,) probability that a point drawn uniformly from the field of view is a hit."""
    centres = np.arange(image_px) + 0.5 - image_px / 2
    field = np.add.outer(centres**2, centres**2) <= (image_px / 2) ** 2
    return np.array([_target(lesions, image_px)[field].mean() for lesions in boxes])


def _target(boxes: np.ndarray, image_px: int) -> np.ndarray:
    """(S, S) bool: the pixels that count as a hit."""
    target = np.zeros((image_px, image_px), dtype=bool)
    margin = MARGIN * image_px
    for x0, y0, x1, y1 in boxes + np.array([-margin, -margin, margin, margin]):
        left, top = (max(0, int(np.floor(edge))) for edge in (x0, y0))
        target[top : int(np.ceil(y1)), left : int(np.ceil(x1))] = True
    return target
