"""Whose chest: a patient's build, the same in all radiographs of that patient.

Lengths in centimetres. Normal adults: inner chest 24 to 32 wide, lungs 21 to 29 high on a full
breath, the right dome the higher one by up to 3 in nine of ten, the heart 0.40 to 0.50 of the
chest's width, the great vessels above the windpipe's fork about 5 wide (textbook values; within
them assumed).
"""

from dataclasses import dataclass

import numpy as np

Pair = tuple[float, float]


@dataclass(frozen=True)
class Patient:
    """What all radiographs of a patient share.

    Attributes:
        half_width: Of the ribcage where it is widest.
        sides: Of the right and the left half, relative to that.
        cone: Above 1 a ribcage that narrows towards its top, below 1 a barrel.
        height: Of the lungs on a full breath.
        arch: How far a dome rises above the costophrenic angle.
        dome_gap: How much higher the right dome is.
        dome_at: Where a dome is highest, as a fraction of the half width.
        angle: How steeply a dome falls to the costophrenic angle, an exponent.
        heart: Cardiothoracic ratio in a PA view on a full breath.
        heart_right: Proportion of it to the right of the middle.
        heart_lean, heart_round: How low its apex lies, how full its left border is; 0 to 1.
        pedicle: Width of the great vessels, relative to the usual.
        aorta, unfolded: Size of the knob, and how far the ageing aorta bulges to both sides.
        breast_at, breast_drop: Its middle, as a fraction of the half width and from the usual.
        trunk: How far the lung artery's trunk shows below the knob, 0 to 1.
        hilum: Size of the hila, relative to the usual.
        clavicle: How much higher a collar bone's outer end is.
        rib_gap, rib_drop: Distance of the ribs and how steeply they fall, relative to the usual.
    """

    male: bool
    half_width: float
    sides: Pair
    cone: float
    height: float
    fat: float
    arch: float
    dome_gap: float
    dome_at: float
    angle: float
    heart: float
    heart_right: float
    heart_lean: float
    heart_round: float
    pedicle: float
    aorta: float
    unfolded: float
    trunk: float
    hilum: float
    breast: float
    breast_at: float
    breast_drop: float
    scoliosis: float
    shoulder: float
    clavicle: float
    rib_gap: float
    rib_drop: float
    bone: float
    markings: float
    pacemaker: bool
    clips: bool
    granuloma: bool
    nipples: bool

    @classmethod
    def draw(cls, male: bool, age: int, rng: np.random.Generator) -> "Patient":
        """A patient of a sex and age at random."""
        size = 1 - 0.04 * max(0, 14 - age)
        old = float(np.clip((age - 30) / 50, 0, 1))
        uneven = float(np.clip(rng.normal(0, 0.022), -0.06, 0.06))
        return cls(
            male=male,
            half_width=size * (_around(rng, 14.5, 1.0) if male else _around(rng, 13.2, 0.9)),
            sides=(1 - uneven, 1 + uneven),
            cone=float(np.exp(_around(rng, 0.0, 0.17))),
            height=size * (_around(rng, 25.2, 1.8) if male else _around(rng, 23.3, 1.7)),
            fat=float(rng.beta(1.6, 2.4)),
            arch=size * _around(rng, 3.9, 0.8),
            dome_gap=_around(rng, 1.2, 0.85),
            dome_at=rng.uniform(0.40, 0.56),
            angle=rng.uniform(1.9, 3.2),
            heart=_around(rng, 0.45, 0.03),
            heart_right=rng.uniform(0.25, 0.36),
            heart_lean=rng.uniform(0.0, 1.0),
            heart_round=rng.uniform(0.0, 1.0),
            pedicle=_around(rng, 1.0, 0.1),
            aorta=float(0.5 + 0.5 * old * rng.uniform(0.4, 1.3) + rng.normal(0, 0.1)),
            unfolded=old * rng.uniform(0.0, 1.0),
            trunk=rng.uniform(0.0, 1.0),
            hilum=_around(rng, 1.0, 0.17),
            breast=0.0 if male or age < 14 else rng.uniform(0.3, 1.0),
            breast_at=rng.uniform(0.5, 0.66),
            breast_drop=rng.uniform(-2.5, 2.5),
            scoliosis=rng.normal(0, 0.5),
            shoulder=rng.uniform(0.8, 2.2),
            clavicle=_around(rng, 2.6, 0.8),
            rib_gap=_around(rng, 1.0, 0.06),
            rib_drop=rng.uniform(0.75, 1.5),
            bone=rng.uniform(0.7, 1.2) * (1 - 0.3 * old),
            markings=rng.uniform(0.75, 1.25),
            pacemaker=bool(rng.random() < 0.05 * old * 2),
            clips=bool(rng.random() < 0.05),
            granuloma=bool(rng.random() < 0.12),
            nipples=bool(rng.random() < 0.1),
        )


def _around(rng: np.random.Generator, mean: float, spread: float) -> float:
    """Normal, cut at 2.2 spreads: nobody is a freak."""
    return mean + spread * float(np.clip(rng.normal(), -2.2, 2.2))
