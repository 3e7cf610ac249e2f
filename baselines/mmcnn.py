"""MMCNN (M2CNN): a network that grows with the resolution, for classification and regression.

Paper: Zhou et al., EMBC 2018, arXiv:1808.10564. No code is public, and no full text could be read:
docs/reference/methods.md#mmcnn rests on the abstract.
Known [A]: depth and input resolution grow step by step (multi-cell); the label is predicted by
classification and by regression (multi-task).
From memory, unverified [M]: Inception-ResNet-v2 at 224, 448 and 720 px, cross entropy plus squared
error.
Assumed [I], there being no source: the cell, and that each resolution adds one; that a phase
starts from all weights of the phase before; dropout, weight of the regression, fractions of the
epochs and learning rates; how two outputs become one decision; what is regressed where findings
replace grades.
Shapes: B images of S x S pixels, C classes or findings, F features in maps of h x w.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import backbones, phases
from baselines.classifier import TASKS, nearness, regression_loss
from baselines.numerics import widened
from baselines.options import pick

# Name, fraction of the epochs, factor of the learning rate; assumed: 10, 10 and 15 epochs, and half
# the learning rate at each step up.
PHASES = (("low", 10 / 35, 1.0), ("middle", 10 / 35, 1 / 2), ("high", 15 / 35, 1 / 4))


class Cell(nn.Module):
    """A bottleneck beside a pooling, both halving the map (assumed; 23 -> 12 -> 6 positions).

    Its last norm starts at zero, so that a new cell is plain pooling at first: the mean over
    positions stays what the heads of the phase before were trained on.
    """

    def __init__(self, features: int):
        super().__init__()
        inner = features // 4
        last = nn.BatchNorm2d(features)
        nn.init.zeros_(last.weight)
        self.bottleneck = nn.Sequential(
            nn.Conv2d(features, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, features, 1, bias=False),
            last,
        )
        # A window over the edge of an odd map averages the positions that exist.
        self.pooling = nn.AvgPool2d(2, ceil_mode=True)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, F, h, w) -> (B, F, ceil(h / 2), ceil(w / 2)), >= 0."""
        return torch.relu(self.bottleneck(maps) + self.pooling(maps))


def grade(labels: Tensor) -> Tensor:
    """What is regressed for grades (B,): the grade itself.  (B,)."""
    return labels


def count(labels: Tensor) -> Tensor:
    """What is regressed for findings (B, C): their number in units of sqrt(C) (assumed).  (B,).

    So the squared error is divided by C, as the cross entropy, a mean over findings, is.
    """
    return labels.sum(dim=1) / math.sqrt(labels.shape[1])


SEVERITY = {"grading": grade, "findings": count}


def by_class(logits: Tensor, severity: Tensor | None) -> Tensor:
    """The classification alone."""
    return logits


def by_rounding(logits: Tensor, severity: Tensor) -> Tensor:
    """The regression alone: the grade next to it, which is what rounding and clipping gives."""
    return nearness(widened(severity), logits.shape[1])


def by_both(logits: Tensor, severity: Tensor) -> Tensor:
    """The grade next to the mean of the regression and the classification's expected grade."""
    grades = torch.arange(logits.shape[1], device=logits.device)
    expected = (widened(logits).softmax(dim=1) * grades).sum(dim=1)
    return nearness((widened(severity) + expected) / 2, logits.shape[1])


DECISIONS: dict[str, Callable[..., Tensor]] = {
    "argmax": by_class,
    "rounded": by_rounding,
    "combined": by_both,
}
MTL_TARGETS = {"severity": True, "none": False}


