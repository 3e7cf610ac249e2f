"""Zoom-in-Net: grade, see where the grade comes from, look there again in full resolution.

Paper: Wang et al., MICCAI 2017, arXiv:1706.04372. No code is public, and no full text could be
read: docs/reference/methods.md#zoom-in-net rests on the abstract.
Known [A]: a main network (M-Net), an attention network (A-Net) and a network for crops (C-Net), as
one zooms in; labels of whole images alone; four boxes an image.
From memory, unverified [M]: Inception-ResNet as the backbone, 492 px for M-Net, crops of 384 px out
of 1230 px, the boxes taken greedily at maxima of the attention.
Assumed [I], there being no source: layers and widths of A-Net, how its maps become one, the most
suspicious crop speaking for all, equal weights of the three losses, the phases, what is frozen in
them, their fractions of the epochs and learning rates, and everything about findings.
Shapes: B images of S x S pixels, C classes or findings, F features in maps of h x w, N crops of
P x P pixels.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import backbones, phases
from baselines.classifier import TASKS
from baselines.numerics import widened
from baselines.options import pick

# Name, fraction of the epochs, factor of the learning rate; assumed: 25, 5, 15 and 5 epochs.
PHASES = (("main", 0.5, 1.0), ("attention", 0.1, 1.0), ("crop", 0.3, 1.0), ("joint", 0.1, 0.1))
# The parts that a phase adds to those of the phases before, and trains alone; "joint" trains all.
ADDED = {
    "main": ("trunk", "main_head"),
    "attention": ("attention",),
    "crop": ("crop_trunk", "crop_head"),
    "joint": (),
}
TRAINED = {**ADDED, "joint": tuple(part for parts in ADDED.values() for part in parts)}
LOSSES = {**{name: (name,) for name in ADDED}, "joint": ("main", "attention", "crop")}

TAKEN = -1.0  # below every suspicion, which is at least zero
SAME_PEAK = 1e-4  # relative; what is this close to the highest may differ by rounding alone


class AttentionNet(nn.Module):
    """A-Net: scores of each position, and a gate that shares out one unit over the positions."""

    def __init__(self, features: int, num_classes: int, width: int):
        super().__init__()
        self.score = nn.Conv2d(features, num_classes, 1)
        self.gate = nn.Sequential(
            nn.Conv2d(features, width, 1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, num_classes, 1),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Attended scores, whose sum over positions is the logit.  (B, F, h, w) -> (B, C, h, w)."""
        scores, gate = widened(self.score(maps)), widened(self.gate(maps))
        return scores * gate.flatten(2).softmax(dim=2).reshape(gate.shape)


def weights_of_grades(logits: Tensor) -> Tensor:
    """Probability of each grade, none for grade 0, which shows no lesion.  (B, C) -> (B, C)."""
    return F.pad(logits.softmax(dim=1)[:, 1:], (1, 0))


def weights_of_findings(logits: Tensor) -> Tensor:
    """Probability of each finding over one half, of the likeliest where none is.  (B, C)."""
    probabilities = logits.sigmoid()
    likely = probabilities > 0.5
    likeliest = F.one_hot(probabilities.argmax(dim=1), logits.shape[1]).bool()
    return probabilities * torch.where(likely.any(dim=1, keepdim=True), likely, likeliest)


SUSPICION = {"grading": weights_of_grades, "findings": weights_of_findings}


def suspicion_map(attended: Tensor, weigh: Callable[[Tensor], Tensor]) -> Tensor:
    """R: what speaks for each class at a position, weighted.  (B, C, h, w) -> (B, h, w), >= 0."""
    weights = weigh(attended.sum(dim=(2, 3)))  # A-Net's own probabilities
    return (weights[:, :, None, None] * attended.relu()).sum(dim=1)


