"""Losses of DeepMT-DR: of images, of lesion masks, of answers; and who learns from a term.

Paper, code read, what is assumed and what is repaired: the header of `baselines.deepmt_dr`.
Shapes: B images of S x S pixels, M masks, C classes or findings.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.classifier import findings_accuracy, grading_accuracy
from baselines.numerics import widened

Terms = dict[str, Tensor]  # scalars by name

# Weights of the terms by phase: train_stage1_1.py, train_stage1_2.py, train_stage2.py.
STAGE_1_1 = {"mse": 1.0, "tv": 1e-6, "seg_perceptual": 0.4, "dice": 1.0, "focal": 1.0}
STAGE_1_2 = {"grading": 1.0, "seg_map": 1.0}
SUPER_RESOLUTION_2 = {"mse": 1.0, "tv": 1e-6, "seg_perceptual": 1.0, "map_perceptual": 10.0}
TERM_WEIGHTS = {
    "segmentation": STAGE_1_1,
    "super_resolution": STAGE_1_1,
    "grading": STAGE_1_2,
    "joint": SUPER_RESOLUTION_2 | {"grading": 1.0, "seg_map": 0.3},
}
DICE_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.1)  # MA, HM, HE, SE, background


def squared_error(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared difference.  Two tensors of one shape -> ()."""
    return F.mse_loss(widened(first), widened(second))


def total_variation(images: Tensor) -> Tensor:
    """Twice the mean squared step between neighbours, down plus across.  (B, C, H, W) -> ()."""
    images = widened(images)
    down, across = images.diff(dim=2), images.diff(dim=3)
    return 2 * (down.square().mean() + across.square().mean())


def image_terms(restored: Tensor, high: Tensor) -> Terms:
    """How far super-resolution is from the image, and how rough.  (B, 3, S, S) twice."""
    return {"mse": squared_error(restored, high), "tv": total_variation(restored)}


def whole_image(values: Tensor) -> Tensor:
    """A ratio for each image and mask.  (B, M, S, S) -> (B, M, S * S)."""
    return values.flatten(2)


def each_pixel(values: Tensor) -> Tensor:
    """A ratio for each pixel, as in the released code.  (B, M, S, S) -> (B, M, S * S, 1)."""
    return values.flatten(2).unsqueeze(3)


DICE = {"region": whole_image, "pixel": each_pixel}


def dice_loss(
    probabilities: Tensor,
    masks: Tensor,
    weights: Sequence[float] = DICE_WEIGHTS,
    *,
    over: Callable[[Tensor], Tensor] = whole_image,
) -> Tensor:
    """1 - (sum p t + 1) / (sum p^2 + sum t^2 + 1), mean over all that `over` leaves, weighted.

    There is no factor 2 above the line: a perfect mask of many pixels costs one half.

    Args:
        probabilities: p, (B, M, S, S) in [0, 1].
        masks: t, (B, M, S, S) in [0, 1].
        weights: one a mask; the M weighted losses are averaged, not divided by the weights' sum.
        over: a value of `DICE`.
    """
    p, t = over(widened(probabilities)), over(widened(masks))
    ratio = ((p * t).sum(dim=-1) + 1) / ((p.square() + t.square()).sum(dim=-1) + 1)
    losses = 1 - ratio.transpose(0, 1).flatten(1).mean(dim=1)  # (M,)
    return torch.stack([w * loss for w, loss in zip(weights, losses, strict=True)]).mean()


def focal_loss(logits: Tensor, masks: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss of a sigmoid a mask, summed over masks, mean over pixels.

    Each pixel counts for the first of its highest masks alone.

    Args:
        logits: (B, M, S, S).
        masks: (B, M, S, S).
        alpha: weight of the pixel's own mask; the others weigh 1 - alpha.
        gamma: how much less an easy pixel weighs.
    """
    logits = widened(logits)
    true_mask = F.one_hot(masks.argmax(dim=1), masks.shape[1]).movedim(3, 1)  # (B, M, S, S)
    toward = torch.where(true_mask == 1, logits, -logits)
    weight = torch.where(true_mask == 1, alpha, 1 - alpha) * torch.sigmoid(-toward) ** gamma
    return -(weight * F.logsigmoid(toward)).sum(dim=1).mean()


def grading_loss(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Cross entropy, weighted by the true class.  (B, C), (B,), (C,) or None -> ()."""
    return F.cross_entropy(widened(logits), labels, weights)


def findings_loss(logits: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    """Binary cross entropy, weighted by finding.  (B, C), (B, C), (C,) or None -> ()."""
    logits = widened(logits)
    return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), weights)


def grading_score(logits: Tensor) -> Tensor:
    """What a map explains: the logit of grade 0 where it wins, else the sum of the others.

    (B, C) -> (), summed over images.
    """
    healthy = logits.argmax(dim=1) == 0
    return torch.where(healthy, logits[:, 0], logits[:, 1:].sum(dim=1)).sum()


def findings_score(logits: Tensor) -> Tensor:
    """Assumed: the logits of the findings that are above zero; of all, where none is.

    (B, C) -> (), summed over images.
    """
    positive = logits > 0
    return (logits * (positive | ~positive.any(dim=1, keepdim=True))).sum()


class Task(NamedTuple):
    """What depends on whether an image has one grade or several findings."""

    loss: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    accuracy: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor], Tensor]


TASKS = {
    "grading": Task(grading_loss, grading_accuracy, grading_score),
    "findings": Task(findings_loss, findings_accuracy, findings_score),
}


def only_to(term: Tensor, target: Tensor) -> Tensor:
    """The term, with a gradient that reaches `target` and what made it, and nothing else.

    So one backward pass does what the released code does with an optimizer a network, each
    stepping on its own terms.
    """
    if not target.requires_grad:
        return term.detach()
    (slope,) = torch.autograd.grad(term, target, retain_graph=True)
    return term.detach() + (slope * (target - target.detach())).sum()


def more_to(term: Tensor, target: Tensor, weight: float) -> Tensor:
    """The term, of which `target` and what made it get `weight` times the gradient.

    All else gets it once, and the value is the term's.
    """
    if weight == 1 or not target.requires_grad:
        return term
    pull = only_to(term, target)
    return term + (weight - 1) * (pull - pull.detach())


def weighted(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The sum of the terms, each times its weight."""
    return torch.stack([weights[name] * term for name, term in terms.items()]).sum()
