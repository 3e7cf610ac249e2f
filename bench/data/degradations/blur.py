"""Image blurring of cofe-Net.

Paper: Shen et al., IEEE TMI 2020 (cofe-Net); formulas of the released code:
docs/reference/degradations.md#light-transmission-spots-and-blur.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from bench.data.degradations.kernels import filtered, odd, published_or_equivalent


@dataclass(frozen=True)
class Blur:
    """A Gaussian cut off after at most three pixels, so far milder than its sigma says.

    Attributes:
        side_x: Width of the published kernel in pixels of the grid: 1, 3, 5 or 7; 1 = no blur.
        side_y: Its height.
        sigma_px: Standard deviation before it is cut off, in pixels of the grid.
        grid_px: Side of the published square. On it, at strength 1, the kernel is the published
            one; elsewhere it is the Gaussian of the same relative standard deviation times the
            strength.
    """

    side_x: int
    side_y: int
    sigma_px: float
    grid_px: int = 512

    @classmethod
    def draw(cls, rng: np.random.Generator, grid_px: int = 512) -> Self:
        """The published draw: the same pixels on any grid, so half the blur at 1024."""
        sigma = float(rng.uniform(5, 15))
        side_x, side_y = rng.integers(int(sigma / 3), int(sigma / 2) + 1, size=2)
        return cls(odd(side_x), odd(side_y), sigma, grid_px)

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Filter along both axes."""
        del mask
        across, down = (
            published_or_equivalent(side, self.sigma_px, self.grid_px, image.shape[0], strength)
            for side in (self.side_x, self.side_y)
        )
        return filtered(image, across, down)
