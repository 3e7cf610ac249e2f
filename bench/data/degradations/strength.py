"""What a strength other than 1 means: 0 is the image as it is, 1 is as published.

Blur and spots are mild as published, and their standard deviation and light grow in proportion.
Colour, halo, hole and cataract are not: three times their light would leave black discs and white
fields in which there is nothing left to diagnose. Their strength multiplies odds instead: what a
pixel loses to black, to white, to grey or to the veil stands to what it keeps as `strength` times
the published proportion. So no strength blots out what the published formula left visible.
"""

import numpy as np

from bench.data.degradations.kernels import mixed


def blended(
    image: np.ndarray, second: np.ndarray | float, published: float, strength: float
) -> np.ndarray:
    """`published` parts of the image to 1 - published parts of the second, at a strength.

    A weight above 1 moves away from the second, so towards black or white; one below 1 moves to it.
    """
    if published < 1:
        return mixed(image, second, kept_weight(published, strength))
    return towards(image, mixed(image, second, published), strength)


def kept_weight(published: float, strength: float) -> float:
    """The weight of the image, 0 to 1, when `strength` times as much is lost for each part kept.

    >>> kept_weight(0.5, 3.0), kept_weight(0.5, 0.0)
    (0.25, 1.0)
    """
    return published / (published + strength * (1 - published))


def towards(image: np.ndarray, published: np.ndarray, strength: float) -> np.ndarray:
    """From an image past its published degradation, both in [0, 1], towards black or white."""
    if strength in (0, 1):
        return published if strength else image
    # Where the pixel gets brighter, the distances are from white instead of from black.
    end = (published >= image).astype(image.dtype)
    room, left = np.abs(end - image), np.abs(end - published)
    total = left + strength * (room - left)
    return np.abs(end - room * left / np.maximum(total, 1e-30))  # 0 / 0: nothing there to lose
