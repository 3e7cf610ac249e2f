"""LANet: a branch in the middle tells diseased from healthy, and shows the rest where it looked.

Paper: Hou J. et al., ICASSP 2023, "Diabetic Retinopathy Grading with Weakly-Supervised Lesion
Priors"; its full text could not be read.
Authors' code: FDU-VTS/LANet at 1cf6db7, models/*_lanet.py and main_lanet.py.
Known [C]: the branch on the map of stride 16 (ResNet: layer3; Inception-v3: Mixed_6e; DenseNet: the
third dense block, normalised and rectified), its class activation map through which gradients
pass, the two ways in which the losses are added, "any disease" as what the branch learns.
Ours differs: a flat activation map is no attention for its image, where the code divides 0 by 0
unless the whole batch is flat; no dropout before the last layer (the code's Inception-v3 has 0.5).
Assumed [I]: findings, the branch learning whether there is any.
Shapes: B images of S x S pixels, C classes or findings, F features in the branch's map of h x w.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import backbones
from baselines.classifier import TASKS
from baselines.numerics import widened
from baselines.options import pick

BRANCH_STRIDE = 16
TRIED_PX = 96  # the least that Inception-v3 takes is 75


def graded(labels: Tensor) -> Tensor:
    """Whether there is disease in grades (B,): all but grade 0.  (B,) of 0 and 1."""
    return (labels > 0).long()


def any_finding(labels: Tensor) -> Tensor:
    """Whether there is disease in findings (B, C).  (B,) of 0 and 1."""
    return (labels > 0.5).any(dim=1).long()


DISEASED = {"grading": graded, "findings": any_finding}


def activation_map(maps: Tensor, logits: Tensor, weight: Tensor) -> Tensor:
    """What speaks for the likelier class at each position, float32 or wider.

    (B, F, h, w), (B, 2), (2, F) -> (B, h, w).
    """
    chosen = widened(weight)[logits.argmax(dim=1)]  # (B, F)
    return (chosen[:, :, None, None] * widened(maps)).mean(dim=1)


def stretched(maps: Tensor) -> Tensor:
    """From 0 to 1 in each image, 0 where it is flat.  (B, h, w) -> (B, h, w)."""
    lowest = maps.amin(dim=(1, 2), keepdim=True)
    span = maps.amax(dim=(1, 2), keepdim=True) - lowest
    return (maps - lowest) / span.masked_fill(span == 0, 1)


class FixedWeights(nn.Module):
    """The sum of the losses."""

    def forward(self, losses: Tensor) -> Tensor:
        """(2,) -> scalar."""
        return losses.sum()


class AdaptiveWeights(nn.Module):
    """Each loss over a learned scale, plus the scale's logarithm; scales start at 1."""

    def __init__(self):
        super().__init__()
        self.log_scales = nn.Parameter(torch.zeros(2))

    def forward(self, losses: Tensor) -> Tensor:
        """(2,) -> scalar; below zero when a loss is below 1 / e and its scale has followed."""
        return (losses * torch.exp(-self.log_scales) + self.log_scales).sum()


LOSS_WEIGHTS = {"fixed": FixedWeights, "adaptive": AdaptiveWeights}


def no_norm(features: int) -> nn.Module:
    """The map as the backbone gives it (the code's ResNet and Inception-v3)."""
    return nn.Identity()


def batch_norm(features: int) -> nn.Module:
    """The map normalised and rectified (the code's DenseNet)."""
    return nn.Sequential(nn.BatchNorm2d(features), nn.ReLU())


BRANCH_NORMS = {"none": no_norm, "batch": batch_norm}


