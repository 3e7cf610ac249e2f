"""Pictures as addresses that hold them, so that the page needs no other file."""

import base64
import io
from collections.abc import Callable

from PIL import Image

LARGE = 300_000
"""Bytes that one drawing may take as SVG or as PNG; what takes more is shown as JPEG."""

QUALITY = 85


def address(kind: str, content: bytes) -> str:
    """A data address of an image of a kind, for example "image/png"."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def jpeg(image: Image.Image) -> str:
    """An image as JPEG, its colours at full resolution: lines and letters stay sharp."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="JPEG", quality=QUALITY, subsampling=0)
    return address("image/jpeg", buffer.getvalue())


def smallest(svg: bytes, png: Callable[[], bytes]) -> str:
    """A drawing as SVG where that is not large, else as PNG, else as JPEG.

    Args:
        svg: The drawing.
        png: Makes the same as PNG; called only where it is needed.
    """
    if len(svg) <= LARGE:
        return address("image/svg+xml", svg)
    pixels = png()
    if len(pixels) <= LARGE:
        return address("image/png", pixels)
    return jpeg(Image.open(io.BytesIO(pixels)))
