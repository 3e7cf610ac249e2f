"""A CoMCL small enough for tests, with batches and queues to go with it."""

from typing import Any

import torch
from torch import Tensor

from comcl.model import CoMCL
from comcl.views import LEVELS

NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    # timm starts the last norm of a block at zero, which would hide weights from the gradient.
    "backbone_options": {"channels": (8, 8, 16, 16), "zero_init_last": False},
}


def tiny(**options: Any) -> CoMCL:
    torch.manual_seed(0)
    # Warm, so that in float32 even the easiest negative moves the loss.
    defaults: dict[str, Any] = NETWORK | {
        "queue_size": 12,
        "embedding_size": 8,
        "temperature": 0.5,
    }
    return CoMCL(**(defaults | options))


def batch_of(levels: str = "L L~ H H~", seed: int = 0, repeats: int = 4) -> dict[str, Tensor]:
    codes = [LEVELS.index(level) for level in levels.split()] * repeats
    generator = torch.Generator().manual_seed(seed)
    query, key = torch.randn(2, len(codes), 3, 32, 32, generator=generator)
    places = {"levels": torch.tensor(codes), "entries": torch.arange(len(codes))}
    return {"query": query, "key": key, **places}


def filled(model: CoMCL) -> CoMCL:
    generator = torch.Generator().manual_seed(7)
    for level in LEVELS:
        keys = torch.randn(10, model.encoders.query.dimensions, generator=generator)
        model.queue(level).enqueue(torch.nn.functional.normalize(keys))
    return model


def loss_at(model: CoMCL, step: int = 3) -> float:
    return model.loss(batch_of(), step=step, total_steps=10)[0].item()
