"""Images that are made once: rows of pixels on disk, named by content, safe to build in pieces.

A store is a folder for one recipe: what is done to an image, by which versions, at which size.
Each process that builds writes a part of its own: `<name>.pixels`, rows of S x S x 3 bytes, and
`<name>.jsonl`, one line per row with its key, index, details and the checksum of its pixels, behind
a checksum of itself. A line is written once its pixels are on the disk. So a build that dies
resumes where it stopped; a row without a whole line, or beyond the end of its pixels, does not
count and is made again, as is one whose pixels were altered (`bench.data.stored_images`); and
builders that know nothing of each other do no harm.
"""

import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bench.checksums import row_checksum
from bench.data.stored_images import StoredImages, StoredRow
from bench.data.workers import cores, working
from bench.errors import RequestError
from bench.locking import lock, owner_of
from bench.store import digest, write_json

MakeImage = Callable[[int], tuple[np.ndarray, dict[str, Any]]]
CountCallback = Callable[[int], object]

ROUND = 16
"""Rows that a worker makes before all wait for each other."""

COMMIT_SECONDS = 2.0
"""How much work a killed builder may lose; each commit waits for the disk."""


class PixelStore:
    """The rows of one recipe.

    Attributes:
        recipe: What is done to an image; anything JSON, with `size_px`, the side of a row.
    """

    def __init__(self, root: Path, recipe: dict[str, Any]):
        self.recipe = recipe
        self.size_px: int = recipe["size_px"]
        self.folder = root / digest(recipe)[:16]

    def rows(self) -> dict[str, StoredRow]:
        """All rows that are there, by key; of one made twice the later."""
        rows: dict[str, StoredRow] = {}
        for log in sorted(self.folder.glob("*.jsonl")):
            pixels = log.with_suffix(".pixels")
            room = pixels.stat().st_size // self._row_bytes if pixels.is_file() else 0
            for line in log.read_bytes().split(b"\n"):
                entry = _read_line(line)
                if entry is not None and entry["place"] < room and "pixels" in entry:
                    rows[entry["key"]] = StoredRow(
                        log.stem, entry["place"], entry["pixels"], entry["details"]
                    )
        return rows

    def images(self, keys: Sequence[str], make: MakeImage, on_count: CountCallback) -> StoredImages:
        """The rows with these keys, all of which are there, as one array.

        Args:
            make: As of `fill`, for rows that were altered since they were made.
            on_count: As of `fill`.
        """

        def again(which: Sequence[int]) -> list[StoredRow]:
            self._make(keys, make, which, on_count, skip=False)
            rows = self.rows()  # of one made twice the later
            return [rows[keys[i]] for i in which]

        rows = self.rows()
        stored = [rows[key] for key in keys]
        return StoredImages(self.folder, self.size_px, stored, again)

    def fill(
        self, keys: Sequence[str], make: MakeImage, on_count: CountCallback, *, skip: bool = False
    ) -> dict[int, str]:
        """Make the rows that are not there; whoever asks for the same rows meanwhile waits.

        Args:
            keys: What each row is made from.
            make: Index into `keys` -> the image (S, S, 3) uint8 and its details.
            on_count: How many of the keys have their row.
            skip: Leave out rows that cannot be made; else the first of them ends the build, which
                keeps what it has.

        Returns:
            Why, for each index whose row cannot be made.

        Raises:
            RequestError: from `make`, without `skip`.
        """
        work = self.folder / f"work-{digest(list(keys))[:16]}"
        while _missing(keys, self.rows()):
            try:
                with lock(work) as acquired:
                    if acquired:
                        missing = _missing(keys, self.rows())
                        return self._make(keys, make, missing, on_count, skip)
            finally:
                with suppress(OSError):  # it has something in it: another process is on these rows
                    work.rmdir()
            while True:
                on_count(len(keys) - len(_missing(keys, self.rows())))
                time.sleep(0.5)
                if owner_of(work) is None:
                    break
        return {}

    def _make(
        self,
        keys: Sequence[str],
        make: MakeImage,
        missing: Sequence[int],
        on_count: CountCallback,
        skip: bool,
    ) -> dict[int, str]:
        write_json(self.folder / "recipe.json", self.recipe)
        already_made, failed = len(keys) - len(missing), {}
        workers = cores()
        pool = ThreadPoolExecutor(workers)
        with _writing(self.folder, self._row_bytes) as part, working(pool):
            attempt = partial(_attempt, keys, make, part)
            for start in range(0, len(missing), ROUND * workers):
                chunk = missing[start : start + ROUND * workers]
                outcomes = pool.map(attempt, chunk, range(start, start + len(chunk)))
                for done, (i, outcome) in enumerate(zip(chunk, outcomes, strict=True), start + 1):
                    if isinstance(outcome, bytes):
                        part.add(outcome)
                    else:
                        failed[i] = outcome
                    on_count(already_made + done)
                if failed and not skip:
                    raise RequestError(next(iter(failed.values())))
        return failed

    @property
    def _row_bytes(self) -> int:
        return self.size_px * self.size_px * 3


