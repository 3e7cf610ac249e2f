"""Files that are no picture that can be read: what they are instead, and the way out."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PIL.TiffImagePlugin import BITSPERSAMPLE, SAMPLEFORMAT, ImageFileDirectory_v2

from bench.errors import RequestError

FORMATS = "JPEG, PNG, TIFF, BMP, GIF, WebP"
FETCH_AGAIN = (
    "fetch it again, or take its row out of the label file (`bench prepare` names all such files "
    "at once)"
)
SAVE_OTHERWISE = "save it as JPEG or PNG with 8 bits per channel"
SAVE_WITH_8 = (
    "save it with 8, its range stretched to 0-255 (ImageMagick: `magick IN -auto-level -depth 8 "
    "OUT.png`)"
)
LOOKED_AT = 2**16
"""Bytes at a file's beginning and end that tell what it is."""

SPECIAL: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

OTHERS: tuple[tuple[Callable[[bytes], bool], str, str], ...] = (
    (lambda head: not head, "it is empty", FETCH_AGAIN),
    (
        lambda head: b"<html" in head[:1024].lower() or b"<!doctype html" in head[:1024].lower(),
        "it is an HTML page: a download that failed",
        FETCH_AGAIN,
    ),
    (
        lambda head: head.startswith(b"version https://git-lfs"),
        "it is a pointer of Git LFS to the picture",
        "run `git lfs pull` in the repository that it is from",
    ),
    (
        lambda head: head.startswith(b"\x00\x05\x16\x07"),
        "it is a note of macOS on another file (AppleDouble)",
        "take it away, as all files that begin with ._",
    ),
    (lambda head: head[128:132] == b"DICM", "it is a DICOM file", SAVE_OTHERWISE),
    (
        lambda head: head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"mif1"),
        "it is a HEIC picture",
        SAVE_OTHERWISE,
    ),
    (lambda head: head.startswith(b"PK\x03\x04"), "it is a ZIP archive", "unpack it"),
    (lambda head: head.startswith(b"\x1f\x8b"), "it is compressed with gzip", "unpack it"),
    (lambda head: head.startswith(b"%PDF"), "it is a PDF document", SAVE_OTHERWISE),
    (
        lambda head: head.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")),
        "it is a PostScript program",
        SAVE_OTHERWISE,
    ),
)
"""What is taken for a picture now and then: how it begins, what it is, and the way out."""

ENDS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND"}
"""How JPEG and PNG files begin, and what none of them ends without."""


def refuse_special(path: Path, what: str = "image") -> None:
    """Refuse what is no plain file, before it is opened: a pipe would be waited for, for ever.

    Args:
        what: The file's part, for the message.

    Raises:
        RequestError: when the path names a folder, pipe, socket or device, a link to nothing,
            nothing at all, or what may not be looked at.
    """
    named = f"{what} {printable(path.name)}"
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            target = printable(str(path.readlink()))
            why = f"{named} is a link to {target}, which is not there; mend the link"
        else:
            why = f"{named} is not at {printable(str(path))}"
        raise RequestError(why) from None
    except (OSError, ValueError) as error:
        raise RequestError(_not_opened(named, error)) from error
    for is_kind, kind in SPECIAL:
        if is_kind(mode):
            raise RequestError(
                f"{named} is {kind}, and only files are read; put the file in its place"
            )


def printable(text: str) -> str:
    """A name for one line of a message: line breaks and what no terminal shows are escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def refusal(path: Path, error: Exception) -> RequestError:
    """Why a file could not be decoded, from its first and last bytes and what the decoder said."""
    named = f"image {printable(path.name)}"
    try:
        head, tail = _ends_of(path)
    except OSError as unopened:
        return RequestError(_not_opened(named, unopened))
    for is_kind, what, way_out in OTHERS:
        if is_kind(head):
            return RequestError(f"{named} cannot be read ({what}); {way_out}")
    deep = deeper(path, head)
    if deep:
        return too_deep(path, deep)
    return RequestError(f"{named} cannot be read ({_damage(head, tail, error)}); {FETCH_AGAIN}")


def too_deep(path: Path, stored: str) -> RequestError:
    """The refusal of a picture with more than 8 bits: cut off at 255 it would show nothing.

    Args:
        stored: How its values are stored, such as "mode I;16".
    """
    return RequestError(
        f"image {printable(path.name)} has more than 8 bits per channel ({stored}); {SAVE_WITH_8}"
    )


def deeper(path: Path, head: bytes) -> str:
    """How a TIFF stores its values, if with more than 8 bits that Pillow knows no mode for."""
    if head[:4] not in (b"II*\x00", b"MM\x00*"):
        return ""
    try:
        with path.open("rb") as file:
            directory = ImageFileDirectory_v2(file.read(8))
            file.seek(directory.next)
            directory.load(file)
            bits = max(directory.get(BITSPERSAMPLE, (1,)))
            floating = 3 in directory.get(SAMPLEFORMAT, (1,))
    except Exception:  # a damaged directory can raise anything, and tells nothing of its depth
        return ""
    return f"{bits} bits{', floating point' if floating else ''}" if bits > 8 else ""


def _ends_of(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
        file.seek(max(0, file.seek(0, os.SEEK_END) - LOOKED_AT))
        return head, file.read(LOOKED_AT)


def _damage(head: bytes, tail: bytes, error: Exception) -> str:
    """What is wrong with bytes that begin like a picture, or like nothing that is known."""
    end = next((end for start, end in ENDS.items() if head.startswith(start)), None)
    if end is not None and end not in tail:
        return "it is cut short"
    if isinstance(error, Image.UnidentifiedImageError):
        begins = end is not None or head.startswith((b"II*\x00", b"MM\x00*", b"GIF8", b"RIFF"))
        return "it is cut short or damaged" if begins else f"it is none of {FORMATS}"
    if isinstance(error, MemoryError):
        return "decoded, it is larger than the memory"
    reason = printable((str(error) or repr(error)).partition("; ")[0])
    return f"it is cut short: {reason}" if "truncated" in reason.lower() else reason


def _not_opened(named: str, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    way_out = "; make it readable, with chmod" if isinstance(error, PermissionError) else ""
    return f"{named} cannot be opened ({reason}){way_out}"
