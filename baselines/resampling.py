"""Resizing and pooling whose gradients are the same each time, on a graphics card too.

Shapes: B images of H x W pixels and C channels; F features.
"""

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.numerics import widened


def resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic with a kernel as wide as the shrinking (Pillow's), cut off at zero.

    (B, C, H, W) -> (B, C, *size).
    """
    wide = widened(images)
    if wide.is_cuda and wide.requires_grad:
        return resize_by_matrices(wide, size).clamp_min(0)
    return F.interpolate(wide, size, mode="bicubic", antialias=True).clamp_min(0)


def resize_by_matrices(images: Tensor, size: tuple[int, int]) -> Tensor:
    """The same, not cut off: on a graphics card the gradient of `F.interpolate` is not repeatable.

    (B, C, H, W) -> (B, C, *size), to rounding.
    """
    down, across = (
        _weights(before, after, images.device, images.dtype)
        for before, after in zip(images.shape[2:], size, strict=True)
    )
    return down @ images @ across.T


@cache
def _weights(before: int, after: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Of each of `before` places in each of `after` ones.  (after, before)."""
    with torch.inference_mode(False), torch.no_grad():
        each = torch.eye(before, dtype=dtype)[None, None]
        weights = F.interpolate(each, (after, before), mode="bicubic", antialias=True)
        return weights[0, 0].to(device)


def shrink(images: Tensor, factor: int) -> Tensor:
    """The low-resolution view in [0, 1].  (B, 3, S, S) in [0, 1] -> (B, 3, ceil(S/f), ceil(S/f)).

    Where f does not divide S, the right and lower edge are repeated first.
    """
    height, width = images.shape[-2:]
    images = F.pad(images, (0, -width % factor, 0, -height % factor), mode="replicate")
    size = (images.shape[-2] // factor, images.shape[-1] // factor)
    return resize(images, size).clamp_max(1)


def pyramid_pool(features: Tensor, levels: Sequence[int] = (4, 2, 1)) -> Tensor:
    """The maximum of each cell of an n x n grid, for each n of the levels.

    (B, F, h, w) -> (B, F * sum of n squared), any h and w: cells of a smaller map overlap.
    """
    pool = highest_of_cells if features.is_cuda else F.adaptive_max_pool2d
    return torch.cat([pool(features, n).flatten(1) for n in levels], dim=1)


def highest_of_cells(features: Tensor, n: int) -> Tensor:
    """As `F.adaptive_max_pool2d`, whose gradient is not repeatable on a graphics card.

    (B, F, h, w) -> (B, F, n, n).
    """
    cells = [
        features[:, :, top:bottom, left:right].flatten(2).max(dim=2).values
        for top, bottom in _cells(features.shape[2], n)
        for left, right in _cells(features.shape[3], n)
    ]
    return torch.stack(cells, dim=2).unflatten(2, (n, n))


def _cells(side: int, n: int) -> list[tuple[int, int]]:
    """Where each of n parts of a side begins and ends; they overlap where it is no multiple."""
    return [(i * side // n, -(-(i + 1) * side // n)) for i in range(n)]
