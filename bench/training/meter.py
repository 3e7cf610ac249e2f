"""What one epoch of training measured: means of what was logged, images, seconds."""

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Meter:
    """What one epoch measured, kept on the device until it is read."""

    def __init__(self) -> None:
        self.sums: dict[str, float | Tensor] = defaultdict(float)
        self.weights: dict[str, float] = defaultdict(float)
        self.images = 0
        self.started = time.perf_counter()

    def add(self, scalars: Mapping[str, float | Tensor], weight: float) -> None:
        """Note scalars of a part of a batch, `weight` its fraction of the batch."""
        for name, value in scalars.items():
            if isinstance(value, Tensor):
                value = value.detach().double()
            self.sums[name] += weight * value
            self.weights[name] += weight

    def count(self, images: int) -> None:
        """Note that so many more were seen."""
        self.images += images

    @property
    def images_per_second(self) -> float:
        """Of this epoch so far."""
        return self.images / (time.perf_counter() - self.started)

    def read(self) -> dict[str, Any]:
        """The means, each over the steps that logged it, and the speed."""
        train = {name: total / self.weights[name] for name, total in self._totals().items()}
        seconds = time.perf_counter() - self.started
        return {
            "train": train,
            "seconds": seconds,
            "images_per_second": self.images / seconds,
        }

    def _totals(self) -> dict[str, float]:
        """The sums, those of the device in one copy, in the order in which they were noted."""
        there = {name: total for name, total in self.sums.items() if isinstance(total, Tensor)}
        read = torch.stack([*there.values()]).tolist() if there else []
        numbers = dict(zip(there, read, strict=True))
        return {name: numbers.get(name, total) for name, total in self.sums.items()}
