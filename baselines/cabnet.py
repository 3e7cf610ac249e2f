"""CABNet: a backbone, attention to channels and positions, attention to categories.

Paper: He A. et al., IEEE TMI 2021, doi:10.1109/TMI.2020.3023463; its full text could not be read.
Authors' code: he2016012996/CABnet at 50ba177, train.py (Keras, for academic purposes only); what
stands here was written from its formulas in docs/reference/methods.md#cabnet.
Known [C]: both blocks and their order, biases in every convolution, k = 5, global average pooling
and one linear layer, Keras' first weights (Glorot-uniform, biases zero); one epoch at 0.005 with
the backbone frozen, then 70 at 0.0001 with all trained; DenseNet-121 at 512 px, a map of 16 x 16 x
1024.
Ours differs: norms average as PyTorch's do (Keras: momentum 0.99); a frozen backbone keeps its
batch statistics; inputs are normalised, which they are not in the code.
As published, an image on which no detector fires has no attention and no gradient but that of the
last bias; a batch of few small maps gets stuck there now and then.
Assumed [I]: findings are categories too, with a sigmoid each in place of the softmax.
Shapes: B images of S x S pixels, C classes or findings, k detectors of each, F features in maps of
h x w.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from baselines import backbones, phases
from baselines.classifier import TASKS
from baselines.numerics import widened
from baselines.options import pick

# Name, fraction of the epochs, factor of the learning rate [C]: 1 epoch at 50 times the rate of 70.
PHASES = (("head", 1 / 71, 50.0), ("all", 70 / 71, 1.0))
FROZEN = {"head": ("trunk",), "all": ()}
ON_A_TRAINED_BACKBONE = ("head",)
"""Phases left out where the backbone starts from random weights.

A head that learns fast on random features saturates the gates of `GlobalAttention` before the
backbone has learnt anything (docs/reference/methods.md#cabnet).
"""


def as_in_keras(layer: nn.Module) -> None:
    """Draw the first weights of a layer by Glorot and Bengio 2010, biases zero; norms stay."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)


class GlobalAttention(nn.Module):
    """A gate on each channel, from its mean; then one on each place, from what the first lets by.

    Both lie between 0 and 1.
    """

    def __init__(self, features: int):
        super().__init__()
        self.squeeze = nn.Conv2d(features, features, 1)
        self.excite = nn.Conv2d(features, features, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, F, h, w) -> (B, F, h, w)."""
        means = maps.mean(dim=(2, 3), keepdim=True)
        channels = self.excite(self.squeeze(means).relu()).sigmoid()  # (B, F, 1, 1)
        attended = channels * maps
        positions = attended.mean(dim=1, keepdim=True).sigmoid()  # (B, 1, h, w)
        return positions * attended


class CategoryAttention(nn.Module):
    """Detectors of every category, and the places where categories that are present were found.

    Args:
        features: F.
        num_classes: C.
        detectors_per_class: k.

    Raises:
        ValueError: no detector at all.
    """

    def __init__(self, features: int, num_classes: int, detectors_per_class: int):
        super().__init__()
        if detectors_per_class < 1:
            raise ValueError(f"detectors_per_class ({detectors_per_class}) must be at least 1")
        self.num_classes = num_classes
        # The k detectors of a class stand side by side.
        detectors = num_classes * detectors_per_class
        self.detect = nn.Sequential(
            nn.Conv2d(features, detectors, 1), nn.BatchNorm2d(detectors), nn.ReLU()
        )

    def attention(self, maps: Tensor) -> Tensor:
        """Each class's places, weighted by its presence, float32 or wider.

        (B, F, h, w) -> (B, h, w), >= 0, without an upper end.
        """
        responses = widened(self.detect(maps)).unflatten(
            1, (self.num_classes, -1)
        )  # (B, C, k, h, w)
        presence = responses.amax(dim=(3, 4)).mean(dim=2)  # (B, C)
        positions = responses.mean(dim=2)  # (B, C, h, w)
        return (presence[:, :, None, None] * positions).mean(dim=1)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, F, h, w) -> (B, F, h, w)."""
        return maps * self.attention(maps)[:, None]


class CABNet(nn.Module):
    """Trunk, global attention, category attention, mean over positions, linear layer.

    Args:
        num_classes: C.
        task: "grading" or "findings".
        backbone: a timm architecture; the original settings take densenet121.
        weights: "random", "imagenet" or a file, as in `backbones.create`.
        backbone_options: further arguments of the architecture.
        phase: "head" leaves the backbone as it is, "all" trains everything.
        detectors_per_class: k.

    Raises:
        ValueError: an unknown name, or no detector at all.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        task: str = "grading",
        backbone: str = "resnet50",
        weights: str | Path = "random",
        backbone_options: Mapping[str, Any] | None = None,
        phase: str = "all",
        detectors_per_class: int = 5,
    ):
        super().__init__()
        self.frozen = pick(FROZEN, phase, "phase")
        self.loss_of, self.accuracy_of = pick(TASKS, task, "task")
        # The backbone, called trunk because stored weights name it so.
        self.trunk = backbones.create(backbone, weights=weights, **(backbone_options or {}))
        features: int = self.trunk.num_features  # pyright: ignore
        self.attend = GlobalAttention(features)
        self.categories = CategoryAttention(features, num_classes, detectors_per_class)
        self.classify = nn.Linear(features, num_classes)
        for part in (self.attend, self.categories, self.classify):
            part.apply(as_in_keras)
        phases.freeze(self, self.frozen)

    def forward(self, images: Tensor) -> Tensor:
        """One logit a class.  (B, 3, S, S) -> (B, C)."""
        maps = self.categories(self.attend(self.trunk(images)))
        return self.classify(maps.mean(dim=(2, 3)))

    def saliency(self, images: Tensor) -> Tensor:
        """The category attention.  (B, 3, S, S) -> (B, h, w), >= 0."""
        return self.categories.attention(self.attend(self.trunk(images)))

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of {"images": (B, 3, S, S), "labels": (B,) grades or (B, C) findings}."""
        del step, total_steps  # the same at every step
        logits, labels = self(batch["images"]), batch["labels"]
        accuracy = self.accuracy_of(logits.detach(), labels)
        return self.loss_of(logits, labels), {"accuracy": accuracy}

    def train(self, mode: bool = True) -> "CABNet":
        """Switch batch statistics on, save in what this phase leaves as it is."""
        super().train(mode)
        phases.keep_frozen(self, self.frozen)
        return self

    def transfer(self, state: Mapping[str, Tensor]) -> None:
        """Start from all weights of the phase before.

        Raises:
            backbones.WeightsMismatch: a tensor is missing, left over or of another shape.
        """
        phases.continue_from(self, state)
