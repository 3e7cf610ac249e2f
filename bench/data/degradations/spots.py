"""Retinal artifacts of cofe-Net: small soft spots, as from dust on the lens.

Paper: Shen et al., IEEE TMI 2020 (cofe-Net); formulas of the released code:
docs/reference/degradations.md#light-transmission-spots-and-blur.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from bench.data.degradations.kernels import clipped, disc, odd, truncated_gaussian


@dataclass(frozen=True)
class Spot:
    """One soft spot. It is drawn pixel by pixel on the published grid, then resampled by areas.

    Attributes:
        x: Centre, fraction of the side; with y.
        y: Centre, fraction of the side.
        radius: Fraction of the side.
        reach_x: Half the width of the softening kernel, fraction of the side; with reach_y.
        reach_y: Half its height, fraction of the side.
        sigma: Standard deviation of that kernel before it is cut off, fraction of the side.
        light: What is added at the centre; negative (dark) for large spots at 1024.
        grid_px: Side of the published square.
    """

    x: float
    y: float
    radius: float
    reach_x: float
    reach_y: float
    sigma: float
    light: float
    grid_px: int = 512

    @classmethod
    def draw(cls, rng: np.random.Generator, grid_px: int = 512) -> Self:
        """The published draw on a square of `grid_px`; radii count its pixels, whatever its size.

        That is why the file for 1024 is another model: there the light falls below 0.
        """
        size = grid_px
        radius = int(rng.integers(math.ceil(0.01 * size), int(0.05 * size) + 1))
        x, y = (int(rng.integers(radius + 1, size - radius)) for _ in range(2))
        fraction = radius / 25
        sigma = 2 * (5 + 20 * fraction)
        width, height = rng.integers(int(sigma / 5), int(sigma / 4) + 1, size=2)
        return cls(
            x=(x + 0.5) / size,
            y=(y + 0.5) / size,
            radius=int(radius / 2) / size,
            reach_x=(odd(width) // 2) / size,
            reach_y=(odd(height) // 2) / size,
            sigma=sigma / size,
            light=(0.56 + 1 - fraction) * (1 - math.exp(-(0.5 + fraction) * 0.3 * fraction)),
            grid_px=grid_px,
        )

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Add the spot's light in the window that it touches."""
        del mask
        size, grid = image.shape[0], self.grid_px
        half_x, half_y = (
            round((self.radius + reach) * grid) for reach in (self.reach_x, self.reach_y)
        )
        columns, across = _areas(int(self.x * grid), half_x, grid, size)
        rows, down = _areas(int(self.y * grid), half_y, grid, size)
        window = (down @ self._pattern(half_x, half_y) @ across.T).astype(image.dtype)
        result = image.copy()
        result[rows, columns] = clipped(image[rows, columns] + strength * window[..., None])
        return result

    def _pattern(self, half_x: int, half_y: int) -> np.ndarray:
        """The spot on the published grid: (2 half_y + 1, 2 half_x + 1)."""
        grid, side = self.grid_px, 2 * max(half_x, half_y) + 1
        square = disc(side, 0.5, 0.5, self.radius * grid / side)
        off_x, off_y = (side // 2 - half for half in (half_x, half_y))
        spot = square[off_y : side - off_y, off_x : side - off_x] * self.light
        across, down = (
            truncated_gaussian(round(reach * grid), self.sigma * grid)
            for reach in (self.reach_x, self.reach_y)
        )
        return _smoothing(len(spot), down) @ spot @ _smoothing(spot.shape[1], across).T


def draw_spots(rng: np.random.Generator, grid_px: int = 512) -> tuple[Spot, ...]:
    """Five to ten spots anywhere in the square."""
    return tuple(Spot.draw(rng, grid_px) for _ in range(int(rng.integers(5, 11))))


def _areas(centre: int, half: int, grid_px: int, size_px: int) -> tuple[slice, np.ndarray]:
    """The image pixels that grid pixels centre +- half fall on, and the proportion of each in each.

    Returns:
        The image pixels as a slice, and (image pixels, 2 half + 1) overlaps in image pixels.
    """
    edges = np.arange(centre - half, centre + half + 2) * (size_px / grid_px)
    first, last = math.floor(edges[0]), min(math.ceil(edges[-1]), size_px)
    starts = np.arange(first, last)[:, None]
    overlap = np.minimum(starts + 1, edges[1:]) - np.maximum(starts, edges[:-1])
    return slice(first, last), np.maximum(overlap, 0)


def _smoothing(length: int, kernel: np.ndarray) -> np.ndarray:
    """The matrix (length, length) that filters a line with a kernel, black beyond its ends."""
    offset = np.subtract.outer(np.arange(length), np.arange(length)) + len(kernel) // 2
    inside = (offset >= 0) & (offset < len(kernel))
    return np.where(inside, kernel[np.clip(offset, 0, len(kernel) - 1)], 0)
