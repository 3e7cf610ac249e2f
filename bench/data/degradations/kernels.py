"""Discs and one-dimensional kernels that the degradations are made of.

The published formulas count pixels on a square of `grid_px` (512, or 1024 in CoMCL's file). Here
positions and lengths are fractions of the side, so that they hold on a square of any size; on the
published size they give the published pixels exactly.
"""

import cv2
import numpy as np
from scipy.special import ive


def disc(size_px: int, x: float, y: float, radius: float) -> np.ndarray:
    """Pixels of a square within a radius of (x, y), all in fractions of the side: bool (S, S)."""
    columns, rows = (np.arange(size_px) + 0.5 - fraction * size_px for fraction in (x, y))
    return rows[:, None] ** 2 + columns**2 <= (radius * size_px) ** 2


def truncated_gaussian(half: int, sigma: float) -> np.ndarray:
    """A Gaussian cut off after `half` pixels on each side: (2 half + 1,) weights of sum 1."""
    offsets = np.arange(-half, half + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2)) if half else np.ones(1)
    return weights / weights.sum()


def discrete_gaussian(sd: float) -> np.ndarray:
    """The Gaussian of the integers (Lindeberg, 1990): weights of sum 1 and variance sd squared.

    Sampling the continuous Gaussian instead misses the variance where sd is below a pixel, which
    is where small images are; this one is exact for any sd and is [1] at 0.
    """
    half = int(np.ceil(5 * sd)) + 2 if sd > 0 else 0
    weights = ive(np.arange(-half, half + 1), sd**2)
    return weights / weights.sum()


def published_or_equivalent(
    side: int, sigma_px: float, grid_px: int, size_px: int, strength: float
) -> np.ndarray:
    """A published blur kernel, or the Gaussian that blurs `strength` times as much.

    Args:
        side: Of the published kernel, odd, in pixels of the grid. It cuts the Gaussian so short
            that the side, more than sigma, decides how much is blurred; 1 is no blur.
        sigma_px: Of the published kernel, in pixels of the grid.
        grid_px: Side of the square that the published kernel is for.
        size_px: Side of the square to blur.
        strength: Factor on the standard deviation; 1 on the published size is the published kernel.
    """
    published = truncated_gaussian(side // 2, sigma_px)
    if strength == 1 and size_px == grid_px:
        return published
    offsets = np.arange(-(side // 2), side // 2 + 1)
    sd_px = float(np.sqrt((published * offsets**2).sum()))
    return discrete_gaussian(strength * sd_px * size_px / grid_px)


def filtered(image: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """An image filtered with one kernel along its rows and one along its columns.

    The frame is mirrored without repeating its edge, as in the published code.
    """
    if len(across) == len(down) == 1:
        return image
    return cv2.sepFilter2D(image, -1, across, down, borderType=cv2.BORDER_REFLECT_101)


def clipped(image: np.ndarray) -> np.ndarray:
    """Values below 0 and above 1 moved to the limits, in place: give it a new array."""
    return np.clip(image, 0, 1, out=image)


def grey(image: np.ndarray, luma: tuple[float, float, float]) -> np.ndarray:
    """A weighted sum of the channels: (S, S, 3) -> (S, S)."""
    return cv2.transform(image, np.array([luma]))


def in_colour(plane: np.ndarray, tint: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    """A plane in each channel, times its tint: (S, S) -> (S, S, 3)."""
    # Ten times as fast as broadcasting over a last axis of three.
    return cv2.merge([plane if factor == 1 else plane * factor for factor in tint])


def mixed(image: np.ndarray, second: np.ndarray | float, weight: float) -> np.ndarray:
    """`weight` parts of the image, the rest of the second, clipped; above 1 it extrapolates."""
    if isinstance(second, np.ndarray):
        return clipped(cv2.addWeighted(image, weight, in_colour(second), 1 - weight, 0))
    return clipped(cv2.addWeighted(image, weight, image, 0, second * (1 - weight)))


def odd(number: float) -> int:
    """The whole part, plus 1 where that is even: how the published code makes kernel sides."""
    return int(number) | 1
