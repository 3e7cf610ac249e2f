"""A finding of a patient as one image has it."""

from dataclasses import dataclass

import numpy as np

from bench.seeding import generator_for


@dataclass(frozen=True)
class Trait:
    """A finding of a patient as one image has it.

    Attributes:
        side: Of the chest, -1 right, 1 left.
        extent: 0 slight, 1 severe.
        lobar: Of atelectasis.
        position_seed: Seeds what the patient's images share.
    """

    finding: str
    side: int
    extent: float
    lobar: bool
    position_seed: int

    def generator(self) -> np.random.Generator:
        """The same for all images of the patient."""
        return generator_for(self.position_seed, "place")
