"""Momentum contrast in parts: encoder and head, its slow copy, the queue of keys, InfoNCE.

Paper: He et al., CVPR 2020, arXiv:1911.05722, Algorithm 1 and section 3.2.
Authors' code: facebookresearch/moco, moco/builder.py.
Ours differs in two things: no batch shuffling, since we train on one device, and a queue starts
empty in place of random vectors.
Shapes: B patches, D dimensions, K slots of the queue.
"""

import math
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import backbones
from baselines.host import KeptOnHost
from baselines.options import pick


def mlp_head(in_features: int, out: int) -> nn.Module:
    """Two layers, as wide as the features (CoMCL's released modules.py, MoCo v2)."""
    return nn.Sequential(
        nn.Linear(in_features, in_features), nn.ReLU(), nn.Linear(in_features, out)
    )


def linear_head(in_features: int, out: int) -> nn.Module:
    """One layer (MoCo v1)."""
    return nn.Linear(in_features, out)


def no_head(in_features: int, out: int) -> nn.Module:
    """The features themselves; `out` has no meaning here."""
    return nn.Identity()


HEADS = {"mlp": mlp_head, "linear": linear_head, "none": no_head}


def projection_head(kind: str, in_features: int, out: int = 128) -> nn.Module:
    """Maps (B, in_features) to (B, out), or to (B, in_features) for "none".

    Source: docs/reference/open-questions.md#d3.
    """
    return pick(HEADS, kind, "head")(in_features, out)


class Encoder(nn.Module):
    """Trunk, global average pooling, projection head, unit length.

    Attributes:
        dimensions: D, the length of an embedding.
    """

    def __init__(
        self,
        backbone: str = "resnet50",
        *,
        weights: str | Path = "random",
        head: str = "mlp",
        out: int = 128,
        backbone_options: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        # The backbone, called trunk because stored weights name it so.
        self.trunk = backbones.create(backbone, weights=weights, **(backbone_options or {}))
        features: int = self.trunk.num_features  # pyright: ignore
        self.head = projection_head(head, features, out)
        self.dimensions = features if head == "none" else out

    def forward(self, patches: Tensor) -> Tensor:
        """Embeddings in float32 or wider, whatever autocast does.  (B, 3, H, W) -> (B, D)."""
        embeddings = self.head(self.trunk(patches).mean(dim=(2, 3)))
        wide = torch.promote_types(embeddings.dtype, torch.float32)
        return F.normalize(embeddings.to(wide), dim=1)


class MomentumPair(nn.Module):
    """An encoder that learns (`query`) and a copy that follows it slowly (`key`)."""

    def __init__(self, encoder: Encoder, momentum: float = 0.999):
        super().__init__()
        self.momentum = momentum
        self.query = encoder
        self.key = deepcopy(encoder).requires_grad_(False)

    @torch.no_grad()
    def update(self) -> None:
        """Weights of `key` become momentum * key + (1 - momentum) * query.

        Running statistics of batch norm are not averaged: the key encoder meets its own batches.
        """
        for slow, fast in zip(self.key.parameters(), self.query.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.momentum)


class KeyQueue(KeptOnHost):
    """The latest `size` keys; a ring in buffers, so that a checkpoint holds it."""

    on_host = ("filled", "pointer")
    slots: Tensor  # (K, D)
    filled: Tensor  # ()
    pointer: Tensor  # (), the slot that is written next

    def __init__(self, size: int, dimensions: int):
        super().__init__()
        if size < 1:
            raise ValueError(f"queue_size ({size}) must be at least 1 key")
        self.register_buffer("slots", torch.zeros(size, dimensions))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))

    def __len__(self) -> int:
        return int(self.filled)

    def keys(self) -> Tensor:
        """The keys in it, in no promised order; slots never filled are left out.  (filled, D)."""
        return self.slots[: len(self)]

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Let keys (B, D) in, for any B, and as many of the oldest out as there is no room for."""
        size, start = len(self.slots), int(self.pointer)
        keys = keys[-size:].to(self.slots.dtype)
        fits = min(len(keys), size - start)
        self.slots[start : start + fits] = keys[:fits]
        self.slots[: len(keys) - fits] = keys[fits:]
        self.pointer.fill_((start + len(keys)) % size)
        self.filled.fill_(min(len(self) + len(keys), size))

    @torch.no_grad()
    def clear(self) -> None:
        """Let all keys out: as it was made."""
        for buffer in self.buffers():
            buffer.zero_()


def contrast_logits(query: Tensor, key: Tensor, negatives: Tensor, *, temperature: float) -> Tensor:
    """Similarity of each query to its key (column 0), then to the negatives, over temperature.

    Args:
        query: (B, D), unit length, as all three.
        key: (B, D), the other view of each query's patch.
        negatives: (K, D), the same for all queries.
        temperature: > 0.

    Returns:
        (B, 1 + K), float32 or wider even under autocast.
    """
    wide = torch.promote_types(query.dtype, torch.float32)
    with torch.autocast(query.device.type, enabled=False):
        query, key, negatives = query.to(wide), key.to(wide), negatives.to(wide)
        positive = (query * key).sum(dim=1, keepdim=True)
        return torch.cat([positive, query @ negatives.T], dim=1) / temperature


def info_nce(query: Tensor, key: Tensor, negatives: Tensor, *, temperature: float) -> Tensor:
    """How hard it is to tell a query's key from the negatives: log(1 + K) at chance.

    Arguments as in `contrast_logits`.

    Returns:
        (B,), float32 or wider; 0 without any negative.
    """
    logits = contrast_logits(query, key, negatives, temperature=temperature)
    return logits.logsumexp(dim=1) - logits[:, 0]


def info_nce_of_batch(query: Tensor, key: Tensor, *, temperature: float) -> Tensor:
    """As `info_nce`, where a query's negatives are the keys of the batch's other queries.

    Args:
        query: (B, D), unit length.
        key: (B, D), the other view of each query's patch.
        temperature: > 0.

    Returns:
        (B,), float32 or wider; log(B) at chance.
    """
    others = contrast_logits(query, key, key, temperature=temperature)[:, 1:]
    return others.logsumexp(dim=1) - others.diagonal()


def relative_to_chance(loss: Tensor, negatives: int) -> dict[str, Tensor]:
    """{"relative": loss / log(1 + K)} to log: 1 tells nothing apart, as after a collapse.

    Losses alone do not compare over a training in which the queue fills. Empty where K is 0.
    """
    return {"relative": loss.detach() / math.log1p(negatives)} if negatives else {}
