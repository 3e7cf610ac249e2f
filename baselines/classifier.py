"""The plain classifier: a backbone, global average pooling, one linear layer.

Paper: He et al., CVPR 2016 (ResNet); CoMCL's baseline, and the network that every contrastive
method is fine-tuned in. Findings take a sigmoid each in place of one softmax.
Grades can be regressed instead, as Huang et al. do (arXiv 2110.14160): one output, squared error,
the nearest grade as the answer. The probabilities of that answer are assumed, see `nearness`.
Shapes: B images of H x W pixels, C classes or findings, F features.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import backbones
from baselines.numerics import widened
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


def regression_loss(severity: Tensor, target: Tensor) -> Tensor:
    """Squared error, mean over images, float32 or wider.  (B,), (B,) -> scalar."""
    severity = widened(severity)
    return F.mse_loss(severity, target.to(severity.dtype))


def nearness(severity: Tensor, num_classes: int) -> Tensor:
    """Log density of each grade under a normal of variance 1 about the severity (assumed).

    Squared error fits such a normal; a constant is left out. The highest is that of the nearest
    grade, which is what thresholds halfway between grades give; on a threshold the lower one.
    (B,) -> (B, C).
    """
    grades = torch.arange(num_classes, device=severity.device)
    return -((grades - severity[:, None]) ** 2) / 2


LOSSES = {"classification": False, "regression": True}


class Classifier(nn.Module):
    """Trunk, mean over positions, dropout, linear layer.

    Args:
        num_classes: C.
        backbone: a timm architecture.
        weights: "random", "imagenet" or a file, as in `backbones.create`.
        task: "grading" or "findings".
        loss: "classification", or "regression" of the grade by one output.
        dropout: before the linear layer.
        backbone_options: further arguments of the architecture.

    Raises:
        ValueError: an unknown name, or findings that are to be regressed.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        backbone: str = "resnet50",
        weights: str | Path = "random",
        task: str = "grading",
        loss: str = "classification",
        dropout: float = 0.0,
        backbone_options: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.loss_of, self.accuracy_of = pick(TASKS, task, "task")
        self.num_classes, self.regresses = num_classes, pick(LOSSES, loss, "loss")
        if self.regresses and task != "grading":
            raise ValueError(f"loss ({loss!r}) needs grades: task {task!r} takes 'classification'")
        # The backbone, called trunk because stored weights name it so.
        self.trunk = backbones.create(backbone, weights=weights, **(backbone_options or {}))
        self.dropout = nn.Dropout(dropout)
        outputs = 1 if self.regresses else num_classes
        self.head = nn.Linear(self.trunk.num_features, outputs)  # pyright: ignore

    def features(self, images: Tensor) -> Tensor:
        """Pooled features.  (B, 3, H, W) -> (B, F)."""
        return self.trunk(images).mean(dim=(2, 3))

    def outputs(self, images: Tensor) -> Tensor:
        """What the linear layer gives.  (B, 3, H, W) -> (B, C) logits, or (B, 1) severities."""
        return self.head(self.dropout(self.features(images)))

    def decide(self, outputs: Tensor) -> Tensor:
        """One logit a class.  (B, C) or (B, 1) -> (B, C)."""
        if not self.regresses:
            return outputs
        return nearness(widened(outputs).squeeze(1), self.num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """One logit a class.  (B, 3, H, W) -> (B, C)."""
        return self.decide(self.outputs(images))

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of {"images": (B, 3, H, W), "labels": (B,) grades or (B, C) findings}."""
        del step, total_steps  # the same at every step
        outputs, labels = self.outputs(batch["images"]), batch["labels"]
        accuracy = self.accuracy_of(self.decide(outputs).detach(), labels)
        if self.regresses:
            return regression_loss(outputs.squeeze(1), labels), {"accuracy": accuracy}
        return self.loss_of(outputs, labels), {"accuracy": accuracy}

    def load_encoder(self, state: Mapping[str, Tensor]) -> None:
        """Start from a pretrained backbone.

        Raises:
            backbones.WeightsMismatch: a tensor is missing, left over or of another shape.
        """
        backbones.load_backbone(self.trunk, state, source="pretrained encoder")
