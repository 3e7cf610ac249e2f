"""Exposure and display of a radiograph: brightness, contrast, gamma; and the way back to grey.

Formulas and levels: MedMNIST-C (Di Salvo et al., arXiv:2406.17536), registry "chestmnist"
(docs/reference/degradations.md#radiographs). Values are in [0, 1]; a factor or an exponent of 1
changes nothing.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from bench.data.degradations.kernels import grey, in_colour
from bench.data.degradations.light import LUMA
from bench.data.degradations.strength import blended


@dataclass(frozen=True)
class Brightness:
    """A factor on every pixel; strength multiplies the odds of what is lost (see `strength`)."""

    factor: float

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Scale and clip."""
        del mask
        return in_colour(blended(cv2.extractChannel(image, 0), 0.0, self.factor, strength))


@dataclass(frozen=True)
class Contrast:
    """A factor on distances from the mean; strength acts on odds as in `Brightness`."""

    factor: float

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Scale about the image's mean, which the black padding does not darken, and clip."""
        plane = cv2.extractChannel(image, 0)
        mean = float((plane * mask).sum(dtype=np.float64)) / max(int(mask.sum()), 1)
        return in_colour(blended(plane, mean, self.factor, strength))


@dataclass(frozen=True)
class Gamma:
    """An exponent on every pixel: above 1 darkens, below 1 lightens."""

    exponent: float

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Raise to exponent^strength: at 2, the correction twice over."""
        del mask
        return in_colour(cv2.extractChannel(image, 0) ** (self.exponent**strength))


@dataclass(frozen=True)
class Grey:
    """What pieces made for colour leave, as grey."""

    def __call__(self, image: np.ndarray, mask: np.ndarray, strength: float = 1.0) -> np.ndarray:
        """Weigh the channels as PIL does, at any strength."""
        del mask, strength
        return in_colour(grey(image, LUMA))
