"""Batches of which a stage sees random windows: the same window of an image and of its masks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.seeding import generator_for
from bench.training.batches import Batch
from bench.training.loop import Batches


@dataclass(frozen=True)
class CroppedBatches:
    """Batches cut to a square at one random place an image, drawn anew each time.

    Attributes:
        whole: Square maps (n, C, S, S) are cut, all of an image alike; what has other axes is kept.
        crop_px: Side of the window, at most S.
        purpose: Parts of the seed.
    """

    whole: Batches
    crop_px: int
    purpose: tuple[str | int, ...]

    @property
    def indices(self) -> np.ndarray:
        """Those of the whole images."""
        return self.whole.indices

    @property
    def foreign(self) -> str:
        """That of the whole images."""
        return self.whole.foreign

    def __len__(self) -> int:
        return len(self.whole)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        for step, batch in enumerate(self.whole.epoch(number)):
            rng = generator_for(*self.purpose, "crop", number, step)
            yield self._cut(batch, rng)

    def _cut(self, batch: Batch, rng: np.random.Generator) -> Batch:
        maps = {name: tensor for name, tensor in batch.items() if tensor.ndim == 4}
        count, _, _, side = next(iter(maps.values())).shape
        corners = rng.integers(0, side - self.crop_px + 1, size=(count, 2))
        return {**batch, **{name: self._windows(tensor, corners) for name, tensor in maps.items()}}

    def _windows(self, maps: Tensor, corners: np.ndarray) -> Tensor:
        side = self.crop_px
        cut = [m[:, y : y + side, x : x + side] for m, (y, x) in zip(maps, corners, strict=True)]
        return torch.stack(cut)
