"""What a method is built from: its roster entry, the protocol, and the images of one run."""

from dataclasses import dataclass

import numpy as np
import torch

from bench.data.pixels import ImageSet
from bench.data.records import Dataset
from bench.protocol import Protocol
from bench.roster import Method


@dataclass(frozen=True)
class Materials:
    """What a recipe builds from.

    Attributes:
        name: Roster name of the method.
        boxes: "oracle", "given" or "random_lesion_crops".
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
