"""Where a network's own precision is not enough."""

import torch
from torch import Tensor


def widened(tensor: Tensor) -> Tensor:
    """In float32, or wider if it is: for softmax, sums and losses of half-precision features."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
