"""Whose chest: a patient's build, how it stood before the beam, and where its parts lie then.

Lengths in centimetres. Normal adults: inner chest 26 to 32 wide, lungs 22 to 28 high on a full
breath, the heart at most half as wide as the chest (textbook values; within them assumed).
"""

from dataclasses import dataclass

import numpy as np

from bench.data.chest_twin.canvas import Point, smooth

RIGHT, LEFT = -1, 1  # the patient's, and the sign of x
SIDES = (RIGHT, LEFT)
HEART_LIMIT = 0.5  # heart to chest, PA; the AP view widens the heart by its magnification
AP_HEART = 1.09
# Half width of the ribcage by depth below the apex, as fractions of the base's and of the height.
CAGE = ((0.0, 0.40), (0.035, 0.58), (0.1, 0.70), (0.2, 0.80), (0.35, 0.89), (0.5, 0.945))
CAGE += ((0.7, 0.985), (0.85, 1.0), (1.0, 0.99), (1.2, 0.95))
CAGE_POINTS = np.array(CAGE).T


@dataclass(frozen=True)
class Patient:
    """What all radiographs of a patient share."""

    male: bool
    half_width: float
    height: float
    fat: float
    heart: float
    heart_lean: float
    aorta: float
    breast: float
    dome_gap: float
    scoliosis: float
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
        old = np.clip((age - 30) / 50, 0, 1)
        return cls(
            male=male,
            half_width=size * (rng.normal(14.6, 0.8) if male else rng.normal(13.4, 0.7)),
            height=size * (rng.normal(25.3, 1.4) if male else rng.normal(23.4, 1.3)),
            fat=float(rng.beta(1.6, 2.4)),
            heart=rng.uniform(0.39, 0.485),
            heart_lean=rng.uniform(0.0, 1.0),
            aorta=float(0.5 + 0.5 * old * rng.uniform(0.4, 1.3) + rng.normal(0, 0.08)),
            breast=0.0 if male or age < 14 else rng.uniform(0.3, 1.0),
            dome_gap=rng.uniform(0.3, 2.3),
            scoliosis=rng.normal(0, 0.45),
            rib_drop=rng.uniform(0.8, 1.25),
            bone=rng.uniform(0.7, 1.2) * (1 - 0.3 * old),
            markings=rng.uniform(0.75, 1.25),
            pacemaker=bool(rng.random() < 0.05 * old * 2),
            clips=bool(rng.random() < 0.05),
            granuloma=bool(rng.random() < 0.12),
            nipples=bool(rng.random() < 0.1),
        )


@dataclass(frozen=True)
class Strain:
    """What findings do to the chest around them.

    Attributes:
        heart: Proportion of the chest's width that the heart takes (PA), None as the patient's own.
        lift: Of the right and the left dome, cm.
        shift: Of the mediastinum to the left, cm.
    """

    heart: float | None = None
    lift: Point = (0.0, 0.0)
    shift: float = 0.0


@dataclass(frozen=True)
class Chest:
    """Where the parts of a chest are in one radiograph.

    Attributes:
        apex: y of the lung's top.
        base: y of the costophrenic angles.
        domes: y of the right and the left dome.
        shift: x of the mediastinum's middle.
        heart: Borders of the heart to the right and left of the middle.
        turn: Rotation of the patient, as x by which what lies in front moves.
        wall: Of soft tissue around the ribs.
    """

    patient: Patient
    ap: bool
    apex: float
    base: float
    domes: Point
    shift: float
    heart: Point
    turn: float
    wall: float

    @classmethod
    def draw(cls, patient: Patient, ap: bool, strain: Strain, rng: np.random.Generator) -> "Chest":
        """A chest as it stands; on AP views the breath is shallower and the heart wider."""
        breath = rng.normal(0.86, 0.07) if ap else rng.normal(0.98, 0.04)
        apex, height = -12.3 + rng.normal(0, 0.3), patient.height * np.clip(breath, 0.68, 1.05)
        base = apex + height
        arch = rng.uniform(3.0, 5.0) * (0.9 if ap else 1.0)
        lift = strain.lift
        proportion = patient.heart if strain.heart is None else strain.heart
        width = 2 * patient.half_width * proportion * (AP_HEART if ap else 1.0)
        part = rng.uniform(0.27, 0.35) if proportion < HEART_LIMIT else rng.uniform(0.28, 0.38)
        turn = rng.normal(0, 0.5 if ap else 0.2)
        return cls(
            patient=patient,
            ap=ap,
            apex=apex,
            base=base,
            domes=(base - arch - patient.dome_gap - lift[0], base - arch - lift[1]),
            shift=strain.shift + 0.5 * turn,
            heart=(part * width, (1 - part) * width),
            turn=turn,
            wall=1.6 + 2.6 * patient.fat,
        )

    @property
    def height(self) -> float:
        """From the apex to the costophrenic angles."""
        return self.base - self.apex

    @property
    def carina(self) -> Point:
        """Where the windpipe parts."""
        return self.shift + 0.2, self.apex + 0.36 * self.height

    @property
    def heart_share(self) -> float:
        """Cardiothoracic ratio as one would measure it."""
        return sum(self.heart) / (2 * self.patient.half_width)

    def half_width(self, y: np.ndarray | float) -> np.ndarray:
        """Of the ribcage at a height."""
        proportion = np.interp(
            (np.asarray(y) - self.apex) / self.height, CAGE_POINTS[0], CAGE_POINTS[1]
        )
        return self.patient.half_width * proportion

    def dome(self, side: int) -> float:
        """Where a dome's top is, y."""
        return self.domes[0 if side == RIGHT else 1]

    def floor(self, side: int, x: np.ndarray) -> np.ndarray:
        """Where the diaphragm is under each x of a side, y."""
        top, half = 0.47 * self.patient.half_width, self.patient.half_width
        away = np.abs(x)
        inner = 1.5 * np.clip((top - away) / top, 0, None) ** 2
        outer = np.clip((away - top) / (half - top), 0, None) ** 2.3
        return self.dome(side) + inner + (self.base - self.dome(side)) * outer

    def hilum(self, side: int) -> Point:
        """Where the vessels enter a lung; the left one lies higher."""
        y = self.carina[1] + (1.9 if side == RIGHT else 1.0)
        return self.shift + side * (3.0 + 0.1 * self.patient.half_width - 0.4), y

    def cage(self, side: int) -> np.ndarray:
        """Outline of a lung as if there were no diaphragm, (n, 2)."""
        half = self.patient.half_width
        outer = [(side * proportion * half, self.apex + t * self.height) for t, proportion in CAGE]
        inner = [(0.06, 1.2), (0.06, 0.6), (0.07, 0.3), (0.12, 0.12), (0.24, 0.02)]
        return smooth(
            outer
            + [(side * proportion * half, self.apex + t * self.height) for proportion, t in inner],
            closed=True,
        )

    def inside(self, side: int, across: float, down: float) -> Point:
        """A point in a lung.

        Args:
            across: From its medial (0) to its lateral edge (1).
            down: From its apex (0) to its floor (1).
        """
        low = self.floor(side, np.array(side * 0.5 * self.patient.half_width))
        y = self.apex + down * (float(low) - self.apex)
        inner = 2.6 + abs(self.shift) * (side * self.shift > 0)
        if side == LEFT and y > self.carina[1] + 3:
            inner = max(inner, 0.75 * self.heart[1])
        return side * (inner + across * (float(self.half_width(y)) - inner)), y
