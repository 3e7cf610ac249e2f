"""MoCo: each image is told from the images of earlier batches by its other view.

Paper: He et al., CVPR 2020, arXiv:1911.05722, Algorithm 1; CoMCL's Table 2 calls it "Basic CL".
Authors' code: facebookresearch/moco, moco/builder.py and README (queue 65,536, momentum 0.999,
temperature 0.07, linear head, eight devices, from scratch). CoMCL's released code is a MoCo too:
IntelliDAL/Image at 3913b63, CoMCL/modules.py 155-194 and 282-319 (queue 7,200, MLP head, one
device, ImageNet weights). Nothing is reconstructed; that "Basic CL" means the latter, on whole
images, is assumed (docs/reference/open-questions.md#d41).
Ours differs in two things: the queue starts empty, so the very first step has no negative and a
loss of zero; and the eight devices, whose batch statistics MoCo keeps apart, are groups of one
batch on one device, as in the authors' colab demo (`--bn-splits 8`). Without a queue, negatives are
the other keys of the batch, as in version 3 (Chen et al., ICCV 2021, arXiv:2104.02057,
Algorithm 1); its predictor and second direction of the loss are left out.
The key encoder follows after the step; Algorithm 1 lets it follow before the next, which is the
same sequence.
Shapes: B images of P x P pixels, D dimensions, K keys in the queue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from baselines.contrastive import (
    Encoder,
    KeyQueue,
    MomentumPair,
    info_nce,
    info_nce_of_batch,
    relative_to_chance,
)
from baselines.host import sent
from baselines.options import pick


class Told(NamedTuple):
    """How hard the queries of a batch were to tell from their negatives."""

    losses: Tensor  # (B,)
    negatives: int  # of each query


@dataclass(frozen=True)
class Preset:
    """What one source says about the method itself.

    Attributes:
        queue_size: K.
        momentum: Of the key encoder, a step.
        temperature: > 0.
        head: A key of `baselines.contrastive.HEADS`.
        groups: Parts of a batch that normalise on their own, in place of devices; 1 is no
            shuffling, which leaves a query and its key the same batch statistics: a known shortcut.
        negatives: A key of `NEGATIVES`.
    """

    queue_size: int
    momentum: float
    temperature: float
    head: str
    groups: int
    negatives: str = "queue"


PRESETS = {
    # IntelliDAL/Image at 3913b63, CoMCL/modules.py:155-194; the shuffle is commented out (291, 297)
    "comcl_code": Preset(7200, 0.999, 0.07, "mlp", groups=1),
    # facebookresearch/moco, main_moco.py and README; v2 is head "mlp" and temperature 0.2
    "original": Preset(65536, 0.999, 0.07, "linear", groups=8),
}


def of_queue(query: Tensor, keys: Tensor, queue: KeyQueue, temperature: float) -> Told:
    """Negatives are the keys of earlier batches (Algorithm 1)."""
    negatives = queue.keys()
    return Told(info_nce(query, keys, negatives, temperature=temperature), len(negatives))


def of_batch(query: Tensor, keys: Tensor, queue: KeyQueue, temperature: float) -> Told:
    """Negatives are the keys of the batch's other images (version 3)."""
    del queue
    return Told(info_nce_of_batch(query, keys, temperature=temperature), len(keys) - 1)


NEGATIVES = {"queue": of_queue, "batch": of_batch}


def in_groups(encoder: nn.Module, images: Tensor, order: Tensor, groups: int) -> Tensor:
    """Embeddings of images that are normalised group by group, in the images' own order.

    Args:
        encoder: (n, 3, P, P) -> (n, D).
        images: (B, 3, P, P).
        order: (B,), a permutation; its consecutive parts are the groups.
        groups: As many as there are, with two images each at least.

    Returns:
        (B, D).
    """
    parts = images[order].tensor_split(max(1, min(groups, len(images) // 2)))
    return torch.cat([encoder(part) for part in parts])[order.argsort()]


class MoCo(nn.Module):
    """Query encoder, momentum key encoder, one queue, InfoNCE.

    Args:
        backbone: a timm architecture.
        weights: "random", "imagenet" or a file, as in `backbones.create`.
        backbone_options: further arguments of the architecture.
        preset: a key of `PRESETS`; the keywords below are the preset's where None.
        queue_size, momentum, temperature, head, groups, negatives: as in `Preset`.
        embedding_size: D.

    Raises:
        ValueError: an unknown name, or no room in the queue.
    """

    def __init__(
        self,
        *,
        backbone: str = "resnet50",
        weights: str | Path = "random",
        backbone_options: Mapping[str, Any] | None = None,
        preset: str = "comcl_code",
        queue_size: int | None = None,
        momentum: float | None = None,
        temperature: float | None = None,
        head: str | None = None,
        groups: int | None = None,
        negatives: str | None = None,
        embedding_size: int = 128,
    ):
        super().__init__()
        explicit = {
            "queue_size": queue_size,
            "momentum": momentum,
            "temperature": temperature,
            "head": head,
            "groups": groups,
            "negatives": negatives,
        }
        chosen = {name: value for name, value in explicit.items() if value is not None}
        self.settings = replace(pick(PRESETS, preset, "preset"), **chosen)
        self._tell_apart = pick(NEGATIVES, self.settings.negatives, "negatives")
        encoder = Encoder(
            backbone,
            weights=weights,
            head=self.settings.head,
            out=embedding_size,
            backbone_options=backbone_options,
        )
        self.queue = KeyQueue(self.settings.queue_size, encoder.dimensions)
        self.encoders = MomentumPair(encoder, self.settings.momentum)
        self.pending: list[Tensor] = []  # keys of this optimizer step, not yet in the queue

    def forward(self, images: Tensor) -> Tensor:
        """Embeddings of unit length.  (B, 3, P, P) -> (B, D)."""
        return self.encoders.query(images)

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Mean InfoNCE of {"query", "key": (B, 3, P, P)}; rows of all levels are used alike.

        Returns:
            The loss, and scalars: "negatives" of each query and, once there are any, "relative",
            the loss as a multiple of chance.
        """
        del step, total_steps  # the same at every step
        query, keys = self._embed(batch["query"], batch["key"])
        if self.training:
            self.pending.append(keys)
        losses, negatives = self._tell_apart(query, keys, self.queue, self.settings.temperature)
        loss = losses.mean()
        return loss, {"negatives": float(negatives), **relative_to_chance(loss, negatives)}

    def _embed(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Queries in groups as they come, keys, without gradient, in groups drawn anew."""
        groups = self.settings.groups
        straight = torch.arange(len(query), device=query.device)
        shuffled = sent(torch.randperm(len(key)), key.device) if groups > 1 else straight
        with torch.no_grad():
            keys = in_groups(self.encoders.key, key, shuffled, groups)
        return in_groups(self.encoders.query, query, straight, groups), keys

    def after_step(self) -> None:
        """Let the key encoder follow, and the keys of this step into the queue."""
        self.encoders.update()
        for keys in self.pending:
            self.queue.enqueue(keys)
        self.pending.clear()

    def encoder_state(self) -> dict[str, Tensor]:
        """The query encoder's backbone, for `Classifier.load_encoder`."""
        return self.encoders.query.trunk.state_dict()
