"""The lungs' vessels: trees that leave the hila and thin out before the chest wall."""

import numpy as np

from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import Stroke, clouds, smooth
from bench.data.chest_twin.chest import RIGHT, SIDES, Chest

TRUNKS = 7
STEPS = 10
BRANCHES = (5, 2)  # of a trunk, and of its branches
FULL_CM = 0.7


def paint(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """Add hila and vessels where the lung is marked."""
    film, bold = shadow.film, chest.patient.markings
    lines: list[Stroke] = []
    for side in SIDES:
        _tree(lines, chest, side, rng)
    vessels = film.strokes(lines, full_cm=FULL_CM, soft_cm=0.03)
    shadow.soft += 0.27 * bold * vessels * shadow.marked
    for side in SIDES:
        _hilum(shadow, chest, side, rng)
    fine = clouds(rng, film.size_px, 60) + clouds(rng, film.size_px, 110)
    shadow.soft += 0.013 * bold * fine * shadow.marked


def _tree(lines: list[Stroke], chest: Chest, side: int, rng: np.random.Generator) -> None:
    """Trunks leave the hilum one above the other, the lower ones wider, as blood sinks."""
    hilum, size = np.array(chest.hilum(side)), chest.patient.hilum
    for bearing in np.linspace(-1.35, 1.4, TRUNKS) + rng.normal(0, 0.12, TRUNKS):
        root = hilum + np.array((side * rng.uniform(-0.4, 0.5), 2.2 * bearing + 0.6)) * size
        heading = np.array((side * np.cos(bearing), np.sin(bearing)))
        far = _reach(chest, root, heading)
        width = (0.26 + 0.11 * (bearing > 0.2)) * size * rng.uniform(0.8, 1.2)
        _grow(lines, root, np.arctan2(*heading[::-1]), far, width, rng)


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
    pieces = 4 - order
    for i in range(pieces):
        part = points[i * STEPS // pieces : (i + 1) * STEPS // pieces + 1]
        lines.append((part, width * (1 - 0.7 * i / pieces)))
    if order >= len(BRANCHES):
        return
    for at in np.sort(rng.uniform(0.1, 0.85, BRANCHES[order])):
        node = int(at * STEPS)
        aside = bends[node] + rng.choice([-1, 1]) * rng.uniform(0.35, 0.9)
        rest = length * (1 - at) * rng.uniform(0.5, 0.9)
        _grow(lines, points[node + 1], aside, rest, width * (0.75 - 0.45 * at), rng, order + 1)


def _hilum(shadow: Shadow, chest: Chest, side: int, rng: np.random.Generator) -> None:
    """The lung artery's branches end on and from the side: an ill-defined knot, and a tail."""
    x, y = chest.hilum(side)
    size, film = chest.patient.hilum, shadow.film
    tail = smooth([(x - 0.3 * side, y - 0.8), (x + 0.3 * side, y + 1.2), (x + side, y + 5.5)])
    third = len(tail) // 3
    tubes = [(tail[i * third : (i + 1) * third + 1], size * (1.1 - 0.25 * i)) for i in range(3)]
    shadow.soft += 0.085 * film.strokes(tubes, full_cm=1.2, soft_cm=0.28) * shadow.marked
    down = 2.6 if side == RIGHT else 1.8
    for _ in range(6):
        position = (x + rng.normal(0, 0.5), y + rng.normal(0.2 * down, 0.45 * down))
        radii = (size * rng.uniform(0.4, 0.8), size * rng.uniform(0.7, 1.5))
        knot = film.mound(position, radii, angle=-side * rng.uniform(0.1, 0.6))
        seen = shadow.marked[knot.where]
        shadow.soft[knot.where] += rng.uniform(0.03, 0.08) * knot.mask * seen
