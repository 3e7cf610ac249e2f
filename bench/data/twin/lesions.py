"""The lesions of diabetic retinopathy, how many each grade has, and their masks.

Grades follow the International Clinical Diabetic Retinopathy scale (Wilkinson et al., 2003):
1 microaneurysms only; 2 more than that, less than 3; 3 more than 20 haemorrhages in each quadrant,
or venous beading in two, or IRMA in one; 4 neovascularisation or preretinal haemorrhage.
"""

from dataclasses import dataclass, field

import numpy as np

from bench.data.twin.canvas import DISC_DIAMETER, Blot, Canvas, blob, strokes
from bench.data.twin.eye import Eye

MICROANEURYSM = "microaneurysm"
HAEMORRHAGE = "haemorrhage"
HARD_EXUDATE = "hard exudate"
SOFT_EXUDATE = "soft exudate"
NEOVASCULAR = "neovascularisation"
PRERETINAL = "preretinal haemorrhage"
BLOOD = (0.42, 0.15, 0.20)


@dataclass(frozen=True)
class Burden:
    """What one eye has, drawn from its grade.

    Attributes:
        haemorrhages: In each quadrant.
        beading: Swings of venous calibre.
    """

    microaneurysms: int = 0
    haemorrhages: tuple[int, ...] = (0, 0, 0, 0)
    exudate_clusters: int = 0
    soft_exudates: int = 0
    irma: int = 0
    beading: float = 0.0
    tufts: int = 0
    preretinal: int = 0

    @classmethod
    def draw(cls, grade: int, rng: np.random.Generator) -> "Burden":
        """A burden that the scale gives this grade."""
        return (_none, _mild, _moderate, _severe, _proliferative)[grade](rng)

    @property
    def grade(self) -> int:
        """The grade of the scale for this burden."""
        if self.tufts or self.preretinal:
            return 4
        if min(self.haemorrhages) > 20 or self.beading or self.irma:
            return 3
        if sum(self.haemorrhages) or self.exudate_clusters or self.soft_exudates:
            return 2
        return 1 if self.microaneurysms else 0


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
    depth = rng.uniform(0.85, 1.0)
    for _ in range(burden.exudate_clusters):
        _exudates(canvas, eye, drawn, rng)
    for _ in range(burden.soft_exudates):
        _soft_exudate(canvas, eye, drawn, rng)
    for quadrant, count in enumerate(burden.haemorrhages):
        for _ in range(count):
            _haemorrhage(canvas, eye, drawn, rng, quadrant, depth, many=count > 12)
    for _ in range(burden.microaneurysms):
        _microaneurysm(canvas, eye, drawn, rng, depth)
    for _ in range(burden.irma):
        _net(canvas, _somewhere(eye, rng, near=0.5), drawn, HAEMORRHAGE, rng, 0.10, 0.7)
    for _ in range(burden.tufts):
        at_disc = rng.random() < 0.4
        centre = eye.disc if at_disc else _on_vessel(eye, rng)
        _net(canvas, centre, drawn, NEOVASCULAR, rng, rng.uniform(0.16, 0.30), 1.0)
    for _ in range(burden.preretinal):
        _preretinal(canvas, eye, drawn, rng)
    return drawn


def _none(rng: np.random.Generator) -> Burden:
    return Burden()


def _mild(rng: np.random.Generator) -> Burden:
    return Burden(microaneurysms=int(rng.integers(2, 9)))


def _moderate(rng: np.random.Generator) -> Burden:
    total = int(rng.integers(8, 30))
    spread = rng.multinomial(total, rng.dirichlet((2, 2, 2, 2)))
    return Burden(
        microaneurysms=int(rng.integers(4, 16)),
        haemorrhages=tuple(int(v) for v in spread),
        exudate_clusters=int(rng.integers(1, 6)),
        soft_exudates=int(rng.integers(0, 4)),
    )


def _severe(rng: np.random.Generator) -> Burden:
    by_count = rng.random() < 0.6
    low, high = (21, 34) if by_count else (6, 16)
    return Burden(
        microaneurysms=int(rng.integers(10, 30)),
        haemorrhages=tuple(int(v) for v in rng.integers(low, high, 4)),
        exudate_clusters=int(rng.integers(1, 5)),
        soft_exudates=int(rng.integers(1, 5)),
        irma=0 if by_count else int(rng.integers(1, 4)),
        beading=0.0 if by_count else rng.uniform(0.35, 0.6),
    )


def _proliferative(rng: np.random.Generator) -> Burden:
    new = rng.random() < 0.75
    return Burden(
        microaneurysms=int(rng.integers(4, 20)),
        haemorrhages=tuple(int(v) for v in rng.integers(2, 12, 4)),
        exudate_clusters=int(rng.integers(0, 4)),
        soft_exudates=int(rng.integers(0, 4)),
        tufts=int(rng.integers(1, 4)) if new else 0,
        preretinal=0 if new and rng.random() < 0.5 else 1,
    )


