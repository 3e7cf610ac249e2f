"""Pictures that can be decoded and that no network could learn from or judge."""

import numpy as np

SHORTEST_PX = 8
"""A side below this holds no picture: less than one block of a JPEG."""

LONGEST = 8
"""The longer side in shorter ones. Of 1,736 real photographs and radiographs the longest is 1.5."""

NOISE = 4
"""Grey levels that compression moves a blank picture by."""

SHOWN = 0.001
"""Proportion of pixels that must differ from the rest, for anything to be seen."""

BLACK = 8
"""Grey levels: a blank picture as dark as this is called black."""

SAMPLED_PX = 512
"""Rows and columns that are looked at, evenly spaced, of a larger picture."""


def why_unusable(pixels: np.ndarray) -> str | None:
    """Why no network could use a picture, as the end of a sentence; None where one could.

    A picture is refused that is less than 8 pixels wide or high, more than 8 times as long as
    wide, or blank: less than 0.1 % of its pixels differ from its middle colour by more than
    compression makes them. A dark, blurred or overexposed photograph is none of this.

    Args:
        pixels: (H, W, 3) uint8, as decoded.

    Returns:
        Such as "is black all over", to be set behind the picture's name.
    """
    height, width = pixels.shape[:2]
    return why_misshapen(width, height) or why_blank(pixels)


def why_misshapen(width: int, height: int) -> str | None:
    """The same by the size alone, in pixels."""
    short, long = sorted((height, width))
    if short < SHORTEST_PX:
        return f"is {width} x {height} px, too small to show anything"
    if long > LONGEST * short:
        return f"is {width} x {height} px, more than {LONGEST} times as long as wide"
    return None


def why_blank(pixels: np.ndarray) -> str | None:
    """The same of (H, W, 3) uint8 by what they show alone."""
    height, width = pixels.shape[:2]
    steps = [-(-side // SAMPLED_PX) for side in (height, width)]
    seen = pixels[:: steps[0], :: steps[1]].reshape(-1, 3).astype(np.int16)
    colour = np.median(seen, axis=0)
    if (np.abs(seen - colour) > NOISE).any(axis=1).mean() >= SHOWN:
        return None
    return "is black all over" if colour.max() <= BLACK else "is one colour all over"
