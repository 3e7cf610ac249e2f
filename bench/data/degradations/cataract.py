"""Cataract-like haze of ArcNet and SCR-Net.

Papers: Li et al., IEEE TMI 2022 (ArcNet); Li et al., MICCAI 2022 (SCR-Net). Formulas of the
released simulation: docs/reference/degradations.md#cataract-haze.
"""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from bench.data.degradations.kernels import (
    clipped,
    filtered,
    grey,
    in_colour,
    published_or_equivalent,
)
from bench.data.degradations.strength import blended

BGR_LUMA = (0.114, 0.587, 0.299)
"""Weights of R, G, B in grey: the released code hands a BGR array to PIL as if it were RGB."""

DIMMING = 0.2
"""The proportion of light that the lens takes everywhere."""

_ROUND = np.outer([1, 4, 7, 4, 1], [1, 4, 7, 4, 1])
SMOOTHING = np.where(_ROUND == 49, 41, np.where(_ROUND == 28, 26, _ROUND)) / 273
"""The 5 x 5 kernel that rounds the tip of the distance map."""


@dataclass(frozen=True)
class Cataract:
    """A veil that thickens away from a centre, over a blurred and dimmed image.

    Attributes:
        x: Clearest point, fraction of the side; with y.
        y: Clearest point, fraction of the side.
        veil: How much of the way to each channel's maximum the farthest point goes.
        side: Of the published blur kernel in pixels of the grid: 1, 3, 5 or 7; 1 = no blur.
        sigma_px: Standard deviation before that kernel is cut off, in pixels of the grid.
        contrast: Factor, 1 = as it is; with brightness and saturation, in this order.
        brightness: Factor.
        saturation: Factor.
        grid_px: Side of the published square.
    """

    x: float
    y: float
    veil: float
    side: int
    sigma_px: float
    contrast: float
    brightness: float
    saturation: float
    grid_px: int = 512

    @classmethod
    def draw(cls, rng: np.random.Generator, grid_px: int = 512) -> Self:
        """The published draw."""
        reach = int(0.3 * grid_px)
        x, y = (grid_px // 2 + int(rng.integers(-reach, reach + 1)) for _ in range(2))
        return cls(
            x=(x + 0.5) / grid_px,
            y=(y + 0.5) / grid_px,
            side=int(rng.choice([1, 3, 5, 7])),
            sigma_px=float(rng.integers(10, 31)),
            veil=float(rng.uniform(0.6, 0.8)),
            contrast=float(rng.uniform(0.9, 1.3)),
            brightness=float(rng.uniform(0.9, 1.0)),
            saturation=float(rng.uniform(0.9, 1.3)),
            grid_px=grid_px,
        )

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Blur, dim to 0.8 and veil; then contrast, brightness and saturation; black outside."""
        kernel = published_or_equivalent(
            self.side, self.sigma_px, self.grid_px, image.shape[0], strength
        )
        blurred = filtered(image, kernel, kernel)
        veil = self.veil * self._distance(mask.astype(image.dtype))
        brightest = cv2.reduce(blurred.reshape(-1, 3), 0, cv2.REDUCE_MAX)[0]
        # As published, veil + DIMMING of each pixel are lost and the rest is kept: nothing at all
        # where the veil is 0.8, so a millionth, lest strength 0 divide by it.
        kept = np.maximum(1 - veil - DIMMING, 1e-6)
        total = kept + strength * (veil + DIMMING)
        hazy = in_colour(kept / total) * blurred
        hazy = clipped(hazy + in_colour(strength * veil / total, tuple(brightest)))
        mean = float(grey(hazy, BGR_LUMA).mean(dtype=np.float64))
        hazy = blended(hazy, mean, self.contrast, strength)
        hazy = blended(hazy, 0.0, self.brightness, strength)
        hazy = blended(hazy, grey(hazy, BGR_LUMA), self.saturation, strength)
        return hazy * in_colour(mask.astype(image.dtype))

    def _distance(self, mask: np.ndarray) -> np.ndarray:
        """Distance from the clearest point, (S, S), 1 at the farthest pixel of the field."""
        size = mask.shape[0]
        columns, rows = (np.arange(size) + 0.5 - fraction * size for fraction in (self.x, self.y))
        distance = np.sqrt(np.add.outer(rows**2, columns**2).astype(mask.dtype))
        smooth = cv2.filter2D(distance, -1, SMOOTHING, borderType=cv2.BORDER_REFLECT) * mask
        return smooth / max(float(smooth.max()), 1e-12)
