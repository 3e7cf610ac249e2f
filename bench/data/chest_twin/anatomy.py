"""Soft tissue and air: the body's outline, lungs, abdomen, breasts.

Attenuation is in units of the abdomen's; its numbers are assumed: fitted by eye to radiographs.
"""

from dataclasses import dataclass, field

import numpy as np

from bench.data.chest_twin.canvas import Film, clouds, from_edge, smooth, step
from bench.data.chest_twin.chest import LEFT, RIGHT, SIDES, Chest

AIR = 0.56  # what a lung of full depth leaves out
DEPTH_CM = 9.0  # from the outline to where the body is as thick as it gets; less if it is round
TEXTURE = ((9, 1.0), (24, 0.6), (70, 0.5), (130, 0.5))  # blotches per side, and how strong
DOME = 0.28  # of a lung's height, from the apex to where it is as deep as it gets
TURNED = 0.004  # how much more a turned body weakens the beam, per cm to its side and cm of turn


@dataclass
class Shadow:
    """What the beam meets.

    Attributes:
        soft: (R, R) attenuation of everything but air.
        air: (R, R) in 0..1, fraction of a full lung's depth.
        floor: (R, R), y of the diaphragm under each pixel.
        lungs: Side -> (R, R) in 0..1, what lies in the cage above the diaphragm.
        marked: (R, R) in 0..1, where vessels show.
    """

    film: Film
    soft: np.ndarray
    air: np.ndarray
    floor: np.ndarray
    lungs: dict[int, np.ndarray] = field(default_factory=dict)
    marked: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def total(self) -> np.ndarray:
        """Attenuation on the way to each pixel."""
        return self.soft - AIR * self.air

    def fill(self, opacity: np.ndarray, depth: float = 1.0) -> None:
        """Let fluid or tissue take the place of air."""
        self.air *= 1 - depth * opacity
        self.marked *= 1 - 0.8 * depth * opacity

    def displace(self, thickness: np.ndarray) -> None:
        """Let something of a thickness, as a fraction of a full lung's depth, take its air away."""
        self.air = np.clip(self.air - thickness, 0, None)


def paint(film: Film, chest: Chest, rng: np.random.Generator) -> Shadow:
    """A healthy chest without what lies between the lungs, without bones and vessels."""
    x, _ = film.grid
    floors = {side: chest.floor(side, x) for side in SIDES}
    floor = chest.across(x, floors[RIGHT], floors[LEFT])
    shadow = Shadow(film, _body(film, chest, rng), film.empty(), floor)
    for side in SIDES:
        _lung(shadow, chest, side, floors[side])
    shadow.marked = np.maximum(*(shadow.lungs[side] for side in SIDES))
    _abdomen(shadow, chest)
    _gas(shadow, chest, rng)
    if chest.patient.breast:
        _breasts(shadow, chest, rng)
    texture = sum(a * clouds(rng, film.size_px, n) for n, a in TEXTURE)
    shadow.soft *= 1 + 0.014 * texture + TURNED * chest.turn * x
    return shadow


def _lung(shadow: Shadow, chest: Chest, side: int, floor: np.ndarray) -> None:
    """As deep as the cage is, which is round from above and closes towards the apex."""
    film, (x, y) = shadow.film, shadow.film.grid
    cage = film.polygon(chest.cage(side), soft_cm=0.03)
    above = step(floor - y, 0.09)
    shadow.lungs[side] = cage * above
    aside = (x / chest.half_width(y, side)) ** 2
    down = (y - chest.apex) / chest.height
    top = np.clip(1 - down / DOME, 0, 1) ** 2
    depth = np.sqrt(np.clip((1 - aside * aside) * (1 - top), 0, 1)).astype(np.float32)
    air = depth * (0.86 + 0.14 * np.clip(down, 0, 1)) * shadow.lungs[side]
    behind = 0.12 * depth * cage * (1 - above) * step(chest.base - 0.5 - y, 1.5)
    shadow.air = np.maximum(shadow.air, air + behind)


def _body(film: Film, chest: Chest, rng: np.random.Generator) -> np.ndarray:
    """Torso, neck and arms, each as thick as it is wide."""
    half, top, wall = chest.patient.half_width, chest.apex, chest.wall
    fat = chest.patient.fat
    slope = chest.patient.shoulder + rng.normal(0, 0.2)
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
    reach = from_edge(film, mask, DEPTH_CM * (1.3 - 0.65 * fat))
    thick = np.sqrt(np.clip(1 - (1 - reach) ** 2, 0, 1)) ** 1.15
    _, y = film.grid
    down = step(y - (top + 2), 9.0)
    deep = 0.64 + 0.16 * down + 0.14 * fat
    return film.soften(thick * deep * mask, 0.05)


def _abdomen(shadow: Shadow, chest: Chest) -> None:
    """Liver and fat under the domes, and in the walls beside them."""
    x, y = shadow.film.grid
    body = step(shadow.soft - 0.3, 0.15)
    aside = np.clip(np.abs(x) - 0.92 * chest.patient.half_width, 0, 6)
    under = y - np.minimum(shadow.floor, chest.base + 0.5) - 1.0
    shadow.soft += 0.22 * step(under, 1.0 + 0.8 * aside) * body


def _gas(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """In stomach and bowel."""
    film, half = shadow.film, chest.patient.half_width
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
        across = chest.patient.breast_at + rng.normal(0, 0.02)
        centre = (side * half * across, chest.base - 6 + chest.patient.breast_drop)
        breast = shadow.film.mound(centre, (radius * 1.05, radius))
        lower = step(shadow.film.grid[1][breast.where] - centre[1] + 1, radius * 0.8)
        shadow.soft[breast.where] += (0.05 + 0.10 * size) * breast.mask * (0.25 + 0.75 * lower)
