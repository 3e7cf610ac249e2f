"""The lesions of diabetic retinopathy as they are drawn, with their boxes and masks.

Colours and sizes are near those of IDRiD's photographs within its masks: the green of a haemorrhage
is 0.76 to 0.95 of what is around, its diameter 0.04 to 0.27 of the optic disc's; spots of hard
exudate measure 0.02 to 0.16 disc diameters, cotton-wool spots 0.1 to 0.4. Blood is drawn on the
dark side of that range, since small images show nothing of the pale one.
"""

from dataclasses import dataclass, field

import numpy as np

from bench.data.twin.burden import Burden
from bench.data.twin.canvas import DISC_DIAMETER, Blot, Canvas, blob, ribbons, together
from bench.data.twin.eye import Eye
from bench.data.twin.vessels import frond

MICROANEURYSM = "microaneurysm"
HAEMORRHAGE = "haemorrhage"
HARD_EXUDATE = "hard exudate"
SOFT_EXUDATE = "soft exudate"
IRMA = "intraretinal microvascular abnormality"
NEOVASCULAR = "neovascularisation"
PRERETINAL = "preretinal haemorrhage"
BLOOD = (0.66, 0.28, 0.36)


@dataclass
class DrawnLesions:
    """Masks by kind, (R, R) float32 in 0..1, and a box per lesion in pixels of the canvas."""

    size_px: int
    masks: dict[str, np.ndarray] = field(default_factory=dict)
    boxes: list[tuple[str, float, float, float, float]] = field(default_factory=list)

    def add(self, kind: str, blot: Blot) -> None:
        """One more lesion; one that lies outside the picture is none."""
        box = blot.box()
        if box is None:
            return
        empty = np.zeros((self.size_px, self.size_px), np.float32)
        whole = self.masks.setdefault(kind, empty)
        whole[blot.where] = np.maximum(whole[blot.where], blot.mask)
        self.boxes.append((kind, *box))


def paint(canvas: Canvas, eye: Eye, burden: Burden, rng: np.random.Generator) -> DrawnLesions:
    """Draw all lesions of an eye onto it."""
    drawn = DrawnLesions(canvas.size_px)
    dark = rng.uniform(0.85, 1.0)
    for _ in range(burden.exudate_clusters):
        _exudates(canvas, eye, drawn, rng)
    for _ in range(burden.soft_exudates):
        _soft_exudate(canvas, eye, drawn, rng)
    for quadrant, count in enumerate(burden.haemorrhages):
        for _ in range(count):
            _haemorrhage(canvas, eye, drawn, rng, quadrant, dark, many=count > 12)
    for _ in range(burden.microaneurysms):
        _microaneurysm(canvas, eye, drawn, rng)
    for _ in range(burden.irma):
        _net(canvas, _somewhere(eye, rng, near=0.6), drawn, IRMA, rng, rng.uniform(0.06, 0.1))
    for _ in range(burden.tufts):
        centre = eye.disc if rng.random() < 0.4 else _on_vessel(eye, rng)
        _net(canvas, centre, drawn, NEOVASCULAR, rng, rng.uniform(0.12, 0.24))
    for _ in range(burden.preretinal):
        _preretinal(canvas, eye, drawn, rng)
    return drawn


def _somewhere(eye: Eye, rng, *, near: float = 0.85, quadrant: int | None = None):
    """A place that the photograph shows, off the disc; quadrants are those around its middle."""
    while True:
        angle, distance = rng.uniform(0, 2 * np.pi), near * np.sqrt(rng.uniform(0.01, 1))
        if quadrant is not None:
            angle = (quadrant + rng.uniform(0, 1)) * np.pi / 2
        x, y = distance * np.cos(angle), distance * np.sin(angle)
        off_disc = np.hypot(x - eye.disc[0], y - eye.disc[1]) > 0.7 * DISC_DIAMETER
        if off_disc and abs(y) < eye.person.cut - 0.05:
            return (x, y)


def _on_vessel(eye: Eye, rng: np.random.Generator):
    points, _ = eye.veins[int(rng.integers(len(eye.veins)))]
    x, y = points[int(rng.integers(len(points)))]
    return (float(np.clip(x, -0.7, 0.7)), float(np.clip(y, -0.65, 0.65)))


def _microaneurysm(canvas: Canvas, eye: Eye, drawn: DrawnLesions, rng) -> None:
    radius = DISC_DIAMETER * rng.uniform(1 / 32, 1 / 24)  # diameter at most 1/12 of the disc's
    mask = blob(canvas, rng, _somewhere(eye, rng, near=0.75), (radius, radius), soft=0.6)
    canvas.absorb(mask, BLOOD, 1.0)
    drawn.add(MICROANEURYSM, mask)


def _haemorrhage(canvas, eye, drawn, rng, quadrant: int, dark: float, many: bool) -> None:
    """A dot, a blot or, along the nerve fibres that come from the disc, a flame."""
    centre = _somewhere(eye, rng, near=0.9, quadrant=quadrant)
    diameter = float(np.clip(rng.lognormal(np.log(0.12 if many else 0.17), 0.4), 0.09, 0.42))
    radius = DISC_DIAMETER * diameter / 2
    across, down = centre[0] - eye.disc[0], centre[1] - eye.disc[1]
    if diameter > 0.12 and np.hypot(across, down) < 0.8 and rng.random() < 0.5:
        mask = _flame(canvas, rng, centre, radius, np.arctan2(down, across))
    elif diameter > 0.12:
        mask = _blot(canvas, rng, centre, radius)
    else:
        mask = blob(canvas, rng, centre, (radius, radius * rng.uniform(0.75, 1)), soft=0.5)
    canvas.absorb(mask, BLOOD, dark * rng.uniform(0.7, 1.0))
    drawn.add(HAEMORRHAGE, mask)


