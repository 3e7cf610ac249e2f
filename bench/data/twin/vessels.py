"""Retinal vessels: arcades that arch around the macula, taper, and branch at acute angles."""

from collections.abc import Iterator

import numpy as np

STEP = 0.02
"""Between two points of a vessel, in field radii."""
LEAST_WIDTH = 0.0035
"""No vessel is drawn thinner, in field radii."""
AVASCULAR = 0.15
"""Radius of the zone around the fovea that no vessel enters."""
CLEARANCE = 0.28
"""Between an arcade's trunk and the macula, at least, in field radii."""

Line = tuple[np.ndarray, np.ndarray]
"""Points (n, 2) in unit coordinates, and the width at each, (n,), in field radii."""


def arcade(
    disc: tuple[float, float],
    macula: tuple[float, float],
    up: int,
    width: float,
    rng: np.random.Generator,
) -> list[Line]:
    """A temporal trunk, steeply out of the disc and around the macula, and all its branches.

    Args:
        disc: Its centre.
        macula: Its centre.
        up: -1 above the macula, 1 below.
        width: Of the trunk at the disc.
    """
    while True:
        steep, lying = np.radians(rng.uniform(60, 95)), np.radians(rng.uniform(-30, -8))
        turn, length = rng.uniform(0.42, 0.62), rng.uniform(1.25, 1.7)
        along = np.arange(0, length, STEP)
        angle = lying + (steep - lying) * np.exp(-along / turn) + _winding(rng, 1, along)[0]
        temporal = np.sign(macula[0] - disc[0])
        headings = np.stack([temporal * np.cos(angle), up * np.sin(angle)], axis=1)
        trunk = _walk(np.array([disc]), headings)
        beside = np.abs(trunk[:, 0] - macula[0]) < 0.25
        if (up * (trunk[beside, 1] - macula[1]) > CLEARANCE).all():
            return _tree(trunk, width, macula, up, rng)


def nasal(
    disc: tuple[float, float],
    macula: tuple[float, float],
    up: int,
    width: float,
    rng: np.random.Generator,
) -> list[Line]:
    """A trunk away from the macula, straighter and thinner, and all its branches."""
    steep, lying = np.radians(rng.uniform(55, 95)), np.radians(rng.uniform(8, 50))
    along = np.arange(0, rng.uniform(0.6, 0.9), STEP)
    angle = lying + (steep - lying) * np.exp(-along / 0.25) + _winding(rng, 1, along)[0]
    away = np.sign(disc[0] - macula[0])
    trunk = _walk(np.array([disc]), np.stack([away * np.cos(angle), up * np.sin(angle)], axis=1))
    return _tree(trunk, width, macula, up, rng)


def frond(
    centre: tuple[float, float], reach: float, width: float, rng: np.random.Generator
) -> list[Line]:
    """New or abnormal vessels: fine and tortuous, in a fan of loops around a place."""
    count, steps = int(rng.integers(10, 18)), max(round(reach / STEP * 2.2), 8)
    along = np.arange(steps) * STEP
    bearing = rng.uniform(0, 2 * np.pi, (count, 1))
    curl = rng.choice([-1, 1], (count, 1)) * rng.uniform(0.5, 1.6, (count, 1)) / reach
    angle = bearing + curl * along + 2.5 * _winding(rng, count, along)
    start = np.asarray(centre) + rng.normal(0, 0.15 * reach, (count, 1, 2))
    walks = _walk(start, np.stack([np.cos(angle), np.sin(angle)], axis=2))
    return [(walk, width * np.linspace(1, 0.6, steps)) for walk in walks]


def _tree(
    trunk: np.ndarray, width: float, macula: tuple[float, float], up: int, rng: np.random.Generator
) -> list[Line]:
    """A trunk, its branches, and theirs, cut to where vessels run."""
    lines: list[Line] = []
    parents = [(trunk, width)]
    for order in range(3):
        children: list[tuple[np.ndarray, float]] = []
        for whole, at_start in parents:
            points = whole[: _end(whole, macula, up)]
            if len(points) < 4:
                continue
            widths = at_start * np.linspace(1, 0.5, len(points))
            lines.append((points, np.maximum(widths, LEAST_WIDTH)))
            if order < 2:
                children += _branches(points, widths, rng)
        parents = children
    return lines


def _branches(
    points: np.ndarray, widths: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, float]]:
    """Lines that leave a vessel to either side in turn, and their widths where they leave."""
    places = np.cumsum(rng.uniform(0.12, 0.32, 14)) / STEP - rng.uniform(0, 3)
    places = places[places < len(points) - 3].astype(int)
    wide = widths[places] * rng.uniform(0.42, 0.78, len(places))
    places, wide = places[wide > LEAST_WIDTH], wide[wide > LEAST_WIDTH]
    count = len(places)
    along, to = points[places + 1] - points[places], np.arange(0, 0.75, STEP)
    sides = rng.choice([-1, 1]) * (-1) ** np.arange(count) * rng.choice([1, 1, 1, -1], count)
    aside = sides * np.radians(rng.uniform(28, 62, count))
    back = sides * rng.uniform(-0.4, 1.0, count)  # most bend back towards their parent's way
    angle = (np.arctan2(along[:, 1], along[:, 0]) + aside)[:, None] - back[:, None] * to
    angle += _winding(rng, count, to)
    steps = np.clip(wide * rng.uniform(28, 70, count), 0.06, 0.75) / STEP
    walks = _walk(points[places][:, None], np.stack([np.cos(angle), np.sin(angle)], axis=2))
    for walk, length, width in zip(walks, steps, wide, strict=True):
        yield walk[: round(length)], width


def _winding(rng: np.random.Generator, count: int, along: np.ndarray) -> np.ndarray:
    """Smooth swings of heading (count, n) in radians, none at the start of a line."""
    swings = np.zeros((count, len(along)))
    for size, period in ((0.22, rng.uniform(0.5, 0.9)), (0.15, rng.uniform(0.16, 0.28))):
        phase = rng.uniform(0, 2 * np.pi, (count, 1))
        wave = np.sin(2 * np.pi * along / period + phase) - np.sin(phase)
        swings += size * rng.uniform(0.3, 1.2, (count, 1)) * wave
    return swings


def _walk(start: np.ndarray, headings: np.ndarray) -> np.ndarray:
    """Points (..., n, 2) from starts (..., 1, 2) on, a step in each heading (..., n, 2)."""
    return start + STEP * np.cumsum(headings, axis=-2)


def _end(points: np.ndarray, macula: tuple[float, float], up: int) -> int:
    """How many points of a line come before the field's rim, the fovea or the other half."""
    from_fovea = np.hypot(points[:, 0] - macula[0], points[:, 1] - macula[1])
    temporal = np.abs(points[:, 0] - macula[0]) < 0.5
    other_half = temporal & (up * (points[:, 1] - macula[1]) < 0.03)
    gone = (np.hypot(*points.T) > 1.02) | (from_fovea < AVASCULAR) | other_half
    return int(np.argmax(gone)) if gone.any() else len(points)
