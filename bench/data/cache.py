"""Images once decoded, cropped and resized: memory-mapped uint8 arrays, named by their content.

A cache entry is a folder with `images.npy` (N, S, S, 3) and `entry.json`. Its name is a digest of
the files' bytes, the crop, the size, and, for degraded copies, the degradations. It is built under
another name and renamed, so that half an entry is never read, and two builders do no harm.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bench.data import degradations
from bench.data.field_of_view import FieldOfView, crop, find
from bench.data.records import Record
from bench.errors import RequestError
from bench.store import digest, file_digest, write_json

CROP_VERSION = 1
Make = Callable[[int], tuple[np.ndarray, dict[str, Any]]]
Tick = Callable[[str, int, int], None]


def content_digests(records: Sequence[Record], cache: Path) -> list[str]:
    """SHA-256 of every image file, remembered by size and modification time.

    Raises:
        RequestError: naming the first file that is not there.
    """
    memo_path = cache / "digests.json"
    memo = json.loads(memo_path.read_text()) if memo_path.is_file() else {}
    known = len(memo)
    found = []
    for record in records:
        try:
            stat = record.path.stat()
        except FileNotFoundError:
            raise RequestError(
                f"image {record.image_id!r} of the label file is not at {record.path}"
            ) from None
        name = f"{record.path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
        if name not in memo:
            memo[name] = file_digest(record.path)
        found.append(memo[name])
    if len(memo) > known:
        cache.mkdir(parents=True, exist_ok=True)
        write_json(memo_path, memo)
    return found


def clean(
    records: Sequence[Record], digests: list[str], *, size_px: int, cache: Path, tick: Tick
) -> "Entry":
    """Photographs cropped to their field of view, square, `size_px` wide.

    The details of each image hold its field of view, by which boxes are mapped.

    Raises:
        RequestError: naming the file that is no image.
    """
    name = digest(["clean", CROP_VERSION, digests, size_px])[:16]

    def make(i: int) -> tuple[np.ndarray, dict[str, Any]]:
        image = read_image(records[i].path)
        field = find(image)
        return crop(image, field, size_px), asdict(field)

    return _entry(cache / "images" / name, len(records), size_px, make, "reading images", tick)


def degraded(
    source: "Entry", records: Sequence[Record], chosen: np.ndarray, settings: Any, **where: Any
) -> "Entry":
    """Degraded copies of the chosen images of a clean entry, with their parameters.

    Args:
        chosen: (n,) indices.
        settings: `protocol.degradation`, and its data seed.
        **where: `cache`, `data_seed` and `tick`.
    """
    ids = [records[i].image_id for i in chosen]
    options = {
        "model": settings.model,
        "strength": settings.strength,
        "size_variant": settings.size_variant,
    }
    seed = where["data_seed"]
    name = digest(["degraded", degradations.VERSION, source.name, ids, options, seed])[:16]

    def make(i: int) -> tuple[np.ndarray, dict[str, Any]]:
        row = int(chosen[i])
        mask = FieldOfView(**source.details[row]).mask(source.size_px)
        image, drawn = degradations.degrade(
            source.images[row], mask, data_seed=seed, image_id=records[row].image_id, **options
        )
        return image, drawn.parameters()

    folder = where["cache"] / "images" / name
    return _entry(folder, len(chosen), source.size_px, make, "degrading", where["tick"])


def smaller(source: "Entry", *, size_px: int, cache: Path, tick: Tick) -> "Entry":
    """The same images, averaged down to another size; the entry itself when the size is its own."""
    if size_px == source.size_px:
        return source
    name = digest(["smaller", source.name, size_px])[:16]

    def make(i: int) -> tuple[np.ndarray, dict[str, Any]]:
        resized = cv2.resize(source.images[i], (size_px, size_px), interpolation=cv2.INTER_AREA)
        return resized, {}

    count = len(source.images)
    return _entry(cache / "images" / name, count, size_px, make, "resizing", tick)


class Entry:
    """A cache entry that is there.

    Attributes:
        images: (N, S, S, 3) uint8, memory-mapped, read-only.
        details: One dictionary an image.
    """

    def __init__(self, folder: Path):
        self.name = folder.name
        self.images: np.ndarray = np.load(folder / "images.npy", mmap_mode="r")
        self.details: list[dict[str, Any]] = json.loads((folder / "entry.json").read_text())

    @property
    def size_px(self) -> int:
        """Side of the images."""
        return self.images.shape[1]


def read_image(path: Path) -> np.ndarray:
    """A file as (H, W, 3) uint8 RGB, turned as its EXIF says.

    Raises:
        RequestError: naming the file, when it is cut short or no image.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise RequestError(
            f"image {path.name} cannot be read ({error}); fetch it again, or take its row out "
            "of the label file"
        ) from error


def _entry(folder: Path, count: int, size_px: int, make: Make, what: str, tick: Tick) -> Entry:
    if not (folder / "entry.json").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _build(folder, count, size_px, make, lambda done: tick(what, done, count))
    return Entry(folder)


def _build(
    folder: Path, count: int, size_px: int, make: Make, progress: Callable[[int], None]
) -> None:
    """Fill an array beside its final place, then rename; a failed build leaves nothing."""
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    partial.mkdir(exist_ok=True)
    try:
        shape = (count, size_px, size_px, 3)
        path = partial / "images.npy"
        images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        details = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for i, (image, detail) in enumerate(pool.map(make, range(count))):
                images[i] = image
                details.append(detail)
                progress(i + 1)
        images.flush()
        write_json(partial / "entry.json", details)
        _publish(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _publish(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not (folder / "entry.json").is_file():
            raise
        # Another process was first with the same content.
