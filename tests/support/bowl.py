"""Something small to train: a convex loss, and batches of random vectors."""

import math

import numpy as np
import torch
from torch import nn

from bench.seeding import seed_for


class Bowl(nn.Module):
    """A convex float64 loss without batch statistics; notes what the loop asked of it."""

    def __init__(self, first_nan=math.inf):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(5, 2, dtype=torch.float64)
        self.first_nan = first_nan
        self.asked = []

    def loss(self, batch, *, step, total_steps):
        self.asked.append((step, total_steps, len(batch["images"])))
        loss = (self.linear(batch["images"]) ** 2).mean()
        if step >= self.first_nan:
            loss = loss * math.nan
        return loss, {"twice": 2 * loss.detach(), "step": float(step)}


class Vectors:
    """Batches of the given sizes, another draw each epoch."""

    indices = np.empty(0, dtype=np.int64)
    foreign = "random vectors"

    def __init__(self, *sizes):
        self.sizes = sizes

    def __len__(self):
        return len(self.sizes)

    def epoch(self, number):
        generator = torch.Generator().manual_seed(seed_for("batches", number))
        for size in self.sizes:
            yield {"images": torch.rand(size, 5, generator=generator, dtype=torch.float64)}
