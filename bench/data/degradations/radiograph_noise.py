"""Noise of a radiograph: too few quanta, the detector's electronics, and two from the benchmark.

Formulas and levels: MedMNIST-C (Di Salvo et al., arXiv:2406.17536), registry "chestmnist"
(docs/reference/degradations.md#radiographs). Values are in [0, 1]. Levels are per pixel of the
image at hand, as published and as in the chain at 512 px; averaged down by a factor, an
image has that much less noise. Each piece stores the seed of its noise, so the same parameters give
the same picture again. Strength multiplies the standard deviation.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from bench.data.degradations.kernels import clipped, in_colour
from bench.data.degradations.strength import kept_weight
from bench.seeding import generator_for

UNCOUNTED = 1e9
"""Quanta a white pixel from which noise, at most 3e-5 of white, is far below a grey level."""


@dataclass(frozen=True)
class QuantumNoise:
    """Shot noise: a pixel of value x counts Poisson(quanta x) photons.

    Attributes:
        quanta: Photons that a white pixel counts on average; fewer is an underexposed picture,
            brought back to its brightness.
        seed: Of the counts.
    """

    quanta: float
    seed: int

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Count, and divide by the mean count of white; quanta / strength^2 of them."""
        del mask
        if self.quanta >= UNCOUNTED * strength**2:
            return image
        quanta = self.quanta / strength**2
        expected = quanta * cv2.extractChannel(image, 0).astype(np.float64)
        counts = generator_for("quantum noise", self.seed).poisson(expected)
        return in_colour(clipped((counts / quanta).astype(image.dtype)))


@dataclass(frozen=True)
class GaussianNoise:
    """Noise of the electronics, alike in dark and in bright.

    Attributes:
        sd: Standard deviation; white is 1.
        seed: Of the noise.
    """

    sd: float
    seed: int

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Add it."""
        del mask
        noise = _normal("gaussian noise", self.seed, image)
        return in_colour(clipped(cv2.extractChannel(image, 0) + strength * self.sd * noise))


@dataclass(frozen=True)
class SpeckleNoise:
    """Noise in proportion to the light.

    Attributes:
        sd: Standard deviation where the image is white.
        seed: Of the noise.
    """

    sd: float
    seed: int

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Multiply by 1 + noise."""
        del mask
        noise = _normal("speckle noise", self.seed, image)
        return in_colour(clipped(cv2.extractChannel(image, 0) * (1 + strength * self.sd * noise)))


@dataclass(frozen=True)
class ImpulseNoise:
    """Dead pixels: black or white, half each ("salt and pepper").

    Attributes:
        share: Of the pixels that are replaced.
        seed: Of which ones, and by what.
    """

    share: float
    seed: int

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Replace pixels; `strength` times as many for each that is kept (see `strength`)."""
        del mask
        rng = generator_for("impulse noise", self.seed)
        fate, white = rng.random((2, *image.shape[:2]))
        dead = fate >= kept_weight(1 - self.share, strength)
        plane = np.where(dead, (white < 0.5).astype(image.dtype), cv2.extractChannel(image, 0))
        return in_colour(plane)


def _normal(purpose: str, seed: int, image: np.ndarray) -> np.ndarray:
    """Standard normal noise for a plane of the image: (S, S)."""
    rng = generator_for(purpose, seed)
    return rng.standard_normal(image.shape[:2], dtype=np.float32).astype(image.dtype)
