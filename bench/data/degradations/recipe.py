"""What a run does to the images it degrades: one of the two families, with its options."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.data.degradations.chain import Degradation, degrade
from bench.data.degradations.radiograph import degrade_radiograph
from bench.protocol.settings import Protocol


@dataclass(frozen=True)
class DegradationRecipe:
    """A family of degradations and its options; equal options give equal pixels.

    Attributes:
        options: Of `degrade` or `degrade_radiograph`, JSON values; a part of cached images' names.
            No option of the two has the same set of values.
        radiographs: Which of the two.
    """

    options: dict[str, Any]
    radiographs: bool = False

    @classmethod
    def of(cls, protocol: Protocol, modality: str) -> "DegradationRecipe":
        """What a protocol does to photographs ("fundus") or radiographs ("chest")."""
        general, chest = protocol.degradation, protocol.chest
        if modality == "fundus":
            return cls(
                {
                    "model": general.model,
                    "strength": general.strength,
                    "size_variant": general.size_variant,
                }
            )
        options = {
            "model": chest.degradation,
            "strength": general.strength,
            "severity": chest.severity,
            "corruption": chest.corruption,
        }
        return cls(options, radiographs=True)

    def apply(
        self, image: np.ndarray, mask: np.ndarray, *, data_seed: int, image_id: str
    ) -> tuple[np.ndarray, Degradation]:
        """The degraded image, uint8 (S, S, 3), and what was done to it; see the two functions."""
        family = degrade_radiograph if self.radiographs else degrade
        return family(image, mask, data_seed=data_seed, image_id=image_id, **self.options)
