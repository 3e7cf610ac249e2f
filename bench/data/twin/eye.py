"""A healthy eye: pigment, optic disc, macula and branching vessels."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.data.twin.canvas import DISC_DIAMETER, Canvas, blob, clouds, grid, strokes

VEIN, ARTERY = (0.62, 0.30, 0.34), (0.80, 0.46, 0.42)
BRANCHES = (6, 4)  # of a trunk, and of its branches
Vessel = tuple[np.ndarray, float]


@dataclass(frozen=True)
class Person:
    """What two eyes of a patient share."""

    ground: tuple[float, float, float]
    mottling: float
    tessellation: float
    falloff: float
    disc_scale: float
    width_scale: float
    cut: float
    field: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Person":
        """A person at random; the ground's colour runs from pale to dark fundi."""
        red = rng.uniform(0.46, 0.76)
        green = red * rng.uniform(0.38, 0.58)
        return cls(
            ground=(red, green, green * rng.uniform(0.16, 0.56)),
            mottling=rng.uniform(0.02, 0.06),
            tessellation=rng.uniform(0.0, 0.10),
            falloff=rng.uniform(0.15, 0.50),
            disc_scale=rng.uniform(0.88, 1.15),
            width_scale=rng.uniform(0.85, 1.2),
            cut=rng.choice([1.0, 1.0, 0.86]),
            field=rng.uniform(0.93, 0.985),
        )

    def lit(self, bright: float, gain: tuple[float, float, float]) -> tuple[float, float, float]:
        """A pale thing under this person's light: the ground's colour times a gain a channel."""
        red, green, blue = (
            min(1.0, bright * c * g) for c, g in zip(self.ground, gain, strict=True)
        )
        return red, green, blue


@dataclass(frozen=True)
class Eye:
    """Where things are in one eye; right eyes have the disc at the right.

    Attributes:
        side: 1 for a right eye, -1 for a left one.
        disc: Its centre.
        macula: Its centre.
        veins: Lines with their widths.
        arteries: Likewise.
    """

    person: Person
    side: int
    disc: tuple[float, float]
    macula: tuple[float, float]
    veins: list[Vessel]
    arteries: list[Vessel]

    @classmethod
    def draw(cls, person: Person, side: int, rng: np.random.Generator) -> "Eye":
        """An eye of a person."""
        disc = (side * rng.uniform(0.42, 0.62), rng.uniform(-0.08, 0.06))
        macula = (disc[0] - side * rng.uniform(0.66, 0.74), disc[1] + rng.uniform(0.02, 0.1))
        veins, arteries = [], []
        for up in (-1, 1):
            for tree, wide in ((veins, 0.026), (arteries, 0.018)):
                width = wide * person.width_scale * rng.uniform(0.9, 1.1)
                turn = rng.uniform(-0.12, 0.12)
                _grow(tree, rng, _arcade(disc, side, up, turn, rng), width)
                _grow(tree, rng, _nasal(disc, side, up, turn, rng), width * 0.7)
        return cls(person, side, disc, macula, veins, arteries)


def paint(canvas: Canvas, eye: Eye, rng: np.random.Generator, *, beading: float = 0.0) -> None:
    """The eye without lesions.

    Args:
        beading: Swings of the veins' calibre, 0 for none.
    """
    x, y = grid(canvas.size_px, canvas.radius_px)
    _ground(canvas, eye, rng, x, y)
    _disc(canvas, eye, rng)
    veins = strokes(canvas, [piece for line in eye.veins for piece in _beads(line, beading, rng)])
    arteries = strokes(canvas, eye.arteries)
    canvas.absorb(arteries, ARTERY, 0.85)
    canvas.absorb(veins, VEIN, 0.9)
    reflex = strokes(canvas, [(points, width * 0.3) for points, width in eye.arteries[:8]])
    canvas.shine(reflex, (1.0, 0.8, 0.6), 0.06)


def _ground(
    canvas: Canvas, eye: Eye, rng: np.random.Generator, x: np.ndarray, y: np.ndarray
) -> None:
    person, size = eye.person, canvas.size_px
    shade = 1 - person.falloff * np.clip(x**2 + y**2, 0, 1.2) ** 1.5
    shade *= 1 + 0.10 * rng.uniform(0, 1) * (x * rng.normal() + y * rng.normal())
    texture = 1 + person.mottling * (clouds(rng, size, 10) + 0.7 * clouds(rng, size, 34))
    to_macula = (x - eye.macula[0]) ** 2 + (y - eye.macula[1]) ** 2
    dark = 1 - 0.30 * np.exp(-to_macula / 0.035) - 0.18 * np.exp(-to_macula / 0.004)
    to_disc = (x - eye.disc[0]) ** 2 + (y - eye.disc[1]) ** 2
    glow = 1 + 0.16 * np.exp(-to_disc / 0.12)
    canvas.light[:] = (
        np.asarray(person.ground, np.float32) * (shade * texture * dark * glow)[..., None]
    )
    streaks = np.abs(clouds(rng, size, 18)) * np.clip(np.hypot(x, y) - 0.25, 0, 1)
    choroid = np.clip(1 - 2.2 * streaks, 0, 1) * person.tessellation
    canvas.light += choroid[..., None] * np.asarray((0.9, 0.25, 0.05), np.float32)
    canvas.light *= 1 + 0.02 * clouds(rng, size, 90)[..., None]