def greedy_corners(suspicion: Tensor, *, crops: int, crop_px: int) -> Tensor:
    """Boxes about the highest peak, each time outside the boxes before, kept inside the image.

    A flat map, of an image that shows nothing, is searched from the middle outwards (assumed).

    Args:
        suspicion: (B, H, W), >= 0, at the size of the image.
        crops: N, boxes an image; what is covered has no peak as long as another place is left.
        crop_px: P, their side; a box that would reach over the edge is moved in.

    Returns:
        (B, N, 2), top and left in pixels.

    Raises:
        ValueError: a crop is larger than the image.
    """
    height, width = suspicion.shape[1:]
    if crop_px > min(height, width):
        side = f"{min(height, width)}, the side of the image"
        raise ValueError(f"crop_px ({crop_px}) must be at most {side}: cut smaller crops")
    free, corners = suspicion, []
    for _ in range(crops):
        top, left = (_peaks(free) - crop_px // 2).split(1, dim=1)
        top, left = top.clamp(0, height - crop_px), left.clamp(0, width - crop_px)
        rows = _covered(top, height, crop_px)[:, :, None]
        columns = _covered(left, width, crop_px)[:, None, :]
        free = free.masked_fill(rows & columns, TAKEN)
        corners.append(torch.cat([top, left], dim=1))
    return torch.stack(corners, dim=1)


def _peaks(maps: Tensor) -> Tensor:
    """Row and column of the highest value; of equals, the nearest to their mean.  -> (B, 2)."""
    rows, columns = (torch.arange(size, device=maps.device) for size in maps.shape[1:])
    highest = maps.amax(dim=(1, 2), keepdim=True)
    equal = maps >= highest - SAME_PEAK * highest.abs()
    total = equal.sum(dim=(1, 2))[:, None]
    above = rows - (equal.sum(dim=2) * rows).sum(dim=1, keepdim=True) / total
    beside = columns - (equal.sum(dim=1) * columns).sum(dim=1, keepdim=True) / total
    distance = above[:, :, None] ** 2 + beside[:, None, :] ** 2
    nearest = distance.masked_fill(~equal, torch.inf).flatten(1).argmin(dim=1)
    return torch.stack([nearest // len(columns), nearest % len(columns)], dim=1)


def _covered(start: Tensor, size: int, crop_px: int) -> Tensor:
    """Which of `size` rows or columns a box from `start` (B, 1) covers.  (B, size)."""
    offset = torch.arange(size, device=start.device) - start
    return (offset >= 0) & (offset < crop_px)


def cut(images: Tensor, corners: Tensor, crop_px: int) -> Tensor:
    """The crops, image by image.  (B, 3, H, W), (B, N, 2) -> (B * N, 3, P, P)."""
    span = torch.arange(crop_px, device=images.device)
    rows = (corners[..., 0, None] + span)[:, :, :, None]  # (B, N, P, 1)
    columns = (corners[..., 1, None] + span)[:, :, None, :]  # (B, N, 1, P)
    which = torch.arange(len(images), device=images.device)[:, None, None, None]
    # Indexing on both sides of the channels puts them last: (B, N, P, P, 3).
    return images[which, :, rows, columns].movedim(-1, 2).flatten(0, 1)


def newest(logits: Tensor) -> Tensor:
    """What the last part says, in earlier phases the one just trained.  (parts, B, C) -> (B, C)."""
    return logits[-1]


def mean_of_softmaxes(logits: Tensor) -> Tensor:
    """Logarithm of the mean probability of all parts.  (parts, B, C) -> (B, C)."""
    return logits.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(logits))


def mean_of_sigmoids(logits: Tensor) -> Tensor:
    """The logit whose sigmoid is the mean probability of all parts.  (parts, B, C) -> (B, C)."""
    return F.logsigmoid(logits).logsumexp(dim=0) - F.logsigmoid(-logits).logsumexp(dim=0)


MEANS = {"grading": mean_of_softmaxes, "findings": mean_of_sigmoids}


class ZoomInNet(nn.Module):
    """M-Net, A-Net and C-Net, as far as the phase has come.

    Args:
        num_classes: C.
        task: "grading" or "findings".
        backbone: a timm architecture, of M-Net's backbone and, with other weights, of C-Net's.
        weights: "random", "imagenet" or a file, as in `backbones.create`, of both backbones.
        backbone_options: further arguments of the architecture.
        phase: a name in `PHASES`.
        low_px: the image is resized to this side for M-Net.
        crop_px: P, side of the crops, which are cut from the image as it is given.
        crops: N.
        attention_width: channels inside A-Net's gate.
        predict: "crop" decides by C-Net, "mean" by the mean probability of all three.

    Raises:
        ValueError: an unknown name; in a forward pass, crops larger than the image.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        task: str = "grading",
        backbone: str = "resnet50",
        weights: str | Path = "random",
        backbone_options: Mapping[str, Any] | None = None,
        phase: str = "joint",
        low_px: int = 492,
        crop_px: int = 384,
        crops: int = 4,
        attention_width: int = 256,
        predict: str = "crop",
    ):
        super().__init__()
        self.trained, self.loss_names = pick(TRAINED, phase, "phase"), LOSSES[phase]
        self.phase, self.low_px, self.crop_px, self.crops = phase, low_px, crop_px, crops
        self.loss_of, self.accuracy_of = pick(TASKS, task, "task")
        self.weigh = SUSPICION[task]
        self.decide = pick({"crop": newest, "mean": MEANS[task]}, predict, "predict")
        self.reached = list(ADDED)[: list(ADDED).index(phase) + 1]
        options = {"weights": weights, **(backbone_options or {})}
        # The backbone, called trunk because stored weights name it so.
        self.trunk = backbones.create(backbone, **options)
        features: int = self.trunk.num_features  # pyright: ignore
        self.main_head = nn.Linear(features, num_classes)
        if "attention" in self.reached:
            self.attention = AttentionNet(features, num_classes, attention_width)
        if "crop" in self.reached:
            self.crop_trunk = backbones.create(backbone, **options)
            self.crop_head = nn.Linear(2 * features, num_classes)
        self.frozen = phases.untrained(self, self.trained)
        phases.freeze(self, self.frozen)

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """Logits of the parts there are, in order, float32 or wider.  -> {name: (B, C)}."""
        maps = self.maps(images)
        pooled = maps.mean(dim=(2, 3))
        logits = {"main": widened(self.main_head(pooled))}
        if "attention" in self.reached:
            attended = self.attention(maps)
            logits["attention"] = attended.sum(dim=(2, 3))
            if "crop" in self.reached:
                zoomed = torch.cat([self.zoom(images, attended), pooled], dim=1)
                logits["crop"] = widened(self.crop_head(zoomed))
        return logits

    def maps(self, images: Tensor) -> Tensor:
        """M-Net's features of the image in low resolution.  (B, 3, S, S) -> (B, F, h, w)."""
        low = F.interpolate(images, (self.low_px,) * 2, mode="bilinear", antialias=True)
        return self.trunk(low)

    def zoom(self, images: Tensor, attended: Tensor) -> Tensor:
        """The highest feature of all crops.  (B, 3, S, S), (B, C, h, w) -> (B, F)."""
        crops = cut(images, self.corners(images, attended), self.crop_px)
        each = self.crop_trunk(crops).mean(dim=(2, 3))
        return each.unflatten(0, (len(images), self.crops)).amax(dim=1)

    @torch.no_grad()
    def corners(self, images: Tensor, attended: Tensor) -> Tensor:
        """Where to zoom in.  (B, 3, S, S), (B, C, h, w) -> (B, N, 2), top and left in pixels."""
        suspicion = suspicion_map(attended, self.weigh)[:, None]
        shown = F.interpolate(suspicion, images.shape[2:], mode="bilinear")[:, 0]
        return greedy_corners(shown, crops=self.crops, crop_px=self.crop_px)

    def forward(self, images: Tensor) -> Tensor:
        """One logit a class.  (B, 3, S, S) -> (B, C)."""
        return self.decide(torch.stack([*self.outputs(images).values()]))

    def saliency(self, images: Tensor) -> Tensor:
        """R, on the positions of M-Net's maps.  (B, 3, S, S) -> (B, h, w), >= 0.

        Raises:
            ValueError: the phase is "main", which has no attention yet.
        """
        if "attention" not in self.reached:
            raise ValueError(f"phase ({self.phase!r}) has no attention: ask a later phase")
        return suspicion_map(self.attention(self.maps(images)), self.weigh)

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum of the phase's losses, of {"images": (B, 3, S, S), "labels": (B,) or (B, C)}."""
        del step, total_steps  # the same at every step
        labels, outputs = batch["labels"], self.outputs(batch["images"])
        losses = {name: self.loss_of(outputs[name], labels) for name in self.loss_names}
        decision = self.decide(torch.stack([*outputs.values()])).detach()
        logs = {f"loss/{name}": loss.detach() for name, loss in losses.items()}
        logs["accuracy"] = self.accuracy_of(decision, labels)
        return torch.stack([*losses.values()]).sum(), logs

    def train(self, mode: bool = True) -> "ZoomInNet":
        """Switch batch statistics on, in the parts that this phase trains alone."""
        super().train(mode)
        phases.keep_frozen(self, self.frozen)
        return self

    def transfer(self, state: Mapping[str, Tensor]) -> None:
        """Start from all weights of the phase before, which lacks the parts added now and no more.

        Raises:
            backbones.WeightsMismatch: a tensor is missing, left over or of another shape.
        """
        phases.continue_from(self, state, added=ADDED[self.phase])
