"""Who is in the synthetic twin: patients, their eyes, grades and qualities in EyeQ's joint mix."""

from dataclasses import dataclass

import numpy as np

from bench.data.published import EYEQ_COUNTS
from bench.seeding import generator_for

PAIRED = {"train": 3929 / 8614, "test": 4201 / 12048}  # patients with both eyes
NUMBERS = {"train": (10_000, 30_000), "test": (30_000, 60_000)}
EYES = {1: "right", -1: "left"}


@dataclass(frozen=True)
class EyeToPhotograph:
    """One image to be taken."""

    split: str
    patient: str
    side: int
    grade: int
    quality: int

    @property
    def name(self) -> str:
        """EyePACS's way of naming files, without extension."""
        return f"{self.patient}_{EYES[self.side]}"


def cells(split: str, images: int) -> np.ndarray:
    """(5, 3) numbers of images, EyeQ's mix by largest remainders; no cell of 200 or more is empty.

    Args:
        images: Their sum.
    """
    joint = np.array(EYEQ_COUNTS[split], dtype=float)
    expected = joint / joint.sum() * images
    counts = np.floor(expected).astype(int)
    if images >= 200:
        counts = np.maximum(counts, 1)
    while counts.sum() != images:
        step = 1 if counts.sum() < images else -1
        gap = np.where(counts + step >= 1, (expected - counts) * step, -np.inf)
        counts[np.unravel_index(gap.argmax(), gap.shape)] += step
    return counts


def cohort(split: str, images: int, *, seed: int) -> list[EyeToPhotograph]:
    """All images of a split, in the order of their names; eyes of a pair have similar grades."""
    rng = generator_for(seed, "cohort", split)
    counts = cells(split, images)
    kinds = [(g, q) for g in range(5) for q in range(3) for _ in range(counts[g, q])]
    alike = np.argsort([g + rng.normal(0, 0.7) for g, _ in kinds], kind="stable")
    pairs = round(images * PAIRED[split] / (1 + PAIRED[split]))
    sizes = rng.permutation([2] * pairs + [1] * (images - 2 * pairs))
    numbers = rng.choice(np.arange(*NUMBERS[split]), len(sizes), replace=False)
    sittings, next_kind = [], iter(alike)
    for number, size in zip(numbers, sizes, strict=True):
        for side in rng.permutation([-1, 1])[:size]:
            grade, quality = kinds[next(next_kind)]
            sittings.append(EyeToPhotograph(split, str(number), int(side), grade, quality))
    return sorted(sittings, key=lambda s: s.name)
