"""What lies between the lungs: great vessels, heart, windpipe.

It tapers towards the neck, and its borders are as soft as something round is at its rim: what is
thick in the middle leaves little air there and more air towards the lungs.
"""

import numpy as np

from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import Film, Patch, from_edge, smooth, step
from bench.data.chest_twin.chest import LEFT, RIGHT, Chest

VESSELS = 1.15  # of a full lung's depth, that the great vessels take in the middle
HEART = 0.86  # likewise the heart, in front of the lung behind it
Border = np.ndarray  # (n, 2): heights y, rising, and distances from the middle


def paint(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """Put the mediastinum between the lungs."""
    _vessels(shadow, chest)
    _aorta(shadow, chest)
    _heart(shadow, chest, rng)
    _airways(shadow, chest)


def right_border(chest: Chest) -> Border:
    """Upper great vein, with age the aorta beside it, then the atrium."""
    top, carina, wide = chest.apex, chest.carina[1], chest.patient.pedicle
    bulge = 0.9 * chest.patient.unfolded
    return _border(
        (top - 7, 2.4),
        (top, 2.4 * wide),
        (top + 3.0, 2.35 * wide),
        (carina - 2.0, 2.35 * wide + 0.3 * bulge),
        (carina + 1.5, 2.35 * wide + bulge),
        (carina + 5.0, 2.1 * wide + 0.6 * bulge),
        (chest.base + 3, 1.5),
    )


def left_border(chest: Chest) -> Border:
    """Artery to the arm, aortic knob, the window below it, the lung artery's trunk."""
    patient, carina, (_, knob) = chest.patient, chest.carina[1], knob_place(chest)
    wide = patient.pedicle
    waist = 1.95 * wide + 0.5 * patient.unfolded
    return _border(
        (chest.apex - 7, 2.4),
        (chest.apex, 2.3 * wide),
        ((chest.apex + knob - 1.6) / 2, 2.05 * wide),
        (knob - 1.9, waist),
        (knob - 0.2, _knob_reach(chest)),
        (knob + 1.7, waist + 0.35 * patient.aorta),
        (carina + 1.6, waist + 0.35 + 1.1 * patient.trunk),
        (carina + 4.5, waist + 0.2),
        (chest.base + 3, 1.5),
    )


def knob_place(chest: Chest) -> tuple[float, float]:
    """Middle of the aortic arch as it is seen from in front."""
    return chest.shift + _knob_reach(chest) - 1.7, chest.carina[1] - 1.9


def _knob_reach(chest: Chest) -> float:
    """How far left of the middle the aortic knob shows."""
    patient = chest.patient
    return 1.7 * patient.pedicle + 1.6 * patient.aorta + chest.turn / 3


def _border(*points: tuple[float, float]) -> Border:
    line = smooth(points)
    line[:, 0] = np.maximum.accumulate(line[:, 0])
    return line


def _vessels(shadow: Shadow, chest: Chest) -> None:
    """A tube with another radius at each height, seen through the lungs in front and behind."""
    x, y = shadow.film.grid
    away = x - chest.shift
    left, right = left_border(chest), right_border(chest)
    radius = np.where(away < 0, np.interp(y, *right.T), np.interp(y, *left.T))
    apart = (away / radius) ** 2
    depth = (np.clip(1 - apart, 0, 1) ** 0.75).astype(np.float32)
    shadow.displace(VESSELS * shadow.film.soften(depth, 0.08))
    within = step(y - chest.apex + 1, 4.0) * step(shadow.floor - y, 4.0)
    around = np.exp(-apart / 5, dtype=np.float32)  # muscle of the back, breastbone
    shadow.soft += (0.04 * depth + 0.06 * around) * within


def _aorta(shadow: Shadow, chest: Chest) -> None:
    """Arch and what descends from it, left of the spine."""
    film, size = shadow.film, chest.patient.aorta
    x, y = knob_place(chest)
    arch = film.mound((x, y), (1.5 + 0.35 * size, 1.5 + 0.4 * size))
    shadow.soft[arch.where] += 0.06 * arch.mask
    bow = chest.shift + 1.3 + 1.5 * chest.patient.unfolded
    line = smooth([(x + 0.3, y), (bow + 0.4, y + 6), (bow, chest.base - 4), (0.8, chest.base + 3)])
    shadow.soft += 0.035 * film.strokes([(line, 2.3)], full_cm=2, soft_cm=0.15)


def _heart(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    mask = shadow.film.polygon(heart_outline(chest), soft_cm=0.06)
    depth = np.sqrt(np.clip(1 - (1 - from_edge(shadow.film, mask, 4.8)) ** 2, 0, 1))
    _, y = shadow.film.grid
    below = 0.35 + 0.65 * step(y - chest.carina[1] - 2.5, 2.5)
    above = step(shadow.floor + 0.4 - y, 0.4)
    shadow.displace((0.16 + (HEART - 0.16) * depth) * mask * below * above)
    shadow.marked *= 1 - 0.55 * mask
    ramp = step(y - chest.carina[1] - 3.0, 2.5) * step(shadow.floor + 1.0 - y, 1.0)
    shadow.soft += (0.03 + 0.13 * depth) * mask * ramp
    pad = _fat_pad(shadow.film, chest)
    shadow.air[pad.where] *= 1 - rng.uniform(0, 0.5) * pad.mask


def _fat_pad(film: Film, chest: Chest) -> Patch:
    """Between the heart's apex and the diaphragm."""
    centre = (chest.shift + 0.9 * chest.heart[1], chest.dome(LEFT) + 0.3)
    return film.mound(centre, (2.6, 1.4), angle=-0.4)


def heart_outline(chest: Chest) -> np.ndarray:
    """(n, 2): right atrium, left ventricle with its apex, and the waist below the lung artery."""
    mid, (right, left), (_, carina) = chest.shift, chest.heart, chest.carina
    low = min(chest.dome(LEFT), chest.dome(RIGHT) + 2) + 1.0
    high, lean, full = carina + 1.2, chest.patient.heart_lean, chest.patient.heart_round
    tall = low - high
    return smooth(
        [
            (mid - 0.15 * right, high),
            (mid - 0.46 * right, high + 0.22 * tall),
            (mid - 0.81 * right, high + 0.46 * tall),
            (mid - right, high + 0.69 * tall),
            (mid - 0.93 * right, high + 0.88 * tall),
            (mid - 0.7 * right, low + 0.3),
            (mid - 0.1 * right, low + 1.2),
            (mid + 0.45 * left, low + 1.3),
            (mid + 0.76 * left, low + 0.6),
            (mid + 0.94 * left, high + (0.86 + 0.04 * lean) * tall),
            (mid + left, high + (0.68 + 0.08 * lean) * tall),
            (mid + (0.78 + 0.13 * full - 0.05 * lean) * left, high + 0.46 * tall),
            (mid + (0.53 + 0.15 * full - 0.06 * lean) * left, high + 0.25 * tall),
            (mid + (0.34 + 0.09 * full) * left, high + 0.06 * tall),
            (mid + 0.2 * left, high - 0.4),
        ],
        closed=True,
    )


def _airways(shadow: Shadow, chest: Chest) -> None:
    """Windpipe and main bronchi, dark through the mediastinum."""
    (x, y), top = chest.carina, chest.apex
    pushed = x + 0.25 + 0.4 * chest.patient.unfolded
    pipe = smooth([(0.1, top - 9), (0.3 * x, top), (pushed, y - 3), (x, y)])
    lines = [(pipe, 1.5)]
    for side, steep in ((RIGHT, 1.15), (LEFT, 0.7)):
        end = chest.hilum(side)
        lines.append((smooth([(x, y - 0.2), (x + side * 1.6, y + 1.5 * steep), end]), 0.9))
    shadow.soft -= 0.10 * shadow.film.strokes(lines, full_cm=1.5, soft_cm=0.18)
