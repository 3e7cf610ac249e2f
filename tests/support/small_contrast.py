"""Contrastive methods small enough for tests: a backbone, batches, a training, sizes by hand."""

from typing import Any

import torch
from torch import Tensor

NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    # timm starts the last norm of a block at zero, which would hide weights from the gradient.
    "backbone_options": {"channels": (8, 8, 16, 16), "zero_init_last": False},
}


def batch_of(levels: list[int], seed: int = 0, *, dtype: torch.dtype = torch.float32):
    """Noise; two views that have nothing in common."""
    generator = torch.Generator().manual_seed(seed)
    query, key = torch.randn(2, len(levels), 3, 32, 32, generator=generator, dtype=dtype)
    return {"query": query, "key": key, "levels": torch.tensor(levels)}


def alike(levels: list[int], seed: int = 0) -> dict[str, Tensor]:
    """Two views that are one patch; lesions and healthy patches differ in brightness."""
    batch = batch_of(levels, seed)
    batch["query"] = batch["key"] + (batch["levels"] < 2).float().view(-1, 1, 1, 1)
    batch["key"] = batch["query"].clone()
    return batch


def train(
    module: Any, batches: list[dict[str, Tensor]], lr: float = 1e-3, *, follow: bool = True
) -> list[dict[str, float]]:
    """What each step logged, its loss included; without `follow`, keys and queues stay put."""
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=lr)
    history = []
    for step, batch in enumerate(batches):
        optimizer.zero_grad()
        loss, logs = module.loss(batch, step=step, total_steps=len(batches))
        loss.backward()
        optimizer.step()
        if follow and hasattr(module, "after_step"):
            module.after_step()
        history.append({"loss": loss.item(), **{name: float(v) for name, v in logs.items()}})
    return history


def idle(module: torch.nn.Module) -> list[str]:
    """Weights to be trained that the last backward pass left without any gradient."""
    return [
        name
        for name, weight in module.named_parameters()
        if weight.requires_grad and (weight.grad is None or not weight.grad.any())
    ]


def resnet50_encoder_size(head: str = "mlp") -> int:
    """Weights of a ResNet50 up to its pooling and a head to 128, added up by hand.

    A convolution k x k from a to b has k * k * a * b, a batch norm of b channels 2 b.
    """
    total = 7 * 7 * 3 * 64 + 2 * 64
    channels = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        total += channels * 4 * width + 2 * 4 * width  # the first block's shortcut
        for _ in range(blocks):
            total += channels * width + 2 * width  # 1 x 1
            total += 9 * width * width + 2 * width  # 3 x 3
            total += width * 4 * width + 2 * 4 * width  # 1 x 1
            channels = 4 * width
    hidden = {"mlp": 2048 * 2048 + 2048, "linear": 0}[head]
    return total + hidden + 2048 * 128 + 128


def size(module: torch.nn.Module, *, trained: bool = False) -> int:
    """Number of weights."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained)
