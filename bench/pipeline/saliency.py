"""Where a trained network looks: its own attention, else Grad-CAM; and whether that is a lesion.

`saliency.npz` of a run holds the maps of a few fixed test images, so that pages need no weights,
and for every test image with lesion boxes whether the map's peak hits one (`bench.evaluation.
pointing`).
"""

import math
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from bench.evaluation import pointing
from bench.pipeline import build
from bench.pipeline.context import RunContext
from bench.seeding import seed_for

KEPT = 12
KEPT_PX = 32
BATCH = 32
LEAST_CELLS = 7
"""A side of a map; assumed: as the published networks' last map has of 224 pixels."""


def explain(network: nn.Module, context: RunContext) -> dict[str, np.ndarray]:
    """What `saliency.npz` holds.

    Returns:
        Nothing for a network without a map of its own and without a `trunk` (a user's file); else
        `image_id` (n,) text and `map` (n, 32, 32) float16 in [0, 1], of at most 12 images, the same
        for every method; `pointed_id` (m,), `hit` (m,) bool and `chance` (m,) of all test images
        that show lesions and have boxes.
    """
    if not _can_be_explained(network):
        return {}
    dataset, boxes = context.dataset, context.images.boxes
    test = dataset.where("test")
    lesion = test[dataset.task.shows_lesions(dataset.labels()[test])]
    boxed = np.array([i for i in lesion if len(boxes[i])], dtype=np.int64)
    shown = boxed if len(boxed) else lesion
    kept = sorted(shown, key=lambda i: seed_for(0, "saliency", dataset.records[i].image_id))[:KEPT]
    explained = np.union1d(np.array(kept, dtype=np.int64), boxed)
    maps = dict(zip(explained.tolist(), _maps(network, context, explained), strict=True))
    lesion_boxes = [boxes[i] for i in boxed]
    side = context.protocol.data.patch_image_px
    pointed = [maps[i] for i in boxed.tolist()]
    return {
        "image_id": np.array([dataset.records[i].image_id for i in kept]),
        "map": np.array([_small(maps[i]) for i in kept], dtype=np.float16).reshape(
            -1, KEPT_PX, KEPT_PX
        ),
        "pointed_id": np.array([dataset.records[i].image_id for i in boxed]),
        "hit": pointing.hits(pointed, lesion_boxes, image_px=side),
        "chance": pointing.chance(lesion_boxes, image_px=side),
    }


def pointing_scores(explained: dict[str, np.ndarray]) -> dict[str, float]:
    """The pointing game's score and what chance would score; nan without any box."""
    if not len(explained["hit"]):
        return {"pointing_game": math.nan, "pointing_chance": math.nan}
    return {
        "pointing_game": float(explained["hit"].mean()),
        "pointing_chance": float(explained["chance"].mean()),
    }


def _can_be_explained(network: nn.Module) -> bool:
    names = {name for name, _ in network.named_children()}
    return hasattr(network, "saliency") or "trunk" in names


def _maps(network: nn.Module, context: RunContext, indices: np.ndarray) -> list[np.ndarray]:
    """One map an image, in eval mode; the mode is restored."""
    was_training = network.training
    network.eval()
    prepare, pixels = build.prepare(context), build.pixels(context)
    maps: list[np.ndarray] = []
    for part in np.split(indices, range(BATCH, len(indices), BATCH)):
        images = prepare(pixels.batch(part))
        maps += list(_saliency(network, images).float().cpu().numpy())
    network.train(was_training)
    return maps


def _saliency(network: Any, images: torch.Tensor) -> torch.Tensor:
    """(B, 3, S, S) -> (B, h, w), by the method's own map where it has one."""
    from baselines.classifier import Classifier
    from baselines.saliency import grad_cam

    if hasattr(network, "saliency"):
        with torch.no_grad():
            return network.saliency(images)
    layer = _layer(network.trunk, images.shape[-1])
    if isinstance(network, Classifier) and network.regresses:
        severity, first = _Severity(network).eval(), torch.zeros(len(images), dtype=torch.long)
        return grad_cam(severity, images, first.to(images.device), layer=f"network.{layer}")
    with torch.no_grad():
        targets = network(images).argmax(dim=1)
    return grad_cam(network, images, targets, layer=layer)


class _Severity(nn.Module):
    """A regressed grade as the one logit to explain: the grades' own logits fall on both sides."""

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network.outputs(images)


def _layer(backbone: Any, image_px: int) -> str:
    """The deepest map that can tell places apart: the last one, but for small protocols' images."""
    steps = [(step["module"], step["reduction"]) for step in getattr(backbone, "feature_info", ())]
    if not steps or image_px / steps[-1][1] >= LEAST_CELLS:
        return "trunk"
    fine = [name for name, reduction in steps if image_px / reduction >= LEAST_CELLS]
    return f"trunk.{fine[-1]}" if fine else "trunk"


def _small(saliency_map: np.ndarray) -> np.ndarray:
    """A map at a size to keep, from 0 to 1."""
    resized = cv2.resize(
        saliency_map.astype(np.float32), (KEPT_PX, KEPT_PX), interpolation=cv2.INTER_AREA
    )
    spread = float(np.ptp(resized))
    return (resized - resized.min()) / spread if spread else np.zeros_like(resized)
