"""Ribs, collar bones, shoulder blades, upper arms and the spine."""

import numpy as np

from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import Film, Stroke, smooth, step
from bench.data.chest_twin.chest import SIDES, Chest

RIBS = 10
FRONT = 2.45  # how far round a rib shows, radians from the spine; the side of the chest is pi / 2


def paint(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """Add all bones to a shadow."""
    strong = chest.patient.bone
    back, front, edges = _ribs(shadow, chest)
    thick = 0.25 + 0.75 * shadow.air
    shadow.soft += strong * (0.100 * back + 0.056 * front + 0.085 * edges) * thick
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
    turn = np.linspace(0.02, FRONT - 0.10 * max(0, 3 - number), 40)
    begin = chest.apex - 0.4 + (number - 1) * 0.098 * chest.patient.rib_gap * chest.height
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
    """Collar bones, shoulder blades and upper arms of both sides."""
    fills, borders = shadow.film.empty(), list[Stroke]()
    for side in SIDES:
        fills += 0.085 * _clavicle(shadow.film, chest, side, borders, rng)
        fills += 0.035 * _blade(shadow.film, chest, side, borders, rng)
        _arm(shadow.film, chest, side, fills, borders, rng)
    shadow.soft += strong * (
        fills + 0.075 * shadow.film.strokes(borders, full_cm=0.25, soft_cm=0.05)
    )


def _clavicle(
    film: Film, chest: Chest, side: int, borders: list[Stroke], rng: np.random.Generator
) -> np.ndarray:
    """From the breastbone to the shoulder, bent like an S; (R, R)."""
    half, top = chest.patient.half_width, chest.apex
    rise = chest.patient.clavicle + rng.normal(0, 0.4) + (0.7 if chest.ap else 0)
    inner = np.array((side * 1.5 + 0.8 * chest.turn, top + 3.2))
    span = np.array((side * (half + 1.4), top + 3.2 - rise)) - inner
    share = np.array([0.0, 0.12, 0.3, 0.55, 0.78, 1.0])
    sag = np.array([0.0, 0.1, 0.15, -0.35, -0.6, 0.0])
    middle = smooth(inner + share[:, None] * span + np.stack([0 * sag, sag], 1))
    wide = np.interp(
        np.linspace(0, 1, len(middle)), [0, 0.2, 0.55, 0.85, 1], [0.9, 0.55, 0.42, 0.6, 0.3]
    )
    lift = np.stack([0.25 * side * wide, wide], 1)
    borders += [(middle - lift, 0.11), (middle + lift, 0.15)]
    return film.polygon(np.concatenate([middle - lift, (middle + lift)[::-1]]), soft_cm=0.12)


def _blade(
    film: Film, chest: Chest, side: int, borders: list[Stroke], rng: np.random.Generator
) -> np.ndarray:
    """A shoulder blade: turned out of the lungs for a PA view, over them in an AP view; (R, R)."""
    half, top = chest.patient.half_width, chest.apex
    inward = rng.uniform(2.0, 4.6) if chest.ap else rng.uniform(-1.4, 1.6)
    tip = np.array((side * (half + 0.2 - inward), top + 13.5 + rng.normal(0, 0.6)))
    socket = np.array((side * (half + 2.1), top + 3.4))
    corner = np.array((side * (half - 2.6 - inward), top + 2.0))
    lateral = smooth([socket, socket + np.array((-side * 0.9, 2.6)), 0.4 * socket + 0.6 * tip, tip])
    medial = smooth([tip, 0.5 * (tip + corner) - np.array((side * 0.5, 0)), corner])
    ridge = smooth(
        [corner + np.array((0, 1.8)), (side * (half - 0.4), top + 1.9), (side * (half + 3.2), top)]
    )
    upper = smooth([corner, (side * (half - 0.6), top + 1.4), socket])
    borders += [(lateral, 0.2), (medial, 0.07), (ridge, 0.16), (upper, 0.08)]
    return film.polygon(np.concatenate([lateral, medial, upper]), soft_cm=0.25)


def _arm(
    film: Film,
    chest: Chest,
    side: int,
    fills: np.ndarray,
    borders: list[Stroke],
    rng: np.random.Generator,
) -> None:
    """Head and shaft of the upper arm."""
    middle = np.array((side * (chest.patient.half_width + 4.2), chest.apex + 3.3))
    head = film.mound((float(middle[0]), float(middle[1])), (2.35, 2.5))
    fills[head.where] += 0.10 * head.mask
    bearing = np.linspace(0, 2 * np.pi, 30)
    borders.append((middle + 2.3 * np.stack([np.cos(bearing), np.sin(bearing)], 1), 0.1))
    away = np.array((side * rng.uniform(0.1, 0.5), 1.0))
    for edge in (-1.15, 1.15):
        start = middle + np.array((side * 0.4 + edge, 1.7))
        borders.append((np.stack([start, start + 24 * away]), 0.28))


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
    marks = film.strokes(borders, full_cm=0.3, soft_cm=0.09)
    deep = film.grid[1] - shadow.floor  # the liver outshines it
    seen = 1 - 0.45 * step(deep, 3.0)
    shadow.soft += strong * seen * (0.05 * film.polygon(*bodies, soft_cm=0.3) + 0.03 * marks)
