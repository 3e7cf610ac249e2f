"""Images once decoded, cropped and resized: memory-mapped uint8 rows, named by their content.

Three kinds of rows, each in stores of its own (see `rows`): photographs cropped to their field of
view or whole radiographs, degraded copies of those, and smaller versions of either. A row's key is
the content of the file that it comes from; what was done to it, in which version and at which size,
is the store's recipe.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench import checksums
from bench.data import degradations
from bench.data.decode import DECODE_VERSION, photograph, radiograph
from bench.data.field_of_view import FieldOfView
from bench.data.picture_files import refuse_special
from bench.data.pixel_store import MakeImage, PixelStore
from bench.data.records import Modality, Record
from bench.data.workers import cores, working
from bench.errors import RequestError
from bench.store import digest, file_digest

CROP_VERSION = 1
REMEMBER_SECONDS = 10.0
"""How often the digests of files are written down while many of them are read."""

ProgressCallback = Callable[[str, int, int], None]


class CachedImages:
    """The rows of a store that belong to a list of images, in its order.

    Attributes:
        keys: Of the rows.
        images: (N, S, S, 3) uint8, memory-mapped, read-only.
        details: One dictionary an image.
    """

    def __init__(
        self,
        store: PixelStore,
        keys: Sequence[str],
        make: MakeImage,
        on_count: Callable[[int], object],
    ):
        self.recipe = store.recipe
        self.keys = list(keys)
        self.images = store.images(keys, make, on_count)
        self.details = self.images.details

    @property
    def size_px(self) -> int:
        """Side of the images."""
        return self.recipe["size_px"]


def content_digests(
    records: Sequence[Record], cache: Path, tick: ProgressCallback | None = None
) -> list[str]:
    """SHA-256 of every image file, remembered by size and modification time.

    Raises:
        RequestError: naming the first file that is not there, or is no plain file.
    """
    memo_path = cache / "digests.json"
    memo: dict[str, str] = checksums.read_json(memo_path) or {}
    names = [_file_name(record) for record in records]
    new = {name: r.path for name, r in zip(names, records, strict=True) if name not in memo}
    if new:
        cache.mkdir(parents=True, exist_ok=True)
    last = time.monotonic()
    try:
        with working(ThreadPoolExecutor(cores())) as pool:
            digests = pool.map(file_digest, new.values())
            for done, (name, content) in enumerate(zip(new, digests, strict=True), start=1):
                memo[name] = content
                if tick is not None:
                    tick("reading files", len(records) - len(new) + done, len(records))
                if time.monotonic() - last > REMEMBER_SECONDS:
                    checksums.write_json(memo_path, memo)
                    last = time.monotonic()
    finally:
        if new:
            checksums.write_json(memo_path, memo)
    return [memo[name] for name in names]


def clean(
    records: Sequence[Record],
    digests: list[str],
    *,
    size_px: int,
    cache: Path,
    tick: ProgressCallback,
    modality: Modality = "fundus",
) -> CachedImages:
    """Photographs cropped to their field of view, or whole radiographs, square, `size_px` wide.

    The details of each image hold its field of view, by which boxes are mapped.

    Raises:
        RequestError: naming the first file that is no image; what was made until then is kept.
    """
    store = _clean_store(size_px, cache, modality)
    return _entry(
        store, digests, _framed(records, digests, size_px, modality), "reading images", tick
    )


def unreadable(
    records: Sequence[Record],
    digests: list[str],
    *,
    size_px: int,
    cache: Path,
    tick: ProgressCallback,
    modality: Modality = "fundus",
) -> dict[int, str]:
    """Make the rows of `clean` as far as it goes: why, for the index of each that cannot be."""
    on_count = _telling("reading images", len(digests), tick)
    make = _framed(records, digests, size_px, modality)
    return _clean_store(size_px, cache, modality).fill(digests, make, on_count, skip=True)


def degraded(
    source: CachedImages,
    records: Sequence[Record],
    chosen: np.ndarray,
    how: degradations.DegradationRecipe,
    **where: Any,
) -> CachedImages:
    """Degraded copies of the chosen images of a clean entry, with their parameters.

    Args:
        chosen: (n,) indices.
        how: What is done to an image.
        **where: `cache`, `data_seed` and `tick`.
    """
    seed = where["data_seed"]
    recipe = {
        "kind": "degraded",
        "version": degradations.VERSION,
        "source": source.recipe,
        "data_seed": seed,
        "size_px": source.size_px,
        **how.options,
        **({} if how.noise_px is None else {"noise_px": how.noise_px}),
    }

    def make(i: int) -> tuple[np.ndarray, dict[str, Any]]:
        row = int(chosen[i])
        mask = FieldOfView(**source.details[row]).mask(source.size_px)
        name = records[row].image_id
        image, drawn = how.apply(source.images[row], mask, data_seed=seed, image_id=name)
        return image, drawn.parameters()

    # The parameters are drawn by image id, so one photograph under two ids has two copies.
    keys = [digest([source.keys[row], records[row].image_id]) for row in chosen]
    store = PixelStore(where["cache"] / "images", recipe)
    return _entry(store, keys, make, "degrading", where["tick"])


def smaller(
    source: CachedImages, *, size_px: int, cache: Path, tick: ProgressCallback
) -> CachedImages:
    """The same images, averaged down to another size; the entry itself when the size is its own."""
    if size_px == source.size_px:
        return source
    recipe = {"kind": "smaller", "source": source.recipe, "size_px": size_px}

    def make(i: int) -> tuple[np.ndarray, dict[str, Any]]:
        resized = cv2.resize(source.images[i], (size_px, size_px), interpolation=cv2.INTER_AREA)
        return resized, {}

    return _entry(PixelStore(cache / "images", recipe), source.keys, make, "resizing", tick)


def _clean_store(size_px: int, cache: Path, modality: Modality) -> PixelStore:
    versions = {"crop": CROP_VERSION, "decode": DECODE_VERSION}
    framed = {} if modality == "fundus" else {"frame": "whole"}
    return PixelStore(cache / "images", {"kind": "clean", "size_px": size_px, **versions, **framed})


def _framed(
    records: Sequence[Record], digests: Sequence[str], size_px: int, modality: Modality
) -> MakeImage:
    opened = photograph if modality == "fundus" else radiograph

    def make(i: int) -> tuple[np.ndarray, dict[str, Any]]:
        _refuse_altered(records[i], digests[i])
        square, field = opened(records[i].path, size_px)
        return square, asdict(field)

    return make


def _refuse_altered(record: Record, expected: str) -> None:
    """The row is named by the file's content, which may have changed since that was noted."""
    if file_digest(record.path) != expected:
        raise RequestError(
            f"image {record.path.name} is not what it was when its content was noted: it was "
            "written to meanwhile, or altered under its old time; put the right file back, or "
            f"`touch {record.path}` to have it read anew, and run the same command again"
        )


def _entry(
    store: PixelStore, keys: Sequence[str], make: MakeImage, what: str, tick: ProgressCallback
) -> CachedImages:
    on_count = _telling(what, len(keys), tick)
    store.fill(keys, make, on_count)
    return CachedImages(store, keys, make, on_count)


def _telling(what: str, total: int, tick: ProgressCallback) -> Callable[[int], object]:
    return lambda done: tick(what, done, total)


def _file_name(record: Record) -> str:
    """A file as the note knows it: its place, size and time; another time is another file."""
    try:
        about = record.path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise RequestError(
            f"image {record.image_id!r} of the label file is not at {record.path}"
        ) from None
    refuse_special(record.path)
    return f"{record.path.resolve()}:{about.st_size}:{about.st_mtime_ns}"
