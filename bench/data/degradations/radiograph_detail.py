"""Loss of detail in a radiograph: unsharpness, coarse pixels and compression.

Formulas and levels: MedMNIST-C (Di Salvo et al., arXiv:2406.17536), registry "chestmnist"
(docs/reference/degradations.md#radiographs), which counts pixels on a square of 224. Blur and
coarse pixels are the same fraction of the image at any size. JPEG encodes the image at hand, in
blocks of 8 x 8 of its own pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from bench.data.degradations.kernels import (
    clipped,
    filtered,
    in_colour,
    published_or_equivalent,
)

GRID_PX = 224
"""Side of the square that the published levels count pixels on."""


@dataclass(frozen=True)
class Unsharpness:
    """A Gaussian blur, as of a patient who moved or a wide focal spot.

    Attributes:
        side: Of the published kernel in pixels of the grid, odd.
        grid_px: Side of the published square.
    """

    side: int
    grid_px: int = GRID_PX

    @property
    def sigma_px(self) -> float:
        """Standard deviation that torchvision gives a kernel of this side, before its cut."""
        return 0.3 * ((self.side - 1) / 2 - 1) + 0.8

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Blur; strength multiplies the standard deviation. The padding does not bleed in."""
        kernel = published_or_equivalent(
            self.side, self.sigma_px, self.grid_px, image.shape[0], strength
        )
        return _averaged(image, mask, lambda plane: filtered(plane, kernel, kernel))


@dataclass(frozen=True)
class Pixelation:
    """Pixels as coarse as those of a smaller picture.

    Attributes:
        share: The smaller picture's side, fraction of the published one.
        grid_px: Side of the published square.
    """

    share: float
    grid_px: int = GRID_PX

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Average in squares; strength multiplies their side. Finer pixels stay as they are."""
        size = image.shape[0]
        blocks = max(round(int(self.grid_px * self.share) / strength), 1) if strength else size
        if blocks >= size:
            return image

        def coarse(plane: np.ndarray) -> np.ndarray:
            # Pillow's box filter, as published: it gives a pixel on an edge to one square only.
            small = Image.fromarray(plane.astype(np.float32)).resize(
                (blocks, blocks), Image.Resampling.BOX
            )
            large = small.resize((size, size), Image.Resampling.BOX)
            return np.asarray(large).astype(plane.dtype)

        return _averaged(image, mask, coarse)


@dataclass(frozen=True)
class Jpeg:
    """Lossy compression.

    Attributes:
        quality: Of libjpeg, 1 to 100.
    """

    quality: int

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Encode and decode; strength multiplies the steps to which frequencies are rounded."""
        if strength == 0:
            return image
        levels = np.rint(cv2.extractChannel(image, 0) * mask * 255).astype(np.uint8)
        file = BytesIO()
        Image.fromarray(levels).save(file, "JPEG", quality=coarser(self.quality, strength))
        with Image.open(file) as decoded:
            return in_colour(np.asarray(decoded).astype(image.dtype) / 255)


def coarser(quality: int, strength: float) -> int:
    """The quality at which libjpeg's steps are `strength` times those of `quality`.

    libjpeg scales its table by 5000 / q percent below 50, and by 200 - 2 q from there.

    >>> coarser(50, 1.0), coarser(50, 2.0), coarser(50, 0.5), coarser(7, 10.0)
    (50, 25, 75, 1)
    """
    percent = strength * (5000 / quality if quality < 50 else 200 - 2 * quality)
    scaled = 5000 / percent if percent > 100 else (200 - percent) / 2
    return min(max(round(scaled), 1), 100)


def _averaged(
    image: np.ndarray, mask: np.ndarray, average: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """A local average of a grey image over those pixels that show it, without the padding."""
    plane = cv2.extractChannel(image, 0)
    if mask.all():
        return in_colour(clipped(average(plane)))
    inside = mask.astype(plane.dtype)
    weight = np.maximum(average(inside), 1e-6)  # 0 / 0 far from the image: it stays black
    return in_colour(clipped(average(plane * inside) / weight))