def _flame(canvas, rng, centre, radius: float, along: float) -> Blot:
    """Feathered streaks side by side."""
    streaks = []
    for _ in range(int(rng.integers(3, 7))):
        aside, ahead = rng.normal(0, 0.3 * radius), rng.normal(0, 0.7 * radius)
        place = (
            centre[0] + ahead * np.cos(along) - aside * np.sin(along),
            centre[1] + ahead * np.sin(along) + aside * np.cos(along),
        )
        radii = (radius * rng.uniform(1.0, 2.2), radius * rng.uniform(0.2, 0.4))
        turn = along + rng.normal(0, 0.12)
        streaks.append(blob(canvas, rng, place, radii, angle=turn, soft=0.8))
    return together(streaks)


def _blot(canvas, rng, centre, radius: float) -> Blot:
    """A roundish pool with one or two bulges and a soft rim."""
    pools = [blob(canvas, rng, centre, (radius, radius * rng.uniform(0.65, 1)), soft=0.5)]
    for _ in range(int(rng.integers(1, 3))):
        bearing, away = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.3, 0.8)
        place = (centre[0] + away * np.cos(bearing), centre[1] + away * np.sin(bearing))
        radii = radius * rng.uniform(0.4, 0.8, 2)
        pools.append(blob(canvas, rng, place, tuple(radii), angle=bearing, soft=0.6))
    return together(pools)


def _exudates(canvas: Canvas, eye: Eye, drawn: DrawnLesions, rng: np.random.Generator) -> None:
    """A cluster or part of a ring of waxy yellow spots with sharp edges, most of them small."""
    centre, ring = _somewhere(eye, rng, near=0.65), rng.random() < 0.35
    spread = DISC_DIAMETER * rng.uniform(0.2, 0.7)
    wax = eye.person.lit(rng.uniform(0.9, 1.1), (1.35, 2.1, 1.9))
    opening = rng.uniform(0, 2 * np.pi)
    stretch = rng.uniform(0.5, 1.0)
    for _ in range(int(rng.integers(8, 40))):
        angle = opening + rng.uniform(0, (1.3 if ring else 2) * np.pi)
        away = spread * (rng.normal(1, 0.14) if ring else abs(rng.normal(0, 0.6)))
        spot = (centre[0] + away * np.cos(angle), centre[1] + stretch * away * np.sin(angle))
        radius = DISC_DIAMETER * float(np.clip(rng.lognormal(np.log(0.030), 0.5), 0.014, 0.1))
        radii = (radius, radius * rng.uniform(0.5, 1))
        mask = blob(canvas, rng, spot, radii, angle=rng.uniform(0, 3.14), ragged=0.12, soft=0.3)
        canvas.cover(mask, wax, rng.uniform(0.65, 0.95))
        drawn.add(HARD_EXUDATE, mask)


def _soft_exudate(canvas: Canvas, eye: Eye, drawn: DrawnLesions, rng: np.random.Generator) -> None:
    """A cotton-wool spot: pale and fluffy, a fifth to a half of a disc diameter."""
    size = DISC_DIAMETER * rng.uniform(0.1, 0.2)
    while True:
        x, y = _somewhere(eye, rng, near=0.8)
        if np.hypot(x - eye.disc[0], y - eye.disc[1]) < 0.85:
            break
    angle = rng.uniform(0, np.pi)
    puffs = []
    for _ in range(int(rng.integers(3, 6))):
        step = rng.normal(0, 0.5 * size, 2) * (1.0, 0.5)
        turned = (
            np.cos(angle) * step[0] - np.sin(angle) * step[1],
            np.sin(angle) * step[0] + np.cos(angle) * step[1],
        )
        radii = size * rng.uniform(0.5, 1.0, 2)
        puffs.append(blob(canvas, rng, (x + turned[0], y + turned[1]), tuple(radii), soft=1.2))
    mask = together(puffs)
    canvas.cover(mask, eye.person.lit(rng.uniform(0.9, 1.1), (1.25, 1.75, 2.3)), 0.75)
    drawn.add(SOFT_EXUDATE, mask)


def _net(canvas, centre, drawn, kind: str, rng, reach: float) -> None:
    """A fan of fine tortuous vessels."""
    mask = ribbons(canvas, frond(centre, reach, rng.uniform(0.007, 0.011), rng))
    canvas.absorb(mask, BLOOD, 0.85)
    drawn.add(kind, mask)


def _preretinal(canvas: Canvas, eye: Eye, drawn: DrawnLesions, rng: np.random.Generator) -> None:
    """Blood before the retina: a boat, level at the top, or a pool that runs down and out."""
    x, y = _somewhere(eye, rng, near=0.6)
    size = DISC_DIAMETER * rng.uniform(0.45, 1.1)
    if rng.random() < 0.5:
        mask = blob(canvas, rng, (x, y), (size, size * 0.7), ragged=0.06, soft=0.15)
        level = canvas.pixel(np.array((x, y - 0.1 * size)))[1]
        mask.mask[: max(int(level) - mask.where[0].start, 0)] = 0
    else:
        drops = rng.normal(0, 0.45 * size, (5, 2)) * (1.3, 0.8)
        radii = size * rng.uniform(0.3, 0.7, (5, 2))
        mask = together(
            [
                blob(canvas, rng, (x + dx, y + abs(dy)), tuple(r), ragged=0.15, soft=0.5)
                for (dx, dy), r in zip(drops, radii, strict=True)
            ]
        )
    canvas.absorb(mask, BLOOD, rng.uniform(0.85, 1.0))
    drawn.add(PRERETINAL, mask)
