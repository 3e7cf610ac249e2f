"""A drawn photograph and a slow convolution that the references share."""

from collections.abc import Callable

import numpy as np
import pytest

Convolve = Callable[[np.ndarray, int, int, float], np.ndarray]


def _field(size: int) -> tuple[np.ndarray, np.ndarray]:
    offset = (np.arange(size) + 0.5) / size - 0.5
    squared = offset[:, None] ** 2 + offset**2
    mask = squared <= 0.25
    texture = np.random.default_rng(5).normal(0, 0.03, (size, size, 1))
    light = np.array([0.62, 0.38, 0.22]) * (1 - 1.2 * squared)[..., None] + texture
    return np.clip(light, 0, 1) * mask[..., None], mask


@pytest.fixture(scope="session")
def field() -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """Image float64 (S, S, 3) and mask of a drawn field of view."""
    return _field


@pytest.fixture(scope="session")
def photograph() -> tuple[np.ndarray, np.ndarray]:
    """The same as uint8 (128, 128, 3)."""
    image, mask = _field(128)
    return np.rint(image * 255).astype(np.uint8), mask


@pytest.fixture(scope="session")
def convolve() -> Convolve:
    """Filter (S, S, ...) by a Gaussian cut to (width, height), one tap at a time."""

    def taps(side: int, sigma: float) -> list[float]:
        if side == 1:
            return [1.0]
        raw = [float(np.exp(-((i - side // 2) ** 2) / (2 * sigma**2))) for i in range(side)]
        return [weight / sum(raw) for weight in raw]

    def apply(image: np.ndarray, width: int, height: int, sigma: float) -> np.ndarray:
        for axis, side in ((1, width), (0, height)):
            pad = [(0, 0)] * image.ndim
            pad[axis] = (side // 2, side // 2)
            mirrored = np.pad(image, pad, mode="reflect")
            length = image.shape[axis]
            image = np.sum(
                [
                    weight * np.take(mirrored, range(start, start + length), axis)
                    for start, weight in enumerate(taps(side, sigma))
                ],
                axis=0,
            )
        return image

    return apply
