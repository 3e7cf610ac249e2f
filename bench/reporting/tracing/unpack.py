"""The files of a bundle, read within limits: a zip of a few megabytes can claim gigabytes.

What a zip says of itself is looked at before anything is decompressed, and each entry is read no
further than it says. Whatever is odd is a fault of the bundle, one sentence each.
"""

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from bench.errors import RequestError

MOST_ENTRIES = 200_000
MOST_FILE = 2**29
"""Bytes of one entry; predictions of a million images have about an eighth."""
MOST_TOTAL = 2**33
MOST_RATIO = 20
"""Bundles are not compressed; one that was packed again by hand may be, a few times over."""
SMALL = 2**24
"""Bytes that a bundle may unpack to whatever its own size."""
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
LONGEST_NAME = 1_000


BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError)
UNSUPPORTED = (NotImplementedError, RuntimeError, ValueError, OverflowError, MemoryError)
"""What zipfile raises where a zip disagrees with itself, or asks for what it does not do."""


class DamagedBundle(Exception):
    """A zip that was not read any further.

    Attributes:
        faults: One sentence each.
    """

    def __init__(self, *faults: str):
        super().__init__("; ".join(faults))
        self.faults = faults


def unpacked(bundle: Path) -> dict[str, bytes]:
    """The files of a zip by name.

    Raises:
        RequestError: if there is none, or it is no zip.
        DamagedBundle: if it is damaged, would unpack to more than a bundle holds, or has an entry
            that is no plain file inside it.
    """
    if not bundle.is_file():
        raise RequestError(f"there is no file {bundle}; make one with bench export --out {bundle}")
    try:
        archive = zipfile.ZipFile(bundle)
    except (*BROKEN, *UNSUPPORTED) as error:
        raise RequestError(f"{bundle} is no whole zip file: {error}") from error
    with archive:
        entries = archive.infolist()
        if faults := [*_refused(entries), *_too_large(bundle, entries)]:
            raise DamagedBundle(*faults)
        return {entry.filename: _read(archive, entry) for entry in entries}


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        body = archive.read(entry)
    except (*BROKEN, *UNSUPPORTED) as error:
        raise DamagedBundle(f"{entry.filename!r} cannot be read: {error}") from error
    if len(body) != entry.file_size:
        raise DamagedBundle(f"{entry.filename!r} has {len(body)} bytes of {entry.file_size}")
    return body


def _too_large(bundle: Path, entries: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    size = bundle.stat().st_size
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_ENTRIES:
        yield f"it has {len(entries):,} entries; no bundle has over {MOST_ENTRIES:,}"
    if sum(entry.compress_size for entry in entries) > size:
        yield "its entries overlap: together they are larger than the file"
    if total > min(MOST_TOTAL, max(SMALL, MOST_RATIO * size)):
        yield f"it would unpack to {total:,} bytes from {size:,}, more than a bundle does"


def _refused(entries: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    names: dict[str, str] = {}
    for entry in entries[:MOST_ENTRIES]:
        name = entry.orig_filename
        if why := _odd(entry):
            yield f"{name[:LONGEST_NAME]!r} is no plain file inside it: {why}"
        # Two names may be one on a disk that knows no case or one form of a letter.
        other = names.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if other is not name:
            yield f"{name[:LONGEST_NAME]!r} is in it twice, as {other[:LONGEST_NAME]!r}"
    folders = {parent for name in names for parent in map(str, PurePosixPath(name).parents)}
    yield from (f"{names[name]!r} is a file and a folder" for name in sorted(folders & set(names)))


def _odd(entry: zipfile.ZipInfo) -> str:
    """Why an entry is none that `bench export` writes; "" if it may be."""
    name, path = entry.orig_filename, PurePosixPath(entry.orig_filename)
    if path.is_absolute() or ".." in path.parts or set(name) & set("\\:\0"):
        return "its name leads out"
    if path.as_posix() != name or not name.isprintable():
        return "its name"
    if max(len(part.encode()) for part in path.parts) > 200 or len(name) > LONGEST_NAME:
        return "its name is too long"
    # 8 is a plain file in the mode that Unix zips keep, 0 a zip that keeps none.
    if entry.external_attr >> 28 not in (0, 8):
        return "a link or device"
    if entry.flag_bits & 1:
        return "it is encrypted"
    if entry.compress_type not in METHODS:
        return f"compressed by method {entry.compress_type}"
    return f"over {MOST_FILE >> 20} MiB" if entry.file_size > MOST_FILE else ""
