"""Ribs, collar bones, shoulder blades, upper arms and the spine."""

import numpy as np

from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import Stroke, smooth
from bench.data.chest_twin.chest import SIDES, Chest

RIBS = 10
FRONT = 2.45  # how far round a rib shows, radians from the spine; the side of the chest is pi / 2


def paint(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """Add all bones to a shadow."""
    strong = chest.patient.bone
    back, front, edges = _ribs(shadow, chest)
    thick = 0.25 + 0.75 * shadow.air
    shadow.soft += strong * (0.088 * back + 0.056 * front + 0.065 * edges) * thick
    _shoulders(shadow, chest, strong, rng)
    _spine(shadow, chest, strong)


def _ribs(shadow: Shadow, chest: Chest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What lies behind, what lies in front, and the cortex of both; (R, R) each."""
    film = shadow.film
    backs, fronts, edges = list[np.ndarray](), list[np.ndarray](), list[Stroke]()
    for side in SIDES:
        for number in range(1, RIBS + 1):
            upper, lower, turn = _rib(chest, side, number)
            behind, before = turn <= 1.62, turn >= 1.55
            for outlines, part in ((backs, behind), (fronts, before)):
                outlines.append(np.concatenate([upper[part], lower[part][::-1]]))
            edges += [(upper[behind], 0.13), (lower[behind], 0.20), (lower[before], 0.14)]
            edges.append((upper[before], 0.09))
    walls = [(chest.cage(side)[: 8 * 9] + np.array((side * 0.45, 0)), 0.9) for side in SIDES]
    front = film.polygon(*fronts) + 0.7 * film.strokes(walls, full_cm=0.9, soft_cm=0.12)
    return film.polygon(*backs), front, film.strokes(edges, full_cm=0.2, soft_cm=0.035)


def _rib(chest: Chest, side: int, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper and lower border, (n, 2) each, and how far round each point is, radians."""
    turn = np.linspace(0.12, FRONT - 0.10 * max(0, 3 - number), 40)
    begin = chest.apex - 0.4 + (number - 1) * 0.098 * chest.height
    drop = chest.patient.rib_drop * (1.3 + 0.36 * min(number, 8)) * (0.85 if chest.ap else 1.0)
    wide = float(chest.half_width(begin + drop)) + 0.45 - 1.6
    if number == 1:
        wide *= 0.92
    x = 1.6 + wide * np.sin(turn)
    y = begin + drop * (1 - np.cos(turn)) - 0.9 * np.sin(2 * np.clip(turn, 0, np.pi / 2))
    ahead = np.gradient(np.stack([x, y], 1), axis=0)
    across = np.stack([-ahead[:, 1], ahead[:, 0]], 1)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    thick = 0.60 + 0.13 * np.clip(turn - 1.2, 0, 1) + 0.02 * min(number, 6)
    middle = np.stack([side * x, y], 1)
    across = across * np.array((side, 1.0)) * thick[:, None]
    return middle - across, middle + across, turn


def _shoulders(shadow: Shadow, chest: Chest, strong: float, rng: np.random.Generator) -> None:
    film, half, top = shadow.film, chest.patient.half_width, chest.apex
    fills, borders = film.empty(), list[Stroke]()
    for side in SIDES:
        rise = rng.normal(0, 0.5) + (0.9 if chest.ap else 0)
        inner = (side * 1.7 + 0.8 * chest.turn, top + 3.4)
        outer = (side * (half + 2.6), top - 0.2 - rise)
        middle = smooth([inner, (side * 5.0, top + 2.6), (side * 9.5, top + 0.5 - rise), outer])
        wide = np.interp(np.linspace(0, 1, len(middle)), [0, 0.25, 0.6, 1], [1.0, 0.6, 0.5, 0.8])
        lift = np.stack([0.25 * np.full(len(wide), side), wide], 1)
        clavicle = np.concatenate([middle - lift, (middle + lift)[::-1]])
        fills += 0.12 * film.polygon(clavicle, soft_cm=0.11)
        borders += [(middle - lift, 0.16), (middle + lift, 0.16)]
        inward = rng.uniform(2.6, 4.6) if chest.ap else rng.uniform(-0.9, 1.6)
        tip = (side * (half + 0.2 - inward), top + 13.5 + rng.normal(0, 0.6))
        socket = (side * (half + 2.1), top + 3.2)
        blade = [
            socket,
            tip,
            (side * (half - 4.0 - inward), top + 4.5),
            (side * (half - 2.6), top + 1.0),
        ]
        fills += 0.030 * film.polygon(np.array(blade), soft_cm=0.25)
        borders += [(np.array([socket, tip]), 0.24), (np.array(blade[1:]), 0.09)]
        spine = smooth(
            [blade[2], (side * (half - 0.8), top + 1.9), (side * (half + 3.4), top + 0.3)]
        )
        borders.append((spine, 0.2))
        head = film.mound((side * (half + 4.2), top + 3.3), (2.35, 2.5))
        fills[head.where] += 0.13 * head.mask
        bearing = np.linspace(0, 2 * np.pi, 30)
        ring = np.array(((half + 4.2) * side, top + 3.3)) + 2.3 * np.stack(
            [np.cos(bearing), np.sin(bearing)], 1
        )
        borders.append((ring, 0.12))
        away = np.array((side * rng.uniform(0.1, 0.5), 1.0))
        for edge in (-1.15, 1.15):
            start = np.array((side * (half + 4.6) + edge, top + 5.0))
            borders.append((np.stack([start, start + 24 * away]), 0.32))
    shadow.soft += strong * (fills + 0.075 * film.strokes(borders, full_cm=0.25, soft_cm=0.05))


def _spine(shadow: Shadow, chest: Chest, strong: float) -> None:
    """Vertebral bodies between paler discs, pedicles and spinous processes."""
    film = shadow.film
    bodies, borders = list[np.ndarray](), list[Stroke]()
    y, tall = chest.apex - 8.0, 1.75
    while y < 24:
        wide = 1.45 + 0.025 * (y - chest.apex)
        bend = chest.patient.scoliosis * np.sin((y - chest.apex) / 6.0)
        box = [(bend - wide, y), (bend + wide, y), (bend + wide, y + tall), (bend - wide, y + tall)]
        bodies.append(np.array(box))
        borders += [(np.array(box[:2]), 0.12), (np.array(box[2:]), 0.12)]
        borders += [(np.array([box[0], box[3]]), 0.08), (np.array([box[1], box[2]]), 0.08)]
        for side in SIDES:
            eye = np.array([(bend + side * 0.9, y + 0.35), (bend + side * 0.9, y + 0.8)])
            borders.append((eye, 0.35))
        borders.append((np.array([(bend, y + 0.9), (bend, y + 1.5)]), 0.4))
        y, tall = y + tall + 0.38, tall + 0.07
    marks = film.strokes(borders, full_cm=0.3, soft_cm=0.07)
    shadow.soft += strong * (0.048 * film.polygon(*bodies, soft_cm=0.1) + 0.035 * marks)