def _disc(canvas: Canvas, eye: Eye, rng: np.random.Generator) -> None:
    """The optic disc with its paler cup."""
    radius = DISC_DIAMETER / 2 * eye.person.disc_scale
    bright = rng.uniform(0.8, 1.15)
    rim = blob(canvas, rng, eye.disc, (0.95 * radius, 1.02 * radius), soft=0.16)
    canvas.cover(rim, eye.person.lit(bright, (1.35, 1.75, 2.0)), 0.85)
    cup_radius = rng.uniform(0.25, 0.65) * radius
    cup = blob(canvas, rng, eye.disc, (cup_radius, cup_radius), soft=0.5)
    canvas.cover(cup, eye.person.lit(bright, (1.5, 2.15, 3.0)), 0.8)


def _arcade(disc, side: int, up: int, turn: float, rng: np.random.Generator) -> np.ndarray:
    """A temporal arcade: out of the disc, up, and around the macula."""
    t = np.linspace(0, 1, 40)
    reach, height = rng.uniform(1.25, 1.6), rng.uniform(0.5, 0.72)
    away = disc[0] - side * (rng.uniform(-0.03, 0.04) + reach * t**1.7)
    rise = disc[1] + up * height * np.sin(np.pi * 0.8 * t**0.75) * (1 + turn)
    wiggle = 0.02 * np.sin(t * rng.uniform(8, 16) + rng.uniform(0, 6)) * t
    return np.stack([away, rise + wiggle], axis=1)


def _nasal(disc, side: int, up: int, turn: float, rng: np.random.Generator) -> np.ndarray:
    t = np.linspace(0, 1, 24)
    slope = up * rng.uniform(0.5, 1.6) + turn
    points = np.stack([disc[0] + side * 0.6 * t, disc[1] + slope * 0.55 * t**0.8], axis=1)
    return points + 0.015 * np.sin(t * 11 + rng.uniform(0, 6))[:, None]


def _grow(
    tree: list[Vessel], rng: np.random.Generator, trunk: np.ndarray, width: float, order: int = 0
) -> None:
    """A trunk that thins towards its end, and its side branches."""
    pieces = 3 if order < 2 else 1
    for i in range(pieces):
        part = trunk[i * len(trunk) // pieces : (i + 1) * len(trunk) // pieces + 1]
        tree.append((part, width * (1 - 0.2 * i)))
    if order < len(BRANCHES):
        for walk, relative_width in _branches(rng, trunk, order):
            _grow(tree, rng, walk, width * relative_width, order + 1)


def _branches(
    rng: np.random.Generator, trunk: np.ndarray, order: int
) -> Iterator[tuple[np.ndarray, float]]:
    """Wandering lines that leave a trunk sideways, with their fraction of its width."""
    count, steps = BRANCHES[order], 14
    at = (rng.uniform(0.12, 0.92, count) * len(trunk)).astype(int)
    heading = trunk[np.minimum(at + 1, len(trunk) - 1)] - trunk[at - 1]
    aside = rng.choice([-1, 1], count) * rng.uniform(0.4, 1.0, count)
    bearing = np.arctan2(heading[:, 1], heading[:, 0]) + aside
    bends = bearing[:, None] + np.cumsum(rng.normal(0, 0.12, (count, steps)), axis=1)
    length = rng.uniform(0.18, 0.5, count) / (1 + 0.5 * order) / steps
    walks = np.stack([np.cos(bends), np.sin(bends)], axis=2) * length[:, None, None]
    yield from zip(
        trunk[at][:, None] + np.cumsum(walks, axis=1), rng.uniform(0.4, 0.62, count), strict=True
    )


def _beads(line: Vessel, beading: float, rng: np.random.Generator) -> list[Vessel]:
    """A line cut into short pieces of swinging width, or as it is."""
    points, width = line
    if not beading or width < 0.015:
        return [line]
    swing = 1 + beading * np.sin(np.arange(len(points) - 1) * 2.1 + rng.uniform(0, 6))
    return [(points[i : i + 2], width * s) for i, s in enumerate(swing)]
