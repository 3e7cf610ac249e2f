"""How many lesions of which kind an eye has, by its grade of diabetic retinopathy.

Grades follow the International Clinical Diabetic Retinopathy scale (Wilkinson et al., 2003):
1 microaneurysms only; 2 more than that, less than 3; 3 more than 20 haemorrhages in each quadrant,
or venous beading in two, or IRMA in one; 4 neovascularisation or preretinal haemorrhage.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Burden:
    """What one eye has, drawn from its grade.

    Attributes:
        haemorrhages: In each quadrant.
        irma: Intraretinal microvascular abnormalities.
        beading: Swings of venous calibre.
    """

    microaneurysms: int = 0
    haemorrhages: tuple[int, ...] = (0, 0, 0, 0)
    exudate_clusters: int = 0
    soft_exudates: int = 0
    irma: int = 0
    beading: float = 0.0
    tufts: int = 0
    preretinal: int = 0

    @classmethod
    def draw(cls, grade: int, rng: np.random.Generator) -> "Burden":
        """A burden that the scale gives this grade."""
        return (_none, _mild, _moderate, _severe, _proliferative)[grade](rng)

    @property
    def grade(self) -> int:
        """The grade of the scale for this burden."""
        if self.tufts or self.preretinal:
            return 4
        if min(self.haemorrhages) > 20 or self.beading or self.irma:
            return 3
        if sum(self.haemorrhages) or self.exudate_clusters or self.soft_exudates:
            return 2
        return 1 if self.microaneurysms else 0


def _none(rng: np.random.Generator) -> Burden:
    return Burden()


def _mild(rng: np.random.Generator) -> Burden:
    return Burden(microaneurysms=int(rng.integers(3, 14)))


def _moderate(rng: np.random.Generator) -> Burden:
    total = 3 + int(min(rng.lognormal(1.9, 0.6), 25))
    spread = rng.multinomial(total, rng.dirichlet((2, 2, 2, 2)))
    return Burden(
        microaneurysms=int(rng.integers(3, 20)),
        haemorrhages=tuple(int(v) for v in spread),
        exudate_clusters=int(rng.choice([0, 1, 2, 3], p=[0.35, 0.3, 0.2, 0.15])),
        soft_exudates=int(rng.choice([0, 1, 2], p=[0.65, 0.2, 0.15])),
    )


def _severe(rng: np.random.Generator) -> Burden:
    by_count = rng.random() < 0.5
    low, high = (21, 30) if by_count else (9, 20)
    return Burden(
        microaneurysms=int(rng.integers(10, 40)),
        haemorrhages=tuple(int(v) for v in rng.integers(low, high, 4)),
        exudate_clusters=int(rng.integers(0, 4)),
        soft_exudates=int(rng.integers(1, 6)),
        irma=0 if by_count else int(rng.integers(1, 4)),
        beading=0.0 if by_count else rng.uniform(0.25, 0.45),
    )


def _proliferative(rng: np.random.Generator) -> Burden:
    new = rng.random() < 0.75
    return Burden(
        microaneurysms=int(rng.integers(4, 25)),
        haemorrhages=tuple(int(v) for v in rng.integers(1, 10, 4)),
        exudate_clusters=int(rng.integers(0, 3)),
        soft_exudates=int(rng.integers(0, 4)),
        tufts=int(rng.integers(1, 4)) if new else 0,
        preretinal=0 if new and rng.random() < 0.4 else int(rng.integers(1, 3)),
    )
