"""An image file as pixels: turned as its EXIF says, a large JPEG decoded no larger than needed.

A JPEG is stored in blocks of 8 x 8 frequencies. From the low ones alone it can be decoded at a
half, a quarter or an eighth of its size, in less time and memory. That is done where more than
twice the pixels that are needed remain, so that the area average to the final size still sees
several pixels for each of its own.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from bench.data.field_of_view import WORK_PX, FieldOfView, crop, find, whole_frame
from bench.errors import RequestError

DECODE_VERSION = 1
"""Part of every cache entry's recipe: another way of decoding is other pixels."""

SHRINKS = (8, 4, 2)
SPARE = 2
"""How many times the needed pixels a reduced decoding keeps, along each side."""

BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)  # what Pillow raises on bytes that are no image, or not a whole one


@dataclass(frozen=True)
class Decoded:
    """A decoded file.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        shrink: Side, in pixels of the file, of what a pixel stands for: 1, 2, 4 or 8.
    """

    pixels: np.ndarray
    shrink: int


def read_image(path: Path) -> np.ndarray:
    """A whole file as (H, W, 3) uint8 RGB, turned as its EXIF says.

    Raises:
        RequestError: naming the file, when it is cut short, no image, or deeper than 8 bits.
    """
    return decode(path, most=1).pixels


def decode(path: Path, *, shorter_px: int = 1, longer_px: int = 1, most: int = 8) -> Decoded:
    """A file, reduced as far as both sides stay long enough; only JPEGs can be reduced.

    Args:
        shorter_px: What the shorter side must keep.
        longer_px: What the longer side must keep.
        most: The largest reduction allowed.

    Raises:
        RequestError: as `read_image`.
    """
    try:
        with Image.open(path) as image:
            shrink = _draft(image, shorter_px, longer_px, most)
            if image.mode[0] in "IF":  # converted, they would be cut off at 255
                raise RequestError(
                    f"image {path.name} has more than 8 bits per pixel and channel (mode "
                    f"{image.mode}); save it with 8"
                )
            turned = ImageOps.exif_transpose(image)
            return Decoded(np.asarray(turned.convert("RGB")), shrink)
    except BROKEN as error:
        raise RequestError(
            f"image {path.name} cannot be read ({error}); fetch it again, or take its row out of "
            "the label file (`bench prepare` names all such files at once)"
        ) from error


def photograph(path: Path, size_px: int) -> tuple[np.ndarray, FieldOfView]:
    """A fundus photograph cropped to its field of view, uint8 (S, S, 3), and the field.

    The field is in pixels of the file; at a reduced decoding its box may end less than a reduced
    pixel beyond the file's last row or column.

    Raises:
        RequestError: as `read_image`.
    """
    most = SHRINKS[0]
    while True:
        needs = {"shorter_px": SPARE * size_px, "longer_px": SPARE * WORK_PX}
        decoded = decode(path, most=most, **needs)
        field = find(decoded.pixels)
        if decoded.shrink == 1 or field.square[2] >= SPARE * size_px:
            return crop(decoded.pixels, field, size_px), field.magnified(decoded.shrink)
        most = decoded.shrink // 2  # a small field in a large frame: it needs a finer decoding


def radiograph(path: Path, size_px: int) -> tuple[np.ndarray, FieldOfView]:
    """A radiograph's whole frame as three equal channels, uint8 (S, S, 3), and the frame.

    Nothing is cropped; what is not square is padded with black, its middle in the middle.

    Raises:
        RequestError: as `read_image`.
    """
    decoded = decode(path, longer_px=SPARE * size_px)
    grey = cv2.cvtColor(decoded.pixels, cv2.COLOR_RGB2GRAY)
    frame = whole_frame(*grey.shape[::-1])
    square = crop(np.repeat(grey[..., None], 3, axis=2), frame, size_px)
    return square, frame.magnified(decoded.shrink)


def _draft(image: Image.Image, shorter_px: int, longer_px: int, most: int) -> int:
    """Ask for a reduced decoding, and tell how far it goes; files other than JPEG stay whole."""
    width, height = image.size
    for shrink in SHRINKS:
        enough = min(image.size) >= shrink * shorter_px and max(image.size) >= shrink * longer_px
        if shrink <= most and enough:
            drafted = image.draft(None, (width // shrink, height // shrink))
            return 1 if drafted is None else shrink
    return 1
