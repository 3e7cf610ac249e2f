"""Pictures in every mode and format, and bytes that are none."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

FORMATS = {
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "GIF": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "JPEG": ("1", "L", "RGB", "CMYK", "YCbCr"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "I;16"),
    "WEBP": ("L", "RGB", "RGBA"),
}
"""The modes that each format can hold."""

TURNED = ("JPEG", "PNG", "TIFF", "WEBP")
"""Formats that can say which way is up."""


def noise(height, width, seed=0):
    """(H, W, 3) uint8 at random."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(kind, mode, *, height=12, width=17, seed=0, orientation=None, **how):
    """The bytes of a random picture."""
    pixels, stream = noise(height, width, seed), io.BytesIO()
    if mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 256)
    else:
        image = Image.fromarray(pixels).convert(mode)
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        how["exif"] = exif
    image.save(stream, kind, **how)
    return stream.getvalue()


def png_chunk(kind, content):
    """A chunk of a PNG file."""
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png_of_size(width, height):
    """A PNG that says it is this large, and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def png_with(kind, content, *, last=False):
    """A PNG of 12 x 17 px with one more chunk, before its pixels or after them."""
    whole = encoded("PNG", "RGB")
    at = len(whole) - 12 if last else 33
    return whole[:at] + png_chunk(kind, content) + whole[at:]


def jpeg_with_exif(content):
    """A JPEG of 12 x 17 px with these bytes as its EXIF."""
    whole = encoded("JPEG", "RGB")
    return (
        whole[:2]
        + b"\xff\xe1"
        + struct.pack(">H", 8 + len(content))
        + (b"Exif\0\0" + content + whole[2:])
    )


TURN_RIGHT = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
"""EXIF that says: orientation 6."""


DEEP = ("I", "F", "I;16")
"""Modes of more than 8 bits per channel."""


def by_pillow(path):
    """What the bench decoded at its first version, and must decode for ever."""
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
