"""The lungs' vessels: trees that leave the hila and thin out before the chest wall."""

import numpy as np

from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import Stroke, clouds
from bench.data.chest_twin.chest import RIGHT, SIDES, Chest

TRUNKS = 9
STEPS = 10
BRANCHES = (5, 2)  # of a trunk, and of its branches
FULL_CM = 0.9


def paint(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """Add hila and vessels where the lung is marked."""
    film, bold = shadow.film, chest.patient.markings
    lines: list[Stroke] = []
    for side in SIDES:
        _tree(lines, chest, side, rng)
    vessels = film.strokes(lines, full_cm=FULL_CM, soft_cm=0.04)
    shadow.soft += 0.22 * bold * vessels * shadow.marked
    for side in SIDES:
        _hilum(shadow, chest, side, rng)
    fine = clouds(rng, film.size_px, 60) + clouds(rng, film.size_px, 110)
    shadow.soft += 0.011 * bold * fine * shadow.marked


def _tree(lines: list[Stroke], chest: Chest, side: int, rng: np.random.Generator) -> None:
    """Trunks fan out from above to below, the lower ones wider, as blood sinks."""
    hilum = np.array(chest.hilum(side))
    for bearing in np.linspace(-1.25, 1.5, TRUNKS) + rng.normal(0, 0.1, TRUNKS):
        heading = np.array((side * np.cos(bearing), np.sin(bearing)))
        far = _reach(chest, hilum, heading)
        width = (0.42 + 0.2 * (bearing > 0.2)) * rng.uniform(0.8, 1.2)
        _grow(lines, hilum + heading * 0.5, np.arctan2(*heading[::-1]), far, width, rng)


def _reach(chest: Chest, hilum: np.ndarray, heading: np.ndarray) -> float:
    """How far it is to the edge of the lung, roughly, cm."""
    up = hilum[1] - chest.apex if heading[1] < 0 else chest.base - 2 - hilum[1]
    across = float(chest.half_width(hilum[1])) - abs(hilum[0])
    return 0.95 / np.hypot(heading[0] / across, heading[1] / up)


def _grow(
    lines: list[Stroke],
    start: np.ndarray,
    bearing: float,
    length: float,
    width: float,
    rng: np.random.Generator,
    order: int = 0,
) -> None:
    """A vessel that bends and thins, with its branches."""
    bends = bearing + np.cumsum(rng.normal(0, 0.11, STEPS))
    walk = np.cumsum(np.stack([np.cos(bends), np.sin(bends)], 1) * length / STEPS, axis=0)
    points = np.concatenate([start[None], start + walk])
    pieces = 3 - order
    for i in range(pieces):
        part = points[i * STEPS // pieces : (i + 1) * STEPS // pieces + 1]
        lines.append((part, width * (1 - 0.64 * i / pieces)))
    if order >= len(BRANCHES):
        return
    for at in np.sort(rng.uniform(0.1, 0.85, BRANCHES[order])):
        node = int(at * STEPS)
        aside = bends[node] + rng.choice([-1, 1]) * rng.uniform(0.35, 0.9)
        rest = length * (1 - at) * rng.uniform(0.5, 0.9)
        _grow(lines, points[node + 1], aside, rest, width * (0.75 - 0.45 * at), rng, order + 1)


def _hilum(shadow: Shadow, chest: Chest, side: int, rng: np.random.Generator) -> None:
    """The lung artery's branches end on and from the side: an ill-defined knot."""
    x, y = chest.hilum(side)
    down = 3.2 if side == RIGHT else 2.4
    for _ in range(7):
        position = (x + rng.normal(0, 0.6), y + rng.normal(0.15 * down, 0.42 * down))
        radii = (rng.uniform(0.35, 0.7), rng.uniform(0.6, 1.4))
        knot = shadow.film.mound(position, radii, angle=-side * rng.uniform(0.1, 0.6))
        seen = shadow.marked[knot.where]
        shadow.soft[knot.where] += rng.uniform(0.04, 0.095) * knot.mask * seen