class LANet(nn.Module):
    """Backbone to stride 16, binary branch, attention, rest of the backbone, mean, linear layer.

    Args:
        num_classes: C.
        task: "grading" or "findings".
        backbone: a timm architecture that is a chain of modules, such as ResNet, DenseNet,
            EfficientNet and Inception-v3.
        weights: "random", "imagenet" or a file, as in `backbones.create`.
        backbone_options: further arguments of the architecture.
        loss_weights: "fixed" or "adaptive".
        branch_norm: "none", or "batch" for backbones whose map is neither normalised nor rectified.

    Raises:
        ValueError: an unknown name, or a backbone that cannot be cut in two.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        task: str = "grading",
        backbone: str = "resnet50",
        weights: str | Path = "random",
        backbone_options: Mapping[str, Any] | None = None,
        loss_weights: str = "fixed",
        branch_norm: str = "none",
    ):
        super().__init__()
        self.loss_of, self.accuracy_of = pick(TASKS, task, "task")
        self.diseased = DISEASED[task]
        options = dict(backbone_options or {})
        # The backbone, called trunk because stored weights name it so.
        self.trunk: Any = backbones.create(backbone, weights=weights, **options)
        branch_at, features = _branch(self.trunk, backbone)
        steps = list(_steps(self.trunk, branch_at))
        cut = steps.index(branch_at) + 1
        self.early, self.late = steps[:cut], steps[cut:]
        self.norm = pick(BRANCH_NORMS, branch_norm, "branch_norm")(features)
        self.recognise = nn.Linear(features, 2)
        self.join = nn.Conv2d(2 * features, features, 1, bias=False)
        self.classify = nn.Linear(self.trunk.num_features, num_classes)
        self.weigh = pick(LOSS_WEIGHTS, loss_weights, "loss_weights")()

    def branch(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, S, S) -> (B, F, h, w) map, (B, 2) healthy or diseased, (B, h, w) attention."""
        maps = self.norm(self._run(self.early, images))
        logits = self.recognise(maps.mean(dim=(2, 3)))
        attention = stretched(activation_map(maps, logits, self.recognise.weight))
        return maps, logits, attention

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, S, S) -> (B, 2) healthy or diseased, (B, C) logits."""
        maps, recognised, attention = self.branch(images)
        joined = self.join(torch.cat([attention[:, None] * maps, maps], dim=1))
        features = self._run(self.late, joined).mean(dim=(2, 3))
        return recognised, self.classify(features)

    def forward(self, images: Tensor) -> Tensor:
        """One logit a class.  (B, 3, S, S) -> (B, C)."""
        return self.outputs(images)[1]

    def saliency(self, images: Tensor) -> Tensor:
        """The attention.  (B, 3, S, S) -> (B, h, w), 0 to 1."""
        return self.branch(images)[2]

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Both losses of {"images": (B, 3, S, S), "labels": (B,) grades or (B, C) findings}."""
        del step, total_steps  # the same at every step
        labels = batch["labels"]
        recognised, logits = self.outputs(batch["images"])
        recognition = F.cross_entropy(widened(recognised), self.diseased(labels))
        classification = self.loss_of(logits, labels)
        logs = {
            "loss/recognise": recognition.detach(),
            "loss/classify": classification.detach(),
            "accuracy": self.accuracy_of(logits.detach(), labels),
        }
        return self.weigh(torch.stack([recognition, classification])), logs

    def _run(self, steps: list[str], x: Tensor) -> Tensor:
        for name in steps:
            x = self.trunk.get_submodule(name)(x)
        return x


def _branch(network: Any, backbone: str) -> tuple[str, int]:
    """Name and channels of the module after which the map has stride 16.

    Raises:
        ValueError: the backbone has no such map, or its modules one after the other are not it.
    """
    maps = [info for info in network.feature_info if info["reduction"] == BRANCH_STRIDE]
    refusal = (
        f"backbone ({backbone!r}) must be a chain of modules with a map of stride "
        f"{BRANCH_STRIDE}: take a ResNet, DenseNet, EfficientNet or Inception-v3"
    )
    if not maps:
        raise ValueError(refusal)
    steps = list(_steps(network, maps[-1]["module"]))
    try:
        chained = _is_chain(network, steps)
    except Exception as error:  # whatever a module raises that is not made for what it is given
        raise ValueError(refusal) from error
    if not chained:
        raise ValueError(refusal)
    return maps[-1]["module"], maps[-1]["num_chs"]


@torch.no_grad()
def _is_chain(network: Any, steps: Iterable[str]) -> bool:
    """Whether modules one after the other give what the network gives, on one small image."""
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    values = torch.linspace(-1, 1, 3 * TRIED_PX**2, device=device)
    image = values.reshape(1, 3, TRIED_PX, TRIED_PX)
    chained, whole = image, network(image)
    for name in steps:
        chained = network.get_submodule(name)(chained)
    network.train(was_training)
    return (
        chained.shape == whole.shape
        and chained.shape[1] == network.num_features
        and (device.type == "meta" or bool(torch.allclose(chained, whole)))  # which has no values
    )


def _steps(module: nn.Module, branch_at: str, prefix: str = "") -> Iterator[str]:
    """Names of the modules in the order of use; what holds the branching point is opened."""
    for name, child in module.named_children():
        path = prefix + name
        if branch_at.startswith(f"{path}."):
            yield from _steps(child, branch_at, f"{path}.")
        else:
            yield path
