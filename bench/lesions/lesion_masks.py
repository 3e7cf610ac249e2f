"""Photographs with lesion masks as a segmentation learns from them: small, all in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.data import field_of_view
from bench.data.decode import read_image
from bench.lesions import idrid
from bench.lesions import masks as mask_files
from bench.lesions.idrid import KINDS, LesionImage
from bench.seeding import generator_for


@dataclass(frozen=True)
class MaskedPhotographs:
    """Photographs cropped to their field of view, with their masks.

    Attributes:
        images: (N, S, S, 3) uint8.
        masks: (N, 5, S, S) uint8, 255 inside: the four kinds of lesion, then background.
        name: Of the set that they are of.
    """

    images: np.ndarray
    masks: np.ndarray
    name: str


def read(images: Sequence[LesionImage], size_px: int, name: str) -> MaskedPhotographs:
    """All photographs of the set called `name` at one size.

    Raises:
        RequestError: naming a file that cannot be read or a mask that `masks.read` refuses, or when
            all masks are empty.
    """
    pairs = [_open(image, size_px) for image in images]
    photographs, masks = (np.stack(part) for part in zip(*pairs, strict=True))
    if not masks[:, :-1].any():
        raise idrid.without_lesions(name, len(images))
    return MaskedPhotographs(photographs, masks, name)


@dataclass(frozen=True)
class MaskBatches:
    """Photographs with masks in a seeded order, flipped and turned by quarters together.

    Attributes:
        images: (N, S, S, 3) uint8.
        masks: (N, 5, S, S) uint8.
        steps: An epoch's number of batches; photographs come again as often as that takes.
        prepare_images: (n, S, S, 3) uint8 -> (n, 3, S, S) float, normalised, on the device.
        prepare_masks: (n, 5, S, S) uint8 -> the same in [0, 1] on the device.
        purpose: Parts of the seed.
        foreign: Name of the set that the photographs are of.
    """

    images: Tensor
    masks: Tensor
    batch: int
    steps: int
    prepare_images: Callable[[Tensor], Tensor]
    prepare_masks: Callable[[Tensor], Tensor]
    purpose: tuple[str | int, ...]
    foreign: str

    @property
    def indices(self) -> np.ndarray:
        """None of the run's data set."""
        return np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return self.steps

    def epoch(self, number: int) -> Iterator[dict[str, Tensor]]:
        """The batches of an epoch."""
        rng = generator_for(*self.purpose, "order", number)
        passes = -(-self.steps * self.batch // len(self.images))
        order = np.concatenate([rng.permutation(len(self.images)) for _ in range(passes)])
        for step in range(self.steps):
            indices = order[step * self.batch : (step + 1) * self.batch]
            flips = torch.from_numpy(rng.random((len(indices), 3)) < 0.5)
            images = _turned(self.images[indices].permute(0, 3, 1, 2), flips).permute(0, 2, 3, 1)
            masks = _turned(self.masks[indices], flips)
            yield {"images": self.prepare_images(images), "masks": self.prepare_masks(masks)}


def _turned(maps: Tensor, flips: Tensor) -> Tensor:
    """Maps (n, C, S, S), each mirrored along x, along y and at the diagonal as its flips say.

    Args:
        flips: (n, 3) bool.
    """
    for column, mirror in enumerate((lambda m: m.flip(3), lambda m: m.flip(2), lambda m: m.mT)):
        maps = torch.where(flips[:, column, None, None, None], mirror(maps), maps)
    return maps


def _open(image: LesionImage, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    photograph = read_image(image.path)
    seen = field_of_view.find(photograph)
    shown = field_of_view.crop(photograph, seen, size_px)
    lesions = np.zeros((len(KINDS), size_px, size_px), dtype=np.uint8)
    for channel, kind in enumerate(KINDS):
        if kind in image.masks:
            lesion = mask_files.read(image.masks[kind], photograph.shape)
            whole = np.where(lesion[..., None], 255, 0).astype(np.uint8)
            lesions[channel] = field_of_view.crop(whole.repeat(3, axis=2), seen, size_px)[:, :, 0]
    background = 255 - lesions.max(axis=0)
    return shown, np.concatenate([lesions, background[None]])