def _somewhere(eye: Eye, rng, *, near: float = 0.85, quadrant: int | None = None):
    """A place in the field, off the disc; quadrants are those around the macula-disc middle."""
    while True:
        angle, distance = rng.uniform(0, 2 * np.pi), near * np.sqrt(rng.uniform(0.01, 1))
        if quadrant is not None:
            angle = (quadrant + rng.uniform(0, 1)) * np.pi / 2
        centre = (distance * np.cos(angle), distance * np.sin(angle))
        if np.hypot(centre[0] - eye.disc[0], centre[1] - eye.disc[1]) > 0.7 * DISC_DIAMETER:
            return centre


def _on_vessel(eye: Eye, rng: np.random.Generator):
    points, _ = eye.veins[int(rng.integers(len(eye.veins)))]
    x, y = points[int(rng.integers(len(points)))]
    return (float(np.clip(x, -0.75, 0.75)), float(np.clip(y, -0.7, 0.7)))


def _microaneurysm(canvas: Canvas, eye: Eye, drawn: DrawnLesions, rng, depth: float) -> None:
    radius = DISC_DIAMETER * rng.uniform(1 / 40, 1 / 24)  # diameter at most 1/12 of the disc's
    mask = blob(canvas, rng, _somewhere(eye, rng, near=0.75), (radius, radius), soft=0.6)
    canvas.absorb(mask, BLOOD, depth)
    drawn.add(MICROANEURYSM, mask)


def _haemorrhage(canvas, eye, drawn, rng, quadrant: int, depth: float, many: bool) -> None:
    size = DISC_DIAMETER * (rng.uniform(0.06, 0.16) if many else rng.uniform(0.09, 0.34))
    centre = _somewhere(eye, rng, near=0.9, quadrant=quadrant)
    flame = rng.random() < 0.3
    towards_disc = np.arctan2(centre[1] - eye.disc[1], centre[0] - eye.disc[0])
    radii = (size * 0.9, size * 0.3) if flame else (size * 0.6, size * rng.uniform(0.4, 0.6))
    angle = towards_disc if flame else rng.uniform(0, 3.14)
    mask = blob(canvas, rng, centre, radii, angle=angle, ragged=0.18, soft=0.35)
    canvas.absorb(mask, BLOOD, depth)
    drawn.add(HAEMORRHAGE, mask)


def _exudates(canvas: Canvas, eye: Eye, drawn: DrawnLesions, rng: np.random.Generator) -> None:
    """A cluster or ring of waxy yellow spots with sharp edges."""
    centre, ring = _somewhere(eye, rng, near=0.65), rng.random() < 0.35
    spread = DISC_DIAMETER * rng.uniform(0.2, 0.55)
    wax = eye.person.lit(rng.uniform(0.8, 1.05), (1.5, 2.3, 2.5))
    for _ in range(int(rng.integers(6, 26))):
        angle = rng.uniform(0, 2 * np.pi)
        away = spread * (rng.normal(1, 0.12) if ring else np.sqrt(rng.random()))
        spot = (centre[0] + away * np.cos(angle), centre[1] + away * np.sin(angle))
        radius = DISC_DIAMETER * rng.uniform(0.02, 0.075)
        mask = blob(canvas, rng, spot, (radius, radius * rng.uniform(0.6, 1)), ragged=0.2, soft=0.3)
        canvas.cover(mask, wax, 0.85)
        drawn.add(HARD_EXUDATE, mask)


def _soft_exudate(canvas: Canvas, eye: Eye, drawn: DrawnLesions, rng: np.random.Generator) -> None:
    """A cotton-wool spot: pale, feathered, a quarter to a half of a disc diameter."""
    size = DISC_DIAMETER * rng.uniform(0.14, 0.26)
    centre = _somewhere(eye, rng, near=0.7)
    radii = (size, size * rng.uniform(0.5, 0.9))
    mask = blob(canvas, rng, centre, radii, angle=rng.uniform(0, 3.14), ragged=0.3, soft=1.0)
    canvas.cover(mask, eye.person.lit(rng.uniform(0.85, 1.05), (1.35, 2.05, 2.8)), 0.75)
    drawn.add(SOFT_EXUDATE, mask)


def _net(canvas, centre, drawn, kind: str, rng, reach: float, depth: float) -> None:
    """A tangle of fine vessels."""
    lines = []
    for _ in range(int(rng.integers(9, 18))):
        bend = np.cumsum(rng.normal(0, 0.75, 18)) + rng.uniform(0, 6.28)
        walk = np.cumsum(np.stack([np.cos(bend), np.sin(bend)], 1) * reach / 7, axis=0)
        lines.append((np.asarray(centre) + walk, rng.uniform(0.006, 0.011)))
    mask = strokes(canvas, lines)
    canvas.absorb(mask, (0.70, 0.32, 0.36), depth)
    drawn.add(kind, mask)


def _preretinal(canvas: Canvas, eye: Eye, drawn: DrawnLesions, rng: np.random.Generator) -> None:
    """A boat: blood that settles, level at the top."""
    x, y = _somewhere(eye, rng, near=0.6)
    size = DISC_DIAMETER * rng.uniform(0.5, 1.1)
    mask = blob(canvas, rng, (x, y), (size, size * 0.7), ragged=0.06, soft=0.12)
    level = canvas.pixel(np.array((x, y - 0.1 * size)))[1]
    mask.mask[: max(int(level) - mask.where[0].start, 0)] = 0
    canvas.absorb(mask, (0.58, 0.24, 0.28), 1.0)
    drawn.add(PRERETINAL, mask)
