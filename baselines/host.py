"""What Python has to know stays on the processor: asking a graphics card would mean waiting."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn


class KeptOnHost(nn.Module):
    """A module of which the buffers named in `on_host` do not move with it to another device."""

    on_host: ClassVar[tuple[str, ...]] = ()

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        kept = {name: getattr(self, name) for name in self.on_host}
        super()._apply(fn, recurse)
        for name, buffer in kept.items():
            setattr(self, name, buffer)
        return self


def rows(wanted: Tensor, device: torch.device) -> slice | Tensor:
    """Where (B,) of bool on the processor is true: a slice if side by side, else (n,) indices.

    Both pick the same rows of a tensor on `device`; a slice needs no copy.
    """
    found = wanted.nonzero().flatten()
    if not len(found):
        return slice(0)
    first, last = int(found[0]), int(found[-1])
    if len(found) == last - first + 1:
        return slice(first, last + 1)
    return sent(found, device)


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on the device; to a graphics card it is on its way, and nobody waits for it."""
    if device.type != "cuda" or tensor.device.type == "cuda":
        return tensor.to(device)
    pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
    return pinned.to(device, non_blocking=True)
