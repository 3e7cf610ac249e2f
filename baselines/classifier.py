"""The plain classifier: a backbone, global average pooling, one linear layer.

Paper: He et al., CVPR 2016 (ResNet); CoMCL's baseline, and the network that every contrastive
method is fine-tuned in. Findings take a sigmoid each in place of one softmax.
Shapes: B images of H x W pixels, C classes or findings, F features.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from baselines import backbones
from baselines.options import pick


def grading_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy.  (B, C) logits, (B,) grades -> scalar."""
    return F.cross_entropy(logits.float(), labels)


def findings_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross entropy, mean over findings.  (B, C) logits, (B, C) of 0 and 1 -> scalar."""
    return F.binary_cross_entropy_with_logits(logits.float(), labels.float())


def grading_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Proportion of images whose highest logit is the grade."""
    return (logits.argmax(dim=1) == labels).float().mean()


def findings_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Proportion of (image, finding) cells on the right side of one half."""
    return ((logits > 0) == (labels > 0.5)).float().mean()


TASKS = {
    "grading": (grading_loss, grading_accuracy),
    "findings": (findings_loss, findings_accuracy),
}


class Classifier(nn.Module):
    """Trunk, mean over positions, dropout, linear layer."""

    def __init__(
        self,
        num_classes: int,
        *,
        backbone: str = "resnet50",
        weights: str | Path = "random",
        task: str = "grading",
        dropout: float = 0.0,
        backbone_options: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.loss_of, self.accuracy_of = pick(TASKS, task, "task")
        # The backbone, called trunk because stored weights name it so.
        self.trunk = backbones.create(backbone, weights=weights, **(backbone_options or {}))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.trunk.num_features, num_classes)  # pyright: ignore

    def features(self, images: Tensor) -> Tensor:
        """Pooled features.  (B, 3, H, W) -> (B, F)."""
        return self.trunk(images).mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """One logit a class.  (B, 3, H, W) -> (B, C)."""
        return self.head(self.dropout(self.features(images)))

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of {"images": (B, 3, H, W), "labels": (B,) grades or (B, C) findings}."""
        del step, total_steps  # the same at every step
        logits, labels = self(batch["images"]), batch["labels"]
        accuracy = self.accuracy_of(logits.detach(), labels)
        return self.loss_of(logits, labels), {"accuracy": accuracy}

    def load_encoder(self, state: Mapping[str, Tensor]) -> None:
        """Start from a pretrained backbone.

        Raises:
            backbones.WeightsMismatch: a tensor is missing, left over or of another shape.
        """
        backbones.load_backbone(self.trunk, state, source="pretrained encoder")
