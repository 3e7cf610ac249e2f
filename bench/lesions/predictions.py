"""What the lesion detector sees in images, remembered by image; and the boxes made of it."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from bench import checksums, store
from bench.data.cache import ProgressCallback
from bench.data.decode import photograph
from bench.data.patches import fitting
from bench.data.pixels import ImageSet, Pixels
from bench.data.records import Dataset
from bench.data.workers import cores, working
from bench.errors import Interrupted
from bench.evaluation.detection import Detections
from bench.lesions.faster_rcnn import LesionDetector, to_input
from bench.locking import lock
from bench.protocol.settings import DetectorSettings

CHUNK_BYTES = 2**26
"""Of the images between two writes: what is held at once, and what a killed process loses."""


@dataclass(frozen=True)
class DetectorImage:
    """One image for the detector.

    Attributes:
        key: Names its pixels.
        load: (S, S, 3) uint8 at the detector's size.
    """

    key: str
    load: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Predictor:
    """A detector that looks at images.

    Attributes:
        stored: Folder of what it saw, one file for every few images.
        tick: Called with how many images are done.
    """

    network: LesionDetector
    settings: DetectorSettings
    stored: Path
    device: torch.device
    tick: ProgressCallback
    interrupted: Callable[[], bool]

    def predict(self, seen: Sequence[DetectorImage]) -> list[Detections]:
        """Lesions in images, read back where they are known; boxes as fractions of the side.

        Raises:
            Interrupted: asked to stop; what is seen so far is remembered.
        """
        while new := _unseen(seen, _recall(self.stored)):
            with lock(self.stored) as acquired:
                if acquired:
                    self._memorise(_unseen(new, _recall(self.stored)))
                    continue
            time.sleep(1)  # another process looks at images, these perhaps
            self._stop_if_interrupted()
        known = _recall(self.stored)
        return [_unpack(known[view.key]) for view in seen]

    def _memorise(self, new: list[DetectorImage]) -> None:
        count = max(1, CHUNK_BYTES // (3 * self.settings.image_px**2))
        for start in range(0, len(new), count):
            part = new[start : start + count]
            keys = [view.key for view in part]
            seen = self._predict(part, partial(self._tell, start, len(new)))
            rows = dict(zip(keys, map(_pack, seen), strict=True))
            checksums.write_json(self.stored / f"{store.digest(keys)[:16]}.json", rows)
            self._stop_if_interrupted()

    def _predict(
        self, part: Sequence[DetectorImage], on_count: Callable[[int], object]
    ) -> list[Detections]:
        """Look at images now; boxes as fractions of the side."""
        with working(ThreadPoolExecutor(cores())) as pool:
            images = list(pool.map(lambda view: view.load(), part))
        detections: list[Detections] = []
        with threads(self.settings.threads):
            for start in range(0, len(images), self.settings.batch):
                batch = to_input(np.stack(images[start : start + self.settings.batch]))
                detections += self.network.find(batch.to(self.device))
                on_count(len(detections))
        side = self.settings.image_px
        return [
            Detections(detected.boxes / side, detected.kinds, detected.scores)
            for detected in detections
        ]

    def _tell(self, before: int, total: int, done: int) -> None:
        self.tick("looking for lesions", before + done, total)

    def _stop_if_interrupted(self) -> None:
        if self.interrupted():
            raise Interrupted("stopped while looking for lesions; what was seen is kept")


def detector_images(
    images: ImageSet,
    dataset: Dataset,
    digests: list[str],
    indices: np.ndarray,
    settings: DetectorSettings,
) -> list[DetectorImage]:
    """A run's images as the detector gets them: degraded copies too, as `on_degraded` says.

    An image that the cache holds too small is read from its file again; a degraded copy exists in
    the cache alone and is enlarged.
    """
    pixels = max(images.whole, images.for_patches, key=lambda size: size.clean.shape[1])
    return [
        _degraded(pixels, i, settings)
        if settings.on_degraded == "rerun" and pixels.copy_index[i] >= 0
        else _clean(pixels, i, dataset.records[i].path, digests[i], settings)
        for i in indices
    ]


def usable_boxes(
    detections: Detections, settings: DetectorSettings, *, image_px: int, patch_px: int
) -> np.ndarray:
    """Boxes to cut patches around, (L, 4) in pixels: sure enough, off the border, not too large.

    Args:
        detections: Boxes as fractions of the image's side.
        image_px: Side of the image that patches are cut from.
    """
    relative_boxes = detections.above(settings.confidence).boxes
    low, high = settings.border, 1 - settings.border
    inside = (relative_boxes[:, :2] > low).all(axis=1) & (relative_boxes[:, 2:] < high).all(axis=1)
    boxes = relative_boxes[inside] * image_px
    return fitting(boxes if settings.oversized == "drop" else centred(boxes, patch_px), patch_px)


def centred(boxes: np.ndarray, patch_px: int) -> np.ndarray:
    """Boxes (L, 4), those larger than a patch cut down to their middle."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = np.minimum(boxes[:, 2:] - boxes[:, :2], patch_px) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def by_grade(grades: np.ndarray, boxes: Sequence[np.ndarray]) -> list[dict[str, int]]:
    """For each grade: images, how many of them have a box, and boxes.

    Args:
        grades: (n,) of the images.
        boxes: (L, 4) each.
    """
    counts = np.array([len(image_boxes) for image_boxes in boxes])
    return [
        {
            "grade": int(grade),
            "images": int((grades == grade).sum()),
            "with_box": int((counts[grades == grade] > 0).sum()),
            "boxes": int(counts[grades == grade].sum()),
        }
        for grade in np.unique(grades)
    ]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Inside the block, CPU operations use this many threads; the former number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _degraded(pixels: Pixels, index: int, settings: DetectorSettings) -> DetectorImage:
    copy = pixels.degraded[pixels.copy_index[index]]
    name = hashlib.sha256(copy.tobytes()).hexdigest()
    return DetectorImage(f"{name}:copy", partial(_resized, copy, settings.image_px))


def _clean(
    pixels: Pixels, index: int, path: Path, digest: str, settings: DetectorSettings
) -> DetectorImage:
    cached_px = pixels.clean.shape[1]
    if cached_px < settings.image_px:
        return DetectorImage(f"{digest}:file", partial(_cropped, path, settings.image_px))
    image = pixels.clean[index]
    return DetectorImage(f"{digest}:{cached_px}", partial(_resized, image, settings.image_px))


def _resized(image: np.ndarray, size_px: int) -> np.ndarray:
    if image.shape[0] == size_px:
        return np.asarray(image)
    how = cv2.INTER_AREA if image.shape[0] > size_px else cv2.INTER_LINEAR
    return cv2.resize(np.asarray(image), (size_px, size_px), interpolation=how)


def _cropped(path: Path, size_px: int) -> np.ndarray:
    image, _ = photograph(path, size_px)
    return image


def _recall(stored: Path) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for path in sorted(stored.glob("*.json")):
        if path.name != "claim.json":
            known |= checksums.read_json(path) or {}
    return known


def _unseen(seen: Sequence[DetectorImage], known: dict[str, Any]) -> list[DetectorImage]:
    """Views that are not remembered, each once."""
    return list({view.key: view for view in seen if view.key not in known}.values())


def _pack(detections: Detections) -> list[list[float]]:
    """One row per box: corners, kind, score; exact to a hundredth of a pixel of 512."""
    return (
        np.column_stack([detections.boxes, detections.kinds, detections.scores]).round(5).tolist()
    )


def _unpack(rows: list[list[float]]) -> Detections:
    table = np.array(rows, dtype=float).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4].astype(np.int64), table[:, 5])
