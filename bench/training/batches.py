"""A batch, and its way to the device that trains on it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from baselines.host import sent

Batch = dict[str, Tensor]
"""Tensors by name; the first axis of each is the image."""

ON_HOST = ("levels",)
"""What stays on the processor, since Python reads it."""


def size(batch: Batch) -> int:
    """How many images it has."""
    return len(next(iter(batch.values())))


def on_device(batch: Batch, device: torch.device) -> Batch:
    """The batch as a module's `loss` is given it."""
    return {n: each if n in ON_HOST else sent(each, device) for n, each in batch.items()}


def parts(batch: Batch, count: int, device: torch.device) -> Iterator[tuple[float, Batch]]:
    """Up to `count` consecutive parts of it on the device, each with its fraction of the batch."""
    chunks = [tensor.chunk(count) for tensor in batch.values()]
    for tensors in zip(*chunks, strict=True):
        part = on_device(dict(zip(batch, tensors, strict=True)), device)
        yield size(part) / size(batch), part
