"""What a method is built from: its roster entry, the protocol, and the images of one run."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from bench.data.pixels import ImageSet
from bench.data.records import Dataset
from bench.lesions.lesion_masks import MaskedPhotographs
from bench.protocol.settings import Protocol
from bench.roster import Method


def input_side(method: Method, protocol: Protocol) -> int:
    """Side of the images that a method's classifier is given."""
    group = method.input_from
    return getattr(protocol, group).image_px if group else protocol.data.image_px


def own_px(method: Method, protocol: Protocol) -> int | None:
    """Side of a method's input where it is larger than all sizes that methods share, else None.

    None as well for a network that is to be given its images enlarged.
    """
    side, data = input_side(method, protocol), protocol.data
    shared = side <= max(data.image_px, data.patch_image_px)
    return None if shared or method.options.get("enlarged") else side


@dataclass(frozen=True)
class RunContext:
    """What a recipe builds from.

    Attributes:
        name: Roster name of the method.
        images: With the boxes that patches are cut around.
        boxes: Where those are from: "oracle", "given", "detector", "file", "random_lesion_crops",
            or "none".
        located: What a detector or a file of boxes says of itself, and how many images have a box.
        origins: "detector" -> where and with what it was trained, if one located the boxes.
        masked: Photographs with lesion masks, None where the method learns from none.
        degraded: (N,) bool.
        weights: "random", "imagenet" or a file.
        device: Where training happens.
    """

    name: str
    method: Method
    protocol: Protocol
    dataset: Dataset
    images: ImageSet
    degraded: np.ndarray
    boxes: str
    weights: str
    seed: int
    device: torch.device
    masked: MaskedPhotographs | None = None
    located: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Any] = field(default_factory=dict)