class MMCNN(nn.Module):
    """Trunk, no cell to two, mean over positions, dropout, a linear layer for each task.

    Args:
        num_classes: C.
        task: "grading" or "findings".
        backbone: a timm architecture; the original settings take inception_resnet_v2.
        weights: "random", "imagenet" or a file, as in `backbones.create`.
        backbone_options: further arguments of the architecture.
        phase: a name in `PHASES`; what is trained is the network of that resolution.
        resolutions: pixels, one for each phase; images of any other size are resized.
        dropout: before the linear layers.
        mtl_target: "severity" regresses the grade, or the number of findings (see `count`);
            "none" leaves the regression out.
        regression_weight: lambda, of the squared error.
        predict: "argmax", "rounded" or "combined", a key of `DECISIONS`; the latter two need a
            regressed grade.

    Raises:
        ValueError: an unknown name, a number of resolutions that is not that of the phases, or a
            prediction from a grade that is not regressed.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        task: str = "grading",
        backbone: str = "resnet50",
        weights: str | Path = "random",
        backbone_options: Mapping[str, Any] | None = None,
        phase: str = "high",
        resolutions: Sequence[int] = (224, 448, 720),
        dropout: float = 0.5,
        mtl_target: str = "severity",
        regression_weight: float = 1.0,
        predict: str = "argmax",
    ):
        super().__init__()
        cells = pick(
            {name: position for position, (name, _, _) in enumerate(PHASES)}, phase, "phase"
        )
        if len(resolutions) != len(PHASES):
            raise ValueError(f"resolutions ({resolutions}) must be {len(PHASES)}, one per phase")
        regresses = pick(MTL_TARGETS, mtl_target, "mtl_target")
        self.loss_of, self.accuracy_of = pick(TASKS, task, "task")
        self.severity_of, self.decide = SEVERITY[task], pick(DECISIONS, predict, "predict")
        if predict != "argmax" and not (regresses and task == "grading"):
            raise ValueError(
                f"predict ({predict!r}) needs a regressed grade: choose 'argmax', or task "
                "'grading' with mtl_target 'severity'"
            )
        self.resolution, self.regression_weight = resolutions[cells], regression_weight
        # The backbone, called trunk because stored weights name it so.
        self.trunk = backbones.create(backbone, weights=weights, **(backbone_options or {}))
        features: int = self.trunk.num_features  # pyright: ignore
        self.cells = nn.Sequential(*(Cell(features) for _ in range(cells)))
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(features, num_classes)
        self.regress = nn.Linear(features, 1) if regresses else None

    def features(self, images: Tensor) -> Tensor:
        """Pooled features at the resolution of the phase.  (B, 3, S, S) -> (B, F)."""
        size = (self.resolution, self.resolution)
        resized = F.interpolate(images, size, mode="bilinear", antialias=True)
        return self.cells(self.trunk(resized)).mean(dim=(2, 3))

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Both tasks.  (B, 3, S, S) -> (B, C) logits, (B,) severity or None without regression."""
        features = self.dropout(self.features(images))
        severity = None if self.regress is None else self.regress(features).squeeze(1)
        return self.classify(features), severity

    def forward(self, images: Tensor) -> Tensor:
        """One logit a class, of the decision that `predict` names.  (B, 3, S, S) -> (B, C)."""
        return self.decide(*self.outputs(images))

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of {"images": (B, 3, S, S), "labels": (B,) grades or (B, C) findings}."""
        del step, total_steps  # the same at every step
        labels = batch["labels"]
        logits, severity = self.outputs(batch["images"])
        total = self.loss_of(logits, labels)
        decision = self.decide(logits, severity).detach()
        logs = {"accuracy": self.accuracy_of(decision, labels), "loss/classify": total.detach()}
        if severity is not None:
            error = regression_loss(severity, self.severity_of(labels))
            total = total + self.regression_weight * error
            logs["loss/regress"] = error.detach()
        return total, logs

    def transfer(self, state: Mapping[str, Tensor]) -> None:
        """Start from all weights of the phase before, which lacks this phase's cell and no more.

        Raises:
            backbones.WeightsMismatch: a tensor is missing, left over or of another shape.
        """
        phases.continue_from(self, state, added=(f"cells.{len(self.cells) - 1}",))
