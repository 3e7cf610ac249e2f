"""Batches from memory-mapped images: whole images with labels, or two views of patches by level.

An epoch's order and augmentation are drawn from seeds that name the epoch and the step, so a run
that resumes at an epoch sees what an uninterrupted one sees.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.data import patches
from bench.data.pixels import Pixels
from bench.seeding import generator_for, seed_for

# (n, S, S, 3) uint8 and a seeded CPU generator -> (n, 3, S, S) float, normalised.
Augment = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class ImageBatches:
    """Shuffled images with labels.

    Attributes:
        indices: (n,) of the split.
        labels: (N,) grades, int64, or (N, C) findings, float32, of the whole data set.
        purpose: Parts of the seed: the run's seed and the stage.
    """

    pixels: Pixels
    indices: np.ndarray
    labels: np.ndarray
    batch: int
    augment: Augment
    purpose: tuple[str | int, ...]

    @property
    def foreign(self) -> str:
        """None: the images are of the run's data set."""
        return ""

    def __len__(self) -> int:
        return max(1, len(self.indices) // self.batch)

    def epoch(self, number: int) -> Iterator[dict[str, Tensor]]:
        """The batches of an epoch; the last images of the order that fill no batch wait."""
        for step, (indices, images) in enumerate(self.pixels.ahead(self._read(number))):
            generator = torch.Generator().manual_seed(
                seed_for(*self.purpose, "augment", number, step)
            )
            yield {
                "images": self.augment(images, generator),
                "labels": torch.from_numpy(self.labels[indices]),
            }

    def _read(self, number: int) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Indices and images of each batch of an epoch, as they are."""
        order = generator_for(*self.purpose, "order", number).permutation(self.indices)
        for step in range(len(self)):
            indices = order[step * self.batch : (step + 1) * self.batch]
            yield indices, self.pixels.ready(self.pixels.batch(indices))


@dataclass(frozen=True)
class LevelBatches:
    """Two augmented views of the same patches or boxes, the batch shared out among levels.

    Attributes:
        pools: Level code -> its patches.
        parts: Level code -> its part of a batch; None for even parts.
        steps: An epoch's number of batches.
        expansion: Where a box lies in its patch.
        own_window: Each view of a box is a patch of its own, shifted independently; else both are
            of one patch, as always those of a free crop (D56).
    """

    pixels: Pixels
    pools: dict[int, patches.Pool]
    image_px: int
    patch_px: int
    batch: int
    steps: int
    augment: Augment
    purpose: tuple[str | int, ...]
    parts: dict[int, int] | None = None
    expansion: patches.Expansion = "shifted"
    own_window: bool = False

    @property
    def foreign(self) -> str:
        """None: the images are of the run's data set."""
        return ""

    @property
    def indices(self) -> np.ndarray:
        """(n,) of the images that some patch is cut from, each once."""
        return np.unique(np.concatenate([pool.images for pool in self.pools.values()]))

    def __len__(self) -> int:
        return self.steps

    def epoch(self, number: int) -> Iterator[dict[str, Tensor]]:
        """The batches of an epoch."""
        for step, drawn in enumerate(self.pixels.ahead(self._drawn(number))):
            generator = torch.Generator().manual_seed(
                seed_for(*self.purpose, "augment", number, step)
            )
            query = self.pixels.sent(drawn.query)
            key = query if drawn.key is drawn.query else self.pixels.sent(drawn.key)
            yield {
                "query": self.augment(query, generator),
                "key": self.augment(key, generator),
                "levels": drawn.levels,
                "entries": drawn.entries,
            }

    def windows(
        self,
        pool: patches.Pool,
        entries: np.ndarray,
        rng: np.random.Generator,
        second: np.random.Generator,
    ) -> tuple[np.ndarray, ...]:
        """Upper left corners (n, 2) of the patches of the two views; once, where they are the same.

        Args:
            entries: (n,) positions in the pool.
            rng: For the query's patch.
            second: For the key's.
        """
        where = self._corners(pool, entries, rng)
        if not self.own_window:
            return (where,)
        own = self._corners(pool, entries, second)
        return where, np.where(pool.free[entries, None], where, own)

    def cut(self, pool: patches.Pool, entries: np.ndarray, where: np.ndarray) -> Tensor:
        """(n, P, P, 3) uint8, the patches of some entries at corners (n, 2)."""
        return self._cut([pool], [entries], [where])

    def _cut(
        self,
        pools: Sequence[patches.Pool],
        entries: Sequence[np.ndarray],
        where: Sequence[np.ndarray],
    ) -> Tensor:
        """Those of several pools, one after the other."""
        pairs = list(zip(pools, entries, strict=True))
        return self.pixels.cut(
            np.concatenate([pool.images[chosen] for pool, chosen in pairs]),
            np.concatenate(where),
            patch_px=self.patch_px,
            undegraded=np.concatenate([np.full(len(chosen), pool.clean) for pool, chosen in pairs]),
        )

    def _corners(
        self, pool: patches.Pool, entries: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        return patches.corners(
            pool,
            entries,
            image_px=self.image_px,
            patch_px=self.patch_px,
            rng=rng,
            region=self.pixels.region,
            visible=self.pixels.visible,
            expansion=self.expansion,
        )

    def _drawn(self, number: int) -> Iterator["DrawnPatches"]:
        """The patches of each batch of an epoch, as they are."""
        for step in range(self.steps):
            rng = generator_for(*self.purpose, "patches", number, step)
            second = generator_for(*self.purpose, "second windows", number, step)
            yield self._patches(rng, second)

    def _patches(self, rng: np.random.Generator, second: np.random.Generator) -> "DrawnPatches":
        parts, pools = self.parts or dict.fromkeys(self.pools, 1), list(self.pools.values())
        counts = [self.batch * parts[level] // sum(parts.values()) for level in self.pools]
        entries, views = [], []
        for pool, count in zip(pools, counts, strict=True):
            entries.append(patches.sample(pool, count, rng))
            views.append(self.windows(pool, entries[-1], rng, second))
        cut = [
            self.pixels.ready(self._cut(pools, entries, where))
            for where in zip(*views, strict=True)
        ]
        levels = np.repeat(list(self.pools), counts)
        numbers = (torch.from_numpy(each) for each in (levels, np.concatenate(entries)))
        return DrawnPatches(cut[0], cut[-1], *numbers)


class DrawnPatches(NamedTuple):
    """What both views of a batch are made from."""

    query: Tensor  # (B, P, P, 3) uint8
    key: Tensor  # the same tensor, where both views are of one patch
    levels: Tensor  # (B,) codes
    entries: Tensor  # (B,) places in the pools of their levels
