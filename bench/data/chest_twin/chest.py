"""How a patient's chest stood before the beam, and where its parts lie then; lengths in cm."""

from dataclasses import dataclass

import numpy as np

from bench.data.chest_twin.canvas import Point, smooth, step
from bench.data.chest_twin.patient import Patient

RIGHT, LEFT = -1, 1  # the patient's, and the sign of x
SIDES = (RIGHT, LEFT)
HEART_LIMIT = 0.5  # heart to chest, PA: large beyond it, says the textbook; readers err around it
AP_HEART = 1.09  # magnification in the AP view
FLAT_HEART = 0.35  # how much wider a heart lies as the breath gets shallower
LEAST_GROWTH = 0.03  # of the ratio, where a patient's heart is said to be large
FULL_BREATH = 0.98
# Half width of the ribcage by depth below the apex, as fractions of the base's and of the height.
CAGE = ((0.0, 0.36), (0.035, 0.53), (0.1, 0.67), (0.2, 0.79), (0.35, 0.89), (0.5, 0.945))
CAGE += ((0.7, 0.985), (0.85, 1.0), (1.0, 0.99), (1.2, 0.95))
CAGE_POINTS = np.array(CAGE).T


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
        breath = float(np.clip(rng.normal(*((0.84, 0.1) if ap else (0.97, 0.05))), 0.62, 1.06))
        apex, base = -12.3 + rng.normal(0, 0.3), patient.height * breath
        base += apex
        arch = patient.arch * rng.uniform(0.88, 1.12) + 2.0 * (FULL_BREATH - breath)
        gap = patient.dome_gap + rng.normal(0, 0.15)
        proportion = patient.heart
        if strain.heart is not None:
            proportion = max(strain.heart, proportion + LEAST_GROWTH)
        width = 2 * patient.half_width * proportion * (AP_HEART if ap else 1.0)
        width *= 1 + FLAT_HEART * (FULL_BREATH - breath)
        turn = rng.normal(0, 0.6 if ap else 0.25)
        right = patient.heart_right + rng.normal(0, 0.012) - 0.03 * turn
        return cls(
            patient=patient,
            ap=ap,
            apex=apex,
            base=base,
            domes=(base - arch - gap - strain.lift[0], base - arch - strain.lift[1]),
            shift=strain.shift + 0.5 * turn,
            heart=(right * width, (1 - right) * width),
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

    def half_width(self, y: np.ndarray | float, side: int | None = None) -> np.ndarray:
        """Of the ribcage at a height; of one side, or the mean of both."""
        proportion = np.interp(
            (np.asarray(y) - self.apex) / self.height, CAGE_POINTS[0], CAGE_POINTS[1]
        )
        return self._wide(side) * proportion**self.patient.cone

    def _wide(self, side: int | None) -> float:
        """Half width of the cage where it is widest."""
        patient = self.patient
        return patient.half_width * (1.0 if side is None else patient.sides[side == LEFT])

    def dome(self, side: int) -> float:
        """Where a dome's top is, y."""
        return self.domes[0 if side == RIGHT else 1]

    def floor(self, side: int, x: np.ndarray) -> np.ndarray:
        """Where the diaphragm is under each x of a side, y."""
        half, away = self._wide(side), np.abs(x)
        top = self.patient.dome_at * half
        inner = 1.5 * np.clip((top - away) / top, 0, None) ** 2
        outer = np.clip((away - top) / (half - top), 0, None) ** self.patient.angle
        return self.dome(side) + inner + (self.base - self.dome(side)) * outer

    def across(self, x: np.ndarray, right: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Right values to the right, left ones to the left, and a change behind the heart."""
        return right + step(x - self.shift, 2.5) * (left - right)

    def hilum(self, side: int) -> Point:
        """Where the vessels enter a lung; the left one lies higher."""
        y = self.carina[1] + (1.9 if side == RIGHT else 0.9)
        return self.shift + side * (2.9 + 0.07 * self.patient.half_width), y

    def cage(self, side: int) -> np.ndarray:
        """Outline of a lung as if there were no diaphragm, (n, 2)."""
        half, cone = self._wide(side), self.patient.cone
        line = [(max(0.3, proportion**cone), t) for t, proportion in CAGE]
        line += [(0.04, 1.2), (0.04, 0.6), (0.05, 0.3), (0.08, 0.14), (0.17, 0.03)]
        return smooth(
            [(side * p * half, self.apex + t * self.height) for p, t in line], closed=True
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
