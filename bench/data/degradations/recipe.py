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
        noise_px: Side of the square whose pixels the levels of noise count, where the images are
            larger; None for the images' own.
    """

    options: dict[str, Any]
    radiographs: bool = False
    noise_px: int | None = None

    @classmethod
    def of(
        cls, protocol: Protocol, modality: str, noise_px: int | None = None
    ) -> "DegradationRecipe":
        """What a protocol does to photographs ("fundus") or radiographs ("chest")."""
        general, chest = protocol.degradation, protocol.chest
        if modality == "fundus":
            return cls(
                {
                    "model": general.model,
                    "strength": general.strength,
                    "size_variant": general.size_variant,
                    "blur_px": general.blur_px,
                }
            )
        options = {
            "model": chest.degradation,
            "strength": general.strength,
            "severity": chest.severity,
            "corruption": chest.corruption,
        }
        return cls(options, radiographs=True, noise_px=noise_px)

    def apply(
        self, image: np.ndarray, mask: np.ndarray, *, data_seed: int, image_id: str
    ) -> tuple[np.ndarray, Degradation]:
        """The degraded image, uint8 (S, S, 3), and what was done to it; see the two functions."""
        which: dict[str, Any] = {"data_seed": data_seed, "image_id": image_id}
        if self.radiographs:
            which["noise_px"] = self.noise_px
            return degrade_radiograph(image, mask, **which, **self.options)
        return degrade(image, mask, **which, **self.options)
