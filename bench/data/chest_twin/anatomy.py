"""Soft tissue and air: the body's outline, lungs, heart and great vessels, abdomen, breasts.

Attenuation is in units of the abdomen's; its numbers are assumed: fitted by eye to radiographs.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from bench.data.chest_twin.canvas import Film, clouds, smooth, step
from bench.data.chest_twin.chest import LEFT, RIGHT, SIDES, Chest

AIR = 0.56  # what a lung of full depth leaves out
DEPTH_CM = 9.0  # from the outline to where the body is as thick as it gets
TEXTURE = ((9, 1.0), (24, 0.6), (70, 0.5), (130, 0.5))  # blotches per side, and how strong
LUNG_CM = 5.5  # from a lung's edge to where it is as deep as it gets


@dataclass
class Shadow:
    """What the beam meets.

    Attributes:
        soft: (R, R) attenuation of everything but air.
        air: (R, R) in 0..1, fraction of a full lung's depth.
        lungs: Side -> (R, R) in 0..1, what lies in the cage above the diaphragm.
        marked: (R, R) in 0..1, where vessels show.
    """

    film: Film
    soft: np.ndarray
    air: np.ndarray
    lungs: dict[int, np.ndarray] = field(default_factory=dict)
    marked: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def total(self) -> np.ndarray:
        """Attenuation on the way to each pixel."""
        return self.soft - AIR * self.air

    def fill(self, opacity: np.ndarray, depth: float = 1.0) -> None:
        """Let fluid or tissue take the place of air."""
        self.air *= 1 - depth * opacity
        self.marked *= 1 - 0.8 * depth * opacity


def paint(film: Film, chest: Chest, rng: np.random.Generator) -> Shadow:
    """A healthy chest without bones and vessels."""
    x, y = film.grid
    shadow = Shadow(film, _body(film, chest, rng), film.empty())
    for side in SIDES:
        cage = film.polygon(chest.cage(side))
        above = step(chest.floor(side, x) - y, 0.14)
        shadow.lungs[side] = cage * above
        reach = _from_edge(film, cage, LUNG_CM)
        depth = np.sqrt(np.clip(1 - (1 - reach) ** 2, 0, 1))
        lower = 0.86 + 0.14 * np.clip((y - chest.apex) / chest.height, 0, 1)
        shadow.air = np.maximum(shadow.air, depth * lower * shadow.lungs[side])
        recess = 0.16 * depth * (1 - above) * step(chest.base - 0.5 - y, 1.5)
        shadow.air += recess  # lung behind the dome
    shadow.marked = np.maximum(*(shadow.lungs[side] for side in SIDES))
    _mediastinum(shadow, chest, rng)
    _heart(shadow, chest, rng)
    _airways(shadow, chest)
    _abdomen(shadow, chest, rng)
    if chest.patient.breast:
        _breasts(shadow, chest, rng)
    texture = sum(a * clouds(rng, film.size_px, n) for n, a in TEXTURE)
    shadow.soft *= 1 + 0.014 * texture
    return shadow


def _from_edge(film: Film, mask: np.ndarray, full_cm: float) -> np.ndarray:
    """Distance from the outline of a mask, 1 at `full_cm` and beyond; pictures have no outline."""
    padded = cv2.copyMakeBorder((mask > 0.5).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.clip(distance / (full_cm * film.px_per_cm), 0, 1)


def _body(film: Film, chest: Chest, rng: np.random.Generator) -> np.ndarray:
    """Torso, neck and arms, each as thick as it is wide."""
    half, top, wall = chest.patient.half_width, chest.apex, chest.wall
    fat = chest.patient.fat
    slope = rng.uniform(0.8, 2.2)
    right = [(5.6 + fat, -40), (5.7 + fat, top - 7), (6.6 + fat, top - 4.4 - slope / 2)]
    right += [(9.4 + fat, top - 2.9 - slope / 2), (13, top - 2.0 - slope / 3)]
    right += [(half + 3.2, top - 1.2), (half + 5.5, top + 2.2)]
    right += [(half + 4, top + 7), (half + wall + 0.4, top + 10), (half + wall, top + 15)]
    right += [(half + wall + 1.2 * fat, 12), (half + wall + 2 * fat, 26), (half + wall, 40)]
    outline = smooth([*right, *((-a, b) for a, b in reversed(right))], closed=True)
    mask = np.zeros((film.size_px, film.size_px), np.uint8)
    arms = []
    for side in SIDES:
        out = np.radians(rng.uniform(2, 16) if chest.ap else rng.uniform(10, 38))
        shoulder = np.array((side * (half + 3.3), top + 2.6))
        elbow = shoulder + 34 * np.array((side * np.sin(out), np.cos(out)))
        arms.append((np.array([shoulder, elbow]), 7.6 + 3.0 * fat))
    mask = np.maximum(film.polygon(outline), film.strokes(arms, full_cm=1))
    reach = _from_edge(film, mask, DEPTH_CM)
    thick = np.sqrt(np.clip(1 - (1 - reach) ** 2, 0, 1)) ** 1.15
    _, y = film.grid
    down = step(y - (top + 2), 9.0)
    deep = 0.68 + 0.16 * down + 0.05 * fat
    return film.soften(thick * deep * mask, 0.05)


def _mediastinum(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """Great vessels and what lies around them, with the aortic knob on the left."""
    film, top, (_, carina) = shadow.film, chest.apex, chest.carina
    knob, mid, turn = chest.patient.aorta, chest.shift, chest.turn
    wide = (1.12 if chest.ap else 1.0) * rng.uniform(0.92, 1.1)
    reach = mid + (2.5 + 1.25 * knob) * wide
    right = [(-2.6, top - 6), (-2.4, top), (-2.5 + mid, top + 4), (-2.8 * wide + mid, carina)]
    right += [(-2.2 + mid, carina + 5), (-1.8 + mid, chest.base + 3)]
    left = [(2.0, chest.base + 3), (2.4 + mid, carina + 4.5), (2.9 * wide + mid, carina + 1.3)]
    left += [(reach - 0.5, carina - 0.3), (reach + turn / 3, carina - 1.8)]
    left += [(reach - 0.9, carina - 3.4), (2.3 + mid, carina - 4.6), (2.2, top), (2.6, top - 6)]
    mask = film.polygon(smooth(right + left, closed=True), soft_cm=0.07)
    shadow.fill(mask, 0.95)
    depth = np.sqrt(_from_edge(film, mask, 2.6))
    shadow.soft += 0.065 * depth * mask
    arch = film.mound((reach - 1.6, carina - 1.8), (1.7 + 0.3 * knob, 1.9))
    shadow.soft[arch.where] += 0.07 * arch.mask
    aorta = [(np.array([(reach - 1.5, carina - 1.5), (mid + 1.9, chest.base)]), 2.2)]
    shadow.soft += 0.035 * film.strokes(aorta, full_cm=2, soft_cm=0.1)


def _heart(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    mask = shadow.film.polygon(heart_outline(chest), soft_cm=0.08)
    depth = np.sqrt(np.clip(1 - (1 - _from_edge(shadow.film, mask, 4.5)) ** 2, 0, 1))
    shadow.fill(mask, 0.68)
    shadow.air *= 1 - 0.5 * depth * mask
    x, y = shadow.film.grid
    floor = np.where(x < 0, chest.floor(RIGHT, x), chest.floor(LEFT, x))
    above = step(floor - y, 0.14)
    ramp = step(y - chest.carina[1] - 3.5, 2.5)
    shadow.soft += (0.05 + 0.10 * depth) * mask * above * ramp
    pad = shadow.film.mound(
        (chest.shift + 0.93 * chest.heart[1], chest.dome(LEFT) + 0.2), (2.6, 1.5), angle=-0.4
    )
    fat = rng.uniform(0, 0.5) * pad.mask
    shadow.air[pad.where] *= 1 - fat


def heart_outline(chest: Chest) -> np.ndarray:
    """(n, 2): right atrium, left ventricle with its apex, and the waist below the lung artery."""
    mid, (right, left), (_, carina) = chest.shift, chest.heart, chest.carina
    low = min(chest.dome(LEFT), chest.dome(RIGHT) + 2) + 1.2
    high, lean = carina + 1.2, chest.patient.heart_lean
    tall = low - high
    widest = high + (0.62 + 0.2 * lean) * tall
    return smooth(
        [
            (mid - 0.5 * right, high - 0.6),
            (mid - 0.80 * right, high + 0.28 * tall),
            (mid - right, high + 0.58 * tall),
            (mid - 0.93 * right, high + 0.84 * tall),
            (mid - 0.62 * right, low + 0.6),
            (mid + 0.3 * left, low + 1.6),
            (mid + 0.82 * left, low + 0.5),
            (mid + left, widest),
            (mid + (0.84 - 0.08 * lean) * left, high + 0.42 * tall),
            (mid + (0.58 - 0.06 * lean) * left, high + 0.13 * tall),
            (mid + 0.36 * left, high - 0.5),
        ],
        closed=True,
    )


def _airways(shadow: Shadow, chest: Chest) -> None:
    """Windpipe and main bronchi, dark through the mediastinum."""
    (x, y), top = chest.carina, chest.apex
    pipe = smooth([(0.1, top - 9), (0.25, top), (x - 0.35, y - 3), (x, y)])
    lines = [(pipe, 1.55)]
    for side, steep in ((RIGHT, 1.15), (LEFT, 0.7)):
        end = chest.hilum(side)
        lines.append((smooth([(x, y - 0.2), (x + side * 1.6, y + 1.5 * steep), end]), 1.0))
    shadow.soft -= 0.11 * shadow.film.strokes(lines, full_cm=1.5, soft_cm=0.13)


def _abdomen(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """Liver and fat under the domes, gas in stomach and bowel."""
    film, half = shadow.film, chest.patient.half_width
    x, y = film.grid
    floor = np.where(x < 0, chest.floor(RIGHT, x), chest.floor(LEFT, x))
    body = step(shadow.soft - 0.3, 0.15)
    shadow.soft += 0.20 * step(y - floor - 1.0, 2.2) * body
    if rng.random() < 0.6:
        wide, tall = rng.uniform(1.6, 3.6), rng.uniform(0.7, 2.0)
        centre = (half * rng.uniform(0.32, 0.52), chest.dome(LEFT) + tall + rng.uniform(0.5, 1.1))
        bubble = film.mound(centre, (wide, tall), ragged=(0.06, 0.05, *rng.uniform(0, 6, 2)))
        level = centre[1] + tall * rng.uniform(0.1, 1.0)
        upright = step(level - film.grid[1][bubble.where], 0.08)
        shadow.soft[bubble.where] -= rng.uniform(0.12, 0.24) * bubble.mask * upright
    for _ in range(int(rng.integers(0, 7))):
        centre = (half * rng.uniform(-0.3, 0.8), chest.base + rng.uniform(0.5, 7))
        gas = film.mound(centre, (rng.uniform(0.6, 1.8), rng.uniform(0.5, 1.1)), angle=rng.random())
        shadow.soft[gas.where] -= rng.uniform(0.03, 0.12) * gas.mask


def _breasts(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    size, half = chest.patient.breast, chest.patient.half_width
    for side in SIDES:
        radius = 4.8 + 2.8 * size
        centre = (side * half * rng.uniform(0.5, 0.62), chest.base - 6.5 + rng.uniform(-1, 2.0))
        breast = shadow.film.mound(centre, (radius * 1.05, radius))
        lower = step(shadow.film.grid[1][breast.where] - centre[1] + 1, radius * 0.8)
        shadow.soft[breast.where] += (0.06 + 0.15 * size) * breast.mask * (0.25 + 0.75 * lower)
