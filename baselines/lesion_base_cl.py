"""Lesion-based contrastive learning: two views of a lesion find each other in the batch.

Paper: Huang et al., MICCAI 2021, arXiv:2107.08274.
Authors' code: YijinHuang/Lesion-based-Contrastive-Learning at 422c85e, modules.py and train.py:
ResNet50 with its pooling, MLP head, temperature 0.07, both views in one forward pass, NT-Xent over
all of them. Originally ImageNet weights, 1,000 epochs of 786 patches, SGD at 0.02 (config.py).
Nothing is reconstructed here. Other lesions are negatives, false ones included; neither grades
nor quality are used. The two views are of two crops, shifted independently around one lesion box
(data.py); the batch brings them so, unless a setting of the protocol says otherwise.
Shapes: B patches of P x P pixels, hence 2B views, D dimensions.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from baselines.contrastive import Encoder, relative_to_chance
from baselines.numerics import widened


def nt_xent(first: Tensor, second: Tensor, *, temperature: float) -> Tensor:
    """How hard it is to tell a view's partner from all other views: log(2B - 1) at chance.

    Args:
        first: (B, D), unit length.
        second: (B, D), the other views of the same lesions.
        temperature: > 0.

    Returns:
        (2B,), those of `first` before those of `second`; float32 or wider even under autocast.
    """
    views = torch.cat([first, second])
    views = widened(views)
    with torch.autocast(views.device.type, enabled=False):
        logits = views @ views.T / temperature  # (2B, 2B)
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    partner = logits.diagonal(len(first)).repeat(2)  # the matrix is symmetric
    return logits.masked_fill(itself, -torch.inf).logsumexp(dim=1) - partner


class LesionBaseCL(nn.Module):
    """One encoder, NT-Xent.

    Args:
        backbone: a timm architecture.
        weights: "random", "imagenet" or a file, as in `backbones.create`.
        backbone_options: further arguments of the architecture.
        temperature: > 0.
        head: a key of `baselines.contrastive.HEADS`; embedding_size: D.

    Raises:
        ValueError: an unknown name.
    """

    def __init__(
        self,
        *,
        backbone: str = "resnet50",
        weights: str | Path = "random",
        backbone_options: Mapping[str, Any] | None = None,
        temperature: float = 0.07,
        head: str = "mlp",
        embedding_size: int = 128,
    ):
        super().__init__()
        self.temperature = temperature
        self.encoder = Encoder(
            backbone,
            weights=weights,
            head=head,
            out=embedding_size,
            backbone_options=backbone_options,
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Embeddings of unit length.  (B, 3, P, P) -> (B, D)."""
        return self.encoder(patches)

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Mean NT-Xent of {"query", "key": (B, 3, P, P)}; rows of all levels are used alike.

        Returns:
            The loss, and scalars: "negatives", those of each view, and from two patches on
            "relative", the loss as a multiple of chance.
        """
        del step, total_steps  # the same at every step
        # One pass, so that batch statistics are those of both views.
        views = self.encoder(torch.cat([batch["query"], batch["key"]]))
        loss = nt_xent(*views.chunk(2), temperature=self.temperature).mean()
        negatives = len(views) - 2
        return loss, {"negatives": float(negatives), **relative_to_chance(loss, negatives)}

    def encoder_state(self) -> dict[str, Tensor]:
        """The encoder's backbone, for `Classifier.load_encoder`."""
        return self.encoder.trunk.state_dict()
