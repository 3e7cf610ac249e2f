"""Images for a graphics card: kept on it where there is room, else read ahead of the training.

Both give the bytes that the processor's images have, in the same order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from baselines.host import sent
from bench.data.pixels import ImageSet, Pixels
from bench.data.reading_ahead import ahead

Item = TypeVar("Item")
SHARE = 0.5
"""Of the card's free memory, which images may fill; the rest is for training."""


class ResidentRows:
    """Rows of pixels on a card, each sent there once.

    Attributes:
        table: (N, S, S, 3) uint8 on the card.
        there: (N,) bool, which rows of it were sent.
    """

    def __init__(self) -> None:
        self.table = torch.empty(0, dtype=torch.uint8)
        self.there = np.zeros(0, dtype=bool)

    def make_room(self, rows: int, side_px: int, device: torch.device) -> None:
        """For so many rows at least; what was sent stays."""
        more = rows - len(self.there)
        if more <= 0:
            return
        with torch.inference_mode(False):  # whoever asks first, training may add to it
            empty = torch.empty((more, side_px, side_px, 3), dtype=torch.uint8, device=device)
            self.table = torch.cat([self.table, empty]) if len(self.there) else empty
        self.there = np.append(self.there, np.zeros(more, dtype=bool))

    def missing(self, rows: np.ndarray) -> np.ndarray:
        """Those of the rows that were not sent yet, each once."""
        return np.unique(rows[~self.there[rows]])

    def put(self, rows: np.ndarray, places: Tensor, pixels: Tensor) -> None:
        """Rows of pixels (n, S, S, 3) into their places (n,), both on the card."""
        self.table.index_copy_(0, places, pixels)
        self.there[rows] = True


@dataclass(frozen=True)
class CardPixels(Pixels):
    """The images of one size as a training on a graphics card asks for them.

    Attributes:
        device: The card.
        resident: Whether images stay there from the first time that one is asked for.
    """

    device: torch.device = field(kw_only=True)
    resident: bool = field(kw_only=True)
    rows_there: ResidentRows = field(default_factory=ResidentRows, kw_only=True)

    def batch(self, indices: np.ndarray) -> Tensor:
        """As of `Pixels`, on the card if resident."""
        if not self.resident:
            return super().batch(indices)
        rows = self._rows(indices, np.zeros(len(indices), dtype=bool))
        return self._table(rows).index_select(0, self._sent(rows))

    def cut(
        self, indices: np.ndarray, corners: np.ndarray, *, patch_px: int, undegraded: np.ndarray
    ) -> Tensor:
        """As of `Pixels`, on the card if resident."""
        if not self.resident:
            return super().cut(indices, corners, patch_px=patch_px, undegraded=undegraded)
        rows = self._rows(indices, undegraded)
        table = self._table(rows)
        where = self._sent(np.column_stack([rows, corners]))
        along = torch.arange(patch_px, device=self.device)
        down = (where[:, 2, None] + along)[:, :, None]  # (n, P, 1)
        across = (where[:, 1, None] + along)[:, None, :]
        return table[where[:, 0, None, None], down, across]

    def ready(self, read: Tensor) -> Tensor:
        """In memory that the card reads by itself."""
        return read if self.resident else read.pin_memory()

    def sent(self, read: Tensor) -> Tensor:
        """On the card, or on its way there."""
        return sent(read, self.device)

    def ahead(self, items: Iterator[Item]) -> Iterator[Item]:
        """As they are if resident; else made in a thread while the card computes."""
        return items if self.resident else ahead(items)

    def _rows(self, indices: np.ndarray, undegraded: np.ndarray) -> np.ndarray:
        """Places in the table: of an image as it is shown, or of a degraded one's original."""
        originals = undegraded & (self.copy_index[indices] >= 0)
        return np.where(originals, len(self.clean) + self.copy_index[indices], indices)

    def _table(self, rows: np.ndarray) -> Tensor:
        """On the card, in which these rows are; others may not be there yet."""
        originals = len(self.degraded) if (rows >= len(self.clean)).any() else 0
        self.rows_there.make_room(len(self.clean) + originals, self.clean.shape[1], self.device)
        missing = self.rows_there.missing(rows)
        if len(missing):
            self.rows_there.put(
                missing, self._sent(missing), sent(self._read(missing), self.device)
            )
        return self.rows_there.table

    def _read(self, rows: np.ndarray) -> Tensor:
        """(n, S, S, 3), what is to lie in these rows of the table."""
        originals, images = rows >= len(self.clean), rows.copy()
        degraded = np.flatnonzero(self.copy_index >= 0)
        by_copy = degraded[np.argsort(self.copy_index[degraded])]
        images[originals] = by_copy[rows[originals] - len(self.clean)]
        read = self.images(images)
        read[originals] = self.clean[images[originals]]
        return torch.from_numpy(read)

    def _sent(self, numbers: np.ndarray) -> Tensor:
        return sent(torch.from_numpy(np.ascontiguousarray(numbers, dtype=np.int64)), self.device)


def on_card(images: ImageSet, device: torch.device, *, free_bytes: int) -> ImageSet:
    """The images for a graphics card, the smallest first kept on it as long as there is room.

    Args:
        images: Of the processor.
        free_bytes: Of the card's memory.
    """
    sizes = {"whole": images.whole, "for_patches": images.for_patches, "own": images.own}
    there = {name: pixels for name, pixels in sizes.items() if pixels is not None}
    room, moved = free_bytes * SHARE, {}
    for name, pixels in sorted(there.items(), key=lambda item: _bytes(item[1])):
        resident = _bytes(pixels) <= room
        room -= _bytes(pixels) if resident else 0
        moved[name] = card_pixels(pixels, device, resident=resident)
    return replace(images, **moved)


def card_pixels(pixels: Pixels, device: torch.device, *, resident: bool) -> CardPixels:
    """The same images for a card."""
    same = {each.name: getattr(pixels, each.name) for each in fields(Pixels)}
    return CardPixels(**same, device=device, resident=resident)


def _bytes(pixels: Pixels) -> int:
    return int(np.prod(pixels.clean.shape))
