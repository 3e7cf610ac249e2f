"""Batches from memory-mapped images: whole images with labels, or two views of patches by level.

An epoch's order and augmentation are drawn from seeds that name the epoch and the step, so a run
that resumes at an epoch sees what an uninterrupted one sees.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
        order = generator_for(*self.purpose, "order", number).permutation(self.indices)
        for step in range(len(self)):
            indices = order[step * self.batch : (step + 1) * self.batch]
            generator = torch.Generator().manual_seed(
                seed_for(*self.purpose, "augment", number, step)
            )
            images = torch.from_numpy(self.pixels.images(indices))
            yield {
                "images": self.augment(images, generator),
                "labels": torch.from_numpy(self.labels[indices]),
            }


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
        for step in range(self.steps):
            rng = generator_for(*self.purpose, "patches", number, step)
            second = generator_for(*self.purpose, "second windows", number, step)
            query, key, levels, entries = self._cut(rng, second)
            generator = torch.Generator().manual_seed(
                seed_for(*self.purpose, "augment", number, step)
            )
            yield {
                "query": self.augment(query, generator),
                "key": self.augment(key, generator),
                "levels": levels,
                "entries": entries,
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

    def cut(self, pool: patches.Pool, entries: np.ndarray, where: np.ndarray) -> np.ndarray:
        """(n, P, P, 3) uint8, the patches of some entries at corners (n, 2)."""
        undegraded = np.full(len(entries), pool.clean)
        return self.pixels.patches(
            pool.images[entries], where, patch_px=self.patch_px, undegraded=undegraded
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

    def _cut(
        self, rng: np.random.Generator, second: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, P, P, 3) uint8 patches of the queries and of the keys, (B,) codes of their levels.

        Last, their (B,) places in the pools of their levels.
        """
        parts = self.parts or dict.fromkeys(self.pools, 1)
        queries, keys, levels, drawn = [], [], [], []
        for level, pool in self.pools.items():
            each = self.batch * parts[level] // sum(parts.values())
            levels += [level] * each
            entries = patches.sample(pool, each, rng)
            views = [self.cut(pool, entries, at) for at in self.windows(pool, entries, rng, second)]
            queries.append(views[0])
            keys.append(views[-1])
            drawn.append(entries)
        query, key = (torch.from_numpy(np.concatenate(cut)) for cut in (queries, keys))
        return query, key, torch.tensor(levels), torch.from_numpy(np.concatenate(drawn))
