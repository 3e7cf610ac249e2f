"""All images of a run at the classifier's size and at the size that patches are cut from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from bench.data import cache
from bench.data.degradations import DegradationRecipe
from bench.data.field_of_view import FieldOfView
from bench.data.patches import DISC, Region, region_of
from bench.data.records import Dataset
from bench.data.stored_images import StoredImages
from bench.protocol.settings import Protocol

Item = TypeVar("Item")


@dataclass(frozen=True)
class Pixels:
    """Images as the run sees them: degraded copies where an image was chosen.

    Attributes:
        clean: (N, S, S, 3) uint8.
        degraded: (n, S, S, 3) uint8, the copies.
        copy_index: (N,) index into `degraded`, -1 where an image is used as it is.
        region: Where the centres of free crops lie.
        visible: (N, 4), what each image shows of its square, x0, y0, x1, y1 as fractions of the
            side, and its degraded copy too; None where all show all of it.
    """

    clean: StoredImages
    degraded: StoredImages
    copy_index: np.ndarray
    region: Region = DISC
    visible: np.ndarray | None = None

    def images(self, indices: np.ndarray) -> np.ndarray:
        """(n, S, S, 3) uint8 of the images with these indices."""
        images = self.clean[indices]
        copies = self.copy_index[indices]
        images[copies >= 0] = self.degraded[copies[copies >= 0]]
        return images

    def patches(
        self, indices: np.ndarray, corners: np.ndarray, *, patch_px: int, undegraded: np.ndarray
    ) -> np.ndarray:
        """(n, P, P, 3) uint8 cut at (n, 2) corners x, y; `undegraded` (n,) picks the source."""
        out = np.empty((len(indices), patch_px, patch_px, 3), dtype=np.uint8)
        for i, (index, (x, y)) in enumerate(zip(indices, corners, strict=True)):
            copy = -1 if undegraded[i] else self.copy_index[index]
            image = self.clean[index] if copy < 0 else self.degraded[copy]
            out[i] = image[y : y + patch_px, x : x + patch_px]
        return out

    def batch(self, indices: np.ndarray) -> Tensor:
        """As `images`, where training wants them."""
        return torch.from_numpy(self.images(indices))

    def cut(
        self, indices: np.ndarray, corners: np.ndarray, *, patch_px: int, undegraded: np.ndarray
    ) -> Tensor:
        """As `patches`, where training wants them."""
        cut = self.patches(indices, corners, patch_px=patch_px, undegraded=undegraded)
        return torch.from_numpy(cut)

    def ready(self, read: Tensor) -> Tensor:
        """What was read, where it can be sent from."""
        return read

    def sent(self, read: Tensor) -> Tensor:
        """What was read, on the device that trains, or on its way there."""
        return read

    def ahead(self, items: Iterator[Item]) -> Iterator[Item]:
        """The items that are made from these images, made when training wants them."""
        return items


@dataclass(frozen=True)
class ImageSet:
    """What a run trains on and is scored with.

    Attributes:
        whole: Images at `protocol.data.image_px`.
        for_patches: Images at `protocol.data.patch_image_px`.
        boxes: For each image (L, 4), in pixels of `for_patches`.
        parameters: The degradation of each chosen image, by image id.
        own: Images at the input size of a method that needs more pixels than either holds.
        sides_px: (N,) side of the square that is shown of each image, in pixels of its file.
    """

    whole: Pixels
    for_patches: Pixels
    boxes: list[np.ndarray]
    parameters: dict[str, dict]
    own: Pixels | None = None
    sides_px: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def open_images(
    dataset: Dataset,
    digests: list[str],
    chosen: np.ndarray,
    protocol: Protocol,
    *,
    seed: int = 0,
    folder: Path,
    tick: cache.ProgressCallback,
    own_px: int | None = None,
) -> ImageSet:
    """Decode, crop, degrade and resize what is not yet in the cache, then open it.

    Degradation happens once, at the larger of the two sizes that methods share, and both are
    averaged down from it. A method that needs more pixels gets images of its own, cut from the same
    files, with the same drawn degradations at that size.

    Args:
        digests: From `cache.content_digests`.
        chosen: (N,) bool, which images to degrade.
        seed: The run's, by which images are degraded where the protocol says so.
        own_px: Side of the method's input where it is larger than both.
        folder: The cache folder.
        tick: Called with what is being done, how many are done, and of how many.
    """
    records, data, modality = dataset.records, protocol.data, dataset.modality
    size = max(data.image_px, data.patch_image_px)
    which = np.flatnonzero(chosen)
    where: dict[str, Any] = {"cache": folder, "tick": tick}

    def decoded(size_px: int) -> tuple[cache.CachedImages, cache.CachedImages]:
        clean = cache.clean(records, digests, size_px=size_px, modality=modality, **where)
        recipe = DegradationRecipe.of(protocol, modality, noise_px=size if size_px > size else None)
        copies = cache.degraded(
            clean, records, which, recipe, data_seed=data.choice_seed(seed), **where
        )
        return clean, copies

    original, copies = decoded(size)
    fields = [FieldOfView(**details) for details in original.details]
    visible = np.stack([visible_part(field) for field in fields])
    region = region_of(modality, protocol.chest.crop_region)
    copy_index = np.full(len(records), -1)
    copy_index[which] = np.arange(len(which))

    def shown(clean: cache.CachedImages, degraded: cache.CachedImages) -> Pixels:
        return Pixels(clean.images, degraded.images, copy_index, region, visible)

    def at(size_px: int) -> Pixels:
        return shown(*(cache.smaller(e, size_px=size_px, **where) for e in (original, copies)))

    boxes = [
        field.to_crop(np.array(r.boxes, dtype=float).reshape(-1, 4), data.patch_image_px)
        for field, r in zip(fields, records, strict=True)
    ]
    parameters = {records[i].image_id: copies.details[n] for n, i in enumerate(which)}
    return ImageSet(
        at(data.image_px),
        at(data.patch_image_px),
        boxes,
        parameters,
        None if own_px is None else shown(*decoded(own_px)),
        np.array([field.square[2] for field in fields]),
    )


def visible_part(field: FieldOfView) -> np.ndarray:
    """(4,), what a photograph shows of its square: x0, y0, x1, y1 as fractions of the side.

    A side is not cut off that ends within a hundredth of the square's own, or within the two whole
    numbers that square and field are rounded to.
    """
    whole = np.array([0.0, 0.0, 1.0, 1.0])
    shown = field.to_crop(np.array([field.x0, field.y0, field.x1, field.y1]), 1)[0]
    return np.where(np.abs(shown - whole) <= max(0.01, 2 / field.square[2]), whole, shown)
