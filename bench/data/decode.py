"""An image file as pixels: turned as its EXIF says, a large JPEG decoded no larger than needed.

A JPEG is stored in blocks of 8 x 8 frequencies. From the low ones alone it can be decoded at a
half, a quarter or an eighth of its size, in less time and memory. That is done where more than
twice the pixels that are needed remain, so that the area average to the final size still sees
several pixels for each of its own.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, PngImagePlugin
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

from bench.data.field_of_view import WORK_PX, FieldOfView, crop, find, whole_frame
from bench.data.picture_files import printable, refusal, refuse_special, too_deep
from bench.errors import RequestError

DECODE_VERSION = 1
"""Part of every cache entry's recipe: another way of decoding is other pixels."""

SHRINKS = (8, 4, 2)
SPARE = 2
"""How many times the needed pixels a reduced decoding keeps, along each side."""

MOST_PX = 178_956_970
"""Pixels that are decoded at once, some 700 MB at four bytes a pixel: Pillow's own limit."""

MOST_JPEG_PX = 2**30
"""Pixels of a JPEG that is read at a reduced size, which needs a few rows of it at a time."""

NOT_READ = ("EPS", "WMF", "BUFR", "GRIB", "HDF5")
"""Formats that Pillow has other programs read, and may run them for."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What is done to a picture with this EXIF orientation, to see it upright."""

# Sizes are judged here, once it is known how far a file is reduced.
Image.MAX_IMAGE_PIXELS = None
# A microscope's or an editor's notes in a PNG may be long; a thousandth of a picture they are not.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
# Pillow's remarks on damaged metadata. A picture is read, or refused by name.
warnings.filterwarnings("ignore", module=r"PIL\.")


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
    with opened(path) as image:
        shrink = _draft(image, shorter_px, longer_px, most)
        _refuse_huge(path, image, shrink)
        if image.mode[0] in "IF":  # converted, they would be cut off at 255
            raise too_deep(path, f"mode {image.mode}")
        return Decoded(np.asarray(upright(image).convert("RGB")), shrink)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image file whose header is read; what goes wrong inside the block is said of the file.

    Raises:
        RequestError: naming the file and what it is instead of a picture.
    """
    refuse_special(path)
    try:
        # Given a path, Pillow maps some TIFFs into memory, and forgets to turn them upright.
        with path.open("rb") as file, Image.open(file, formats=_formats()) as image:
            yield image
    except RequestError:
        raise
    except Exception as error:  # Pillow raises many kinds on bytes that are no whole image
        raise refusal(path, error) from error


def upright(image: Image.Image) -> Image.Image:
    """An opened picture decoded, and turned as its EXIF says."""
    image.load()
    turn = TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def size_px(path: Path) -> tuple[int, int]:
    """Width and height of a picture as `read_image` returns it; only its header is read.

    A PNG whose orientation stands behind its pixels counts as not turned.

    Raises:
        RequestError: as `opened`.
    """
    with opened(path) as image:
        width, height = image.size
        if isinstance(image, TiffImageFile):  # newer Pillows tell the turned size already
            width, height = image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH]
        return (height, width) if _orientation(image) in (5, 6, 7, 8) else (width, height)


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


@cache
def _formats() -> list[str]:
    """Pillow's names of what is read, the usual ones first."""
    Image.preinit()
    Image.init()
    return [name for name in Image.ID if name not in NOT_READ]


def _orientation(image: Image.Image) -> int:
    """By EXIF or XMP: 1 upright, to 8; 1 where they are damaged, for the picture is not."""
    try:
        # Of the class, since a PNG's own method decodes all of it to look behind its pixels.
        value = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # whatever reading damaged metadata raises
        return 1
    return value if isinstance(value, int) else 1


def _refuse_huge(path: Path, image: Image.Image, shrink: int) -> None:
    """Refuse more pixels than can be decoded at once; a progressive JPEG is held whole."""
    width, height = image.size
    at_once = width * height * (shrink**2 if image.info.get("progressive") else 1)
    whole = width * height * shrink**2
    if at_once <= MOST_PX and whole <= MOST_JPEG_PX:
        return
    raise RequestError(
        f"image {printable(path.name)} has {whole / 1e6:,.0f} megapixels, {width * shrink:,} x "
        f"{height * shrink:,} px, and {MOST_PX / 1e6:,.0f} are decoded at once; save it smaller, "
        f"or as a JPEG that is not progressive, which is read at a reduced size up to "
        f"{MOST_JPEG_PX / 1e6:,.0f} megapixels"
    )
