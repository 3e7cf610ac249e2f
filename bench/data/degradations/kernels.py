"""Discs and one-dimensional kernels that the degradations are made of.

The published formulas count pixels on a square of `grid_px` (512, or 1024 in CoMCL's file). Here
positions and lengths are shares of the side, so that they hold on a square of any size; on the
published size they give the published pixels exactly.
"""

import cv2
import numpy as np
from scipy.special import ive


def disc(size_px: int, x: float, y: float, radius: float) -> np.ndarray:
    """Pixels of a square within a radius of (x, y), all in shares of the side: bool (S, S)."""
    columns, rows = (np.arange(size_px) + 0.5 - share * size_px for share in (x, y))
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
    return cv2.merge([plane if share == 1 else plane * share for share in tint])


def mixed(image: np.ndarray, other: np.ndarray | float, share: float) -> np.ndarray:
    """`share` of the image and the rest of the other, clipped; a share above 1 extrapolates."""
    if isinstance(other, np.ndarray):
        return clipped(cv2.addWeighted(image, share, in_colour(other), 1 - share, 0))
    return clipped(cv2.addWeighted(image, share, image, 0, other * (1 - share)))


def odd(number: float) -> int:
    """The whole part, plus 1 where that is even: how the published code makes kernel sides."""
    return int(number) | 1