class _PartWriter:
    """What one builder writes: pixels anywhere, lines in batches behind them."""

    def __init__(self, pixels: BinaryIO, log: BinaryIO, row_bytes: int):
        self.pixels, self.log, self.row_bytes = pixels, log, row_bytes
        self.lines: list[bytes] = []
        self.last = time.monotonic()

    def put(self, index: int, image: np.ndarray) -> None:
        """Write a row's pixels; any thread may."""
        content, offset = memoryview(image.tobytes()), index * self.row_bytes
        if len(content) != self.row_bytes:
            raise ValueError(f"a row has {self.row_bytes} bytes, this image {len(content)}")
        while content:
            written = os.pwrite(self.pixels.fileno(), content, offset)
            content, offset = content[written:], offset + written

    def add(self, line: bytes) -> None:
        """Note that a row's pixels are written; now and then, wait until all is on the disk."""
        self.lines.append(line)
        if time.monotonic() - self.last > COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Pixels to the disk, then the lines that speak of them."""
        os.fsync(self.pixels.fileno())
        self.log.write(b"".join(self.lines))
        self.log.flush()
        os.fsync(self.log.fileno())
        self.lines, self.last = [], time.monotonic()


@contextmanager
def _writing(folder: Path, row_bytes: int) -> Iterator[_PartWriter]:
    """A new part; what it has is committed however the block ends, and without rows it is gone."""
    latest = max((int(log.name[:20]) for log in folder.glob("*.jsonl")), default=0)
    # Later than all others even where the clock went back: of two rows the later counts.
    log = folder / f"{max(time.time_ns(), latest + 1):020d}-{os.getpid()}.jsonl"
    pixels = log.with_suffix(".pixels")
    try:
        with pixels.open("xb") as pixel_file, log.open("xb") as log_file:
            part = _PartWriter(pixel_file, log_file, row_bytes)
            try:
                yield part
            finally:
                part.commit()
    finally:
        if not (log.is_file() and log.stat().st_size):
            for path in (log, pixels):
                path.unlink(missing_ok=True)


def _attempt(
    keys: Sequence[str], make: MakeImage, part: _PartWriter, i: int, index: int
) -> bytes | str:
    """Make and write a row: its line, or why it cannot be made."""
    try:
        image, details = make(i)
    except RequestError as error:
        return str(error)
    part.put(index, image)
    entry = {"key": keys[i], "place": index, "details": details, "pixels": row_checksum(image)}
    return _line(entry)


def _missing(keys: Sequence[str], rows: dict[str, StoredRow]) -> list[int]:
    """The first index of each key that has no row."""
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    return sorted(i for key, i in first.items() if key not in rows)


def _line(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry, sort_keys=True).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read_line(line: bytes) -> dict[str, Any] | None:
    """The entry of a line; None if it is cut short or altered."""
    checksum, _, text = line.partition(b" ")
    return json.loads(text) if checksum == b"%08x" % zlib.crc32(text) else None
