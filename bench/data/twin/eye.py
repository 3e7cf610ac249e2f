"""A healthy eye: pigment, optic disc, macula and vessels."""

from dataclasses import dataclass

import numpy as np

from bench.data.twin.canvas import DISC_DIAMETER, Canvas, blob, clouds, grid, ribbons
from bench.data.twin.vessels import STEP, Line, arcade, nasal

VEIN, ARTERY = (0.80, 0.52, 0.55), (0.90, 0.64, 0.62)
"""Light let through; on real photographs the green of large vessels is 0.67 of what is around."""


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
            tessellation=rng.uniform(0.0, 0.05),
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
        veins: Lines with their widths, the trunks' first.
        arteries: Likewise.
    """

    person: Person
    side: int
    disc: tuple[float, float]
    macula: tuple[float, float]
    veins: list[Line]
    arteries: list[Line]

    @classmethod
    def draw(cls, person: Person, side: int, rng: np.random.Generator) -> "Eye":
        """An eye of a person."""
        disc = (side * rng.uniform(0.42, 0.62), rng.uniform(-0.08, 0.06))
        macula = (disc[0] - side * rng.uniform(0.66, 0.74), disc[1] + rng.uniform(0.02, 0.1))
        veins, arteries = [], []
        for up in (-1, 1):
            for tree, wide in ((veins, 0.030), (arteries, 0.021)):
                width = wide * person.width_scale * rng.uniform(0.85, 1.15)
                tree += arcade(disc, macula, up, width, rng)
                tree += nasal(disc, macula, up, width * rng.uniform(0.55, 0.8), rng)
        return cls(person, side, disc, macula, veins, arteries)


def paint(canvas: Canvas, eye: Eye, rng: np.random.Generator, *, beading: float = 0.0) -> None:
    """The eye without lesions.

    Args:
        beading: Swings of the veins' calibre, 0 for none.
    """
    x, y = grid(canvas.size_px, canvas.radius_px)
    _ground(canvas, eye, rng, x, y)
    _disc(canvas, eye, rng)
    veins = ribbons(canvas, [_beaded(line, beading, rng) for line in eye.veins])
    canvas.absorb(ribbons(canvas, eye.arteries), ARTERY, rng.uniform(0.75, 1.0))
    canvas.absorb(veins, VEIN, rng.uniform(0.75, 1.0))
    wide = [(points, width * 0.3) for points, width in eye.arteries if width[0] > 0.012]
    canvas.shine(ribbons(canvas, wide), (1.0, 0.7, 0.4), rng.uniform(0.03, 0.08))


def _beaded(line: Line, beading: float, rng: np.random.Generator) -> Line:
    """A vein whose calibre swings, if it is a large one."""
    points, widths = line
    if not beading or widths[0] < 0.012:
        return line
    period = rng.uniform(0.09, 0.14)  # field radii: a third to half a disc diameter
    swing = np.sin(np.arange(len(points)) * 2 * np.pi * STEP / period)
    return points, widths * (1 + beading * swing)


def _ground(
    canvas: Canvas, eye: Eye, rng: np.random.Generator, x: np.ndarray, y: np.ndarray
) -> None:
    person, size = eye.person, canvas.size_px
    shade = 1 - person.falloff * np.clip(x**2 + y**2, 0, 1.2) ** 1.5
    shade *= 1 + 0.10 * rng.uniform(0, 1) * (x * rng.normal() + y * rng.normal())
    texture = 1 + person.mottling * (clouds(rng, size, 5) + 0.6 * clouds(rng, size, 16))
    to_macula = (x - eye.macula[0]) ** 2 + (y - eye.macula[1]) ** 2
    dark = 1 - 0.30 * np.exp(-to_macula / 0.035) - 0.18 * np.exp(-to_macula / 0.004)
    to_disc = (x - eye.disc[0]) ** 2 + (y - eye.disc[1]) ** 2
    glow = 1 + 0.16 * np.exp(-to_disc / 0.12)
    canvas.light[:] = np.asarray(person.ground, np.float32) * (shade * texture * glow)[..., None]
    canvas.light[..., 0] *= np.sqrt(dark)  # the fovea's pigment takes blue and green
    canvas.light[..., 1:] *= dark[..., None]
    streaks = np.abs(clouds(rng, size, 30)) * np.clip(np.hypot(x, y) - 0.25, 0, 1)
    choroid = np.clip(1 - 2.2 * streaks, 0, 1) * person.tessellation
    canvas.light += choroid[..., None] * np.asarray((0.9, 0.25, 0.05), np.float32)
    canvas.light *= 1 + 0.012 * clouds(rng, size, 90)[..., None]


def _disc(canvas: Canvas, eye: Eye, rng: np.random.Generator) -> None:
    """The optic disc with its paler cup."""
    radius = DISC_DIAMETER / 2 * eye.person.disc_scale
    bright = rng.uniform(0.95, 1.25)
    rim = blob(canvas, rng, eye.disc, (0.95 * radius, 1.02 * radius), ragged=0.03, soft=0.2)
    canvas.cover(rim, eye.person.lit(bright, (1.30, 1.65, 1.8)), 0.9)
    cup_radius = rng.uniform(0.3, 0.65) * radius
    centre = (eye.disc[0] - eye.side * 0.12 * radius, eye.disc[1])
    cup = blob(canvas, rng, centre, (cup_radius, cup_radius * 1.1), soft=1.0)
    canvas.cover(cup, eye.person.lit(bright, (1.45, 2.1, 2.9)), 0.85)
