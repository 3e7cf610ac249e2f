"""Light transmission disturbance of cofe-Net: colour, halo and hole, in this order.

Paper: Shen et al., IEEE TMI 2020 (cofe-Net). Ranges and formulas: the off-line code that its
authors released (docs/reference/degradations.md#light-transmission-spots-and-blur), which CoMCL
took over. Letters: S side of the image.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from bench.data.degradations.kernels import (
    clipped,
    disc,
    filtered,
    grey,
    in_colour,
    odd,
    truncated_gaussian,
)
from bench.data.degradations.strength import blended, towards

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G, B in grey (ITU-R BT.601), as in PIL and torchvision."""

COFE_FACTORS = ((0.7, 1.2), (0.6, 1.4), (0.6, 1.4))
"""Ranges of brightness, contrast and saturation; the 1.2 is 1 + 0.3 - 0.1 in the code."""

GFE_FACTORS = ((0.5, 1.4), (0.5, 1.5), (0.5, 1.5))
"""The ranges of GFE-Net's variant, the only change of it that takes effect.

Source: docs/reference/degradations.md#variants-of-the-cofe-net-code.
"""

HALO_COLOURS = ((251, 249, 246), (141, 238, 238), (177, 195, 147))
"""White, cyan and yellow-green, R, G, B of 255."""


@dataclass(frozen=True)
class Colour:
    """Brightness, contrast and saturation of the whole image, 1 = as it is."""

    brightness: float
    contrast: float
    saturation: float

    @classmethod
    def draw(
        cls, rng: np.random.Generator, ranges: tuple[tuple[float, float], ...] = COFE_FACTORS
    ) -> Self:
        """Three uniform factors."""
        return cls(*(float(rng.uniform(*limits)) for limits in ranges))

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Scale, then blend with the image's mean grey, then with each pixel's grey.

        The mean is over the whole square, black corners included, as published.
        """
        del mask
        image = blended(image, 0.0, self.brightness, strength)
        mean = float(grey(image, LUMA).mean(dtype=np.float64))
        image = blended(image, mean, self.contrast, strength)
        return blended(image, grey(image, LUMA), self.saturation, strength)


@dataclass(frozen=True)
class Halo:
    """A coloured ring of light, soft inside, that brightens towards the rim.

    Attributes:
        x: Centre, fraction of S; with y.
        y: Centre, fraction of S.
        inner: Radius of the dark centre, fraction of S.
        outer: Radius of the ring, fraction of S.
        reach: Half the side of the softening kernel, fraction of S.
        sigma: Standard deviation of that kernel before it is cut off, fraction of S.
        colour: Index into `HALO_COLOURS`.
    """

    x: float
    y: float
    inner: float
    outer: float
    reach: float
    sigma: float
    colour: int

    @classmethod
    def draw(cls, rng: np.random.Generator, grid_px: int = 512) -> Self:
        """The published draw on a square of `grid_px`, as fractions.

        White is listed but never drawn: it asks for a brightness factor under 0.2, and the
        smallest is 0.7.
        """
        size, middle = grid_px, grid_px // 2
        colour = int(rng.integers(1, 3))
        x, y = (int(rng.integers(middle - size // 8, middle + size // 8 + 1)) for _ in range(2))
        far_x, far_y = max(x, size - x), max(y, size - y)
        inner = size * rng.uniform(0.75, 1.0)
        widest = 2 * int(np.hypot(far_x, far_y)) / size
        outer = size * rng.uniform(1.0, widest) + abs(max(x - middle, y - middle) + middle)
        side = int(abs(2 * max(far_x, far_y) - inner))
        return cls(
            x=(x + 0.5) / size,
            y=(y + 0.5) / size,
            inner=int(inner / 2) / size,
            outer=int(outer / 2) / size,
            reach=(odd(side) // 2) / size,
            sigma=2 / 3 * side / size,
            colour=colour,
        )

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Add the softened ring, as bright as the image's mean, in the halo's colour."""
        del mask
        size = image.shape[0]
        ring = disc(size, self.x, self.y, self.outer) ^ disc(size, self.x, self.y, self.inner)
        kernel = truncated_gaussian(round(self.reach * size), self.sigma * size)
        light = filtered(ring.astype(image.dtype), kernel, kernel)
        light *= float(image.mean(dtype=np.float64))
        red, green, blue = HALO_COLOURS[self.colour]
        lit = clipped(image + in_colour(light, (red / 255, green / 255, blue / 255)))
        return towards(image, lit, strength)


@dataclass(frozen=True)
class Hole:
    """A dark, soft disc: uneven lighting.

    Attributes:
        x: Centre, fraction of S; with y.
        y: Centre, fraction of S.
        radius: Fraction of S.
        reach_x: Half the width of the softening kernel, fraction of S; with reach_y.
        reach_y: Half its height, fraction of S.
        sigma: Standard deviation of that kernel before it is cut off, fraction of S.
        depth: What is added at the centre, negative, before `per_colour`.
        per_colour: How much more is taken away for each unit of the field's mean.
    """

    x: float
    y: float
    radius: float
    reach_x: float
    reach_y: float
    sigma: float
    depth: float
    per_colour: float

    @classmethod
    def draw(cls, rng: np.random.Generator, grid_px: int = 512) -> Self:
        """The published draw on a square of `grid_px`, as fractions."""
        size = grid_px
        diameter = int(rng.integers(int(0.4 * size), int(0.7 * size) + 1))
        x = int(rng.integers(size // 4, size * 3 // 4 + 1))
        y = int(rng.integers(size * 3 // 8, size * 5 // 8 + 1))
        depth, per_colour = rng.uniform(-0.262, -0.26), rng.uniform(0.05, 0.06)
        width, height = rng.integers(int(0.55 * diameter), int(0.75 * diameter) + 1, size=2)
        return cls(
            x=(x + 0.5) / size,
            y=(y + 0.5) / size,
            radius=int(diameter / 2) / size,
            reach_x=(odd(width) // 2) / size,
            reach_y=(odd(height) // 2) / size,
            sigma=0.8 * int(max(width, height)) / size,
            depth=float(depth),
            per_colour=float(per_colour),
        )

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Take light away in the softened disc, unless the field is dark already.

        The field's mean is what the whole square holds over the field's pixels, as published: light
        that a halo put outside the field counts.
        """
        mean = float(image.sum(dtype=np.float64)) / (3 * max(int(mask.sum()), 1))
        if mean <= 0.25:
            return image
        size = image.shape[0]
        across, down = (
            truncated_gaussian(round(reach * size), self.sigma * size)
            for reach in (self.reach_x, self.reach_y)
        )
        hole = disc(size, self.x, self.y, self.radius).astype(image.dtype)
        amount = self.depth - self.per_colour * mean
        dark = clipped(image + in_colour(amount * filtered(hole, across, down)))
        return towards(image, dark, strength)
