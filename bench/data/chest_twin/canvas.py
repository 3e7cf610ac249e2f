"""A radiograph in the making: what the beam has met on its way to each pixel, in centimetres.

x grows to the patient's left, which is the picture's right, y downwards; the origin is the middle
of the chest. Attenuation is a sum over what lies behind one another, as its logarithm is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

Point = tuple[float, float]
Stroke = tuple[np.ndarray, float]  # points (n, 2) and a width, cm
BEND = 8  # points a segment of a smooth line
FINE = 4  # bits of a sub-pixel coordinate


@dataclass(frozen=True)
class Film:
    """Where the chest lies on the picture.

    Attributes:
        size_px: Side of the picture in the making.
        field_cm: Width and height that it shows; sides differ where a published image was squeezed.
        offset: Of the chest's middle from the picture's, cm.
        tilt: Of the chest, radians.
        scale: Magnification.
    """

    size_px: int
    field_cm: Point
    offset: Point = (0.0, 0.0)
    tilt: float = 0.0
    scale: float = 1.0

    @property
    def px_per_cm(self) -> float:
        """The mean over both directions."""
        return self.scale * self.size_px * (1 / self.field_cm[0] + 1 / self.field_cm[1]) / 2

    def pixel(self, points: np.ndarray) -> np.ndarray:
        """Chest coordinates (..., 2) as pixels."""
        cos, sin = np.cos(self.tilt) * self.scale, np.sin(self.tilt) * self.scale
        turned = np.asarray(points, float) @ np.array([[cos, sin], [-sin, cos]])
        return (turned + self.offset) * (
            self.size_px / np.asarray(self.field_cm)
        ) + self.size_px / 2

    @cached_property
    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Chest coordinates x and y of every pixel, (R, R) float32 each."""
        axis = (np.arange(self.size_px) + 0.5) / self.size_px - 0.5
        across, down = np.meshgrid(
            axis * self.field_cm[0] - self.offset[0], axis * self.field_cm[1] - self.offset[1]
        )
        cos, sin = np.cos(self.tilt) / self.scale, np.sin(self.tilt) / self.scale
        x, y = cos * across + sin * down, cos * down - sin * across
        return x.astype(np.float32), y.astype(np.float32)

    def empty(self) -> np.ndarray:
        """(R, R) float32 zeros."""
        return np.zeros((self.size_px, self.size_px), np.float32)

    def polygon(self, *outlines: np.ndarray, soft_cm: float = 0.0) -> np.ndarray:
        """(R, R) float32: 1 inside outlines of chest coordinates, edges softened by `soft_cm`."""
        mask = np.zeros((self.size_px, self.size_px), np.uint8)
        for outline in outlines:
            cv2.fillPoly(mask, [self._fixed(outline)], 255, cv2.LINE_AA, FINE)
        return self.soften(mask.astype(np.float32) / 255, soft_cm)

    def strokes(
        self, lines: Iterable[Stroke], *, full_cm: float, soft_cm: float = 0.0
    ) -> np.ndarray:
        """(R, R) float32: tubes, as strong as they are thick; at `full_cm` and above it is 1.

        A tube thinner than a pixel is fainter instead.
        """
        mask = np.zeros((self.size_px, self.size_px), np.uint8)
        thinnest_first = sorted(lines, key=lambda line: line[1])
        if not thinnest_first:
            return self.empty()
        points = [line[0] for line in thinnest_first]
        ends = np.cumsum([len(part) for part in points])[:-1]
        fixed = np.split(self._fixed(np.concatenate(points)), ends)
        for part, (_, width) in zip(fixed, thinnest_first, strict=True):
            thick = width * self.px_per_cm
            strength = round(255 * min(1.0, width / full_cm) * min(1.0, thick))
            cv2.polylines(mask, [part], False, strength, max(1, round(thick)), cv2.LINE_AA, FINE)
        return self.soften(mask.astype(np.float32) / 255, soft_cm)

    def soften(self, mask: np.ndarray, soft_cm: float) -> np.ndarray:
        """A mask blurred by a standard deviation in centimetres."""
        sigma = soft_cm * self.px_per_cm
        return cv2.GaussianBlur(mask, (0, 0), sigma) if sigma > 0.3 else mask

    def mound(
        self, centre: Point, radii: Point, *, angle: float = 0.0, ragged: Iterable[float] = ()
    ) -> "Patch":
        """The thickness of an ellipsoid, 1 in its middle.

        Args:
            radii: Half axes, cm.
            angle: Of the first axis, radians.
            ragged: Sizes of the waves of its rim, relative to the radius; their phases follow.
        """
        reach = max(radii) * 1.4 * self.px_per_cm * max(self.field_cm) / min(self.field_cm) + 2
        column, row = self.pixel(np.array(centre))
        x0, y0 = (int(np.clip(v - reach, 0, self.size_px)) for v in (column, row))
        x1, y1 = (int(np.clip(v + reach + 1, 0, self.size_px)) for v in (column, row))
        where = (slice(y0, y1), slice(x0, x1))
        x, y = self.grid[0][where] - centre[0], self.grid[1][where] - centre[1]
        along, aside = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
        distance = np.hypot(along / radii[0], aside / radii[1])
        waves = list(ragged)
        if waves:
            bearing = np.arctan2(aside, along)
            half = len(waves) // 2
            for k, (size, phase) in enumerate(zip(waves[:half], waves[half:], strict=True), 2):
                distance = distance + size * np.cos(k * bearing + phase)
        return Patch(np.sqrt(np.clip(1 - distance**2, 0, 1)).astype(np.float32), where)

    def _fixed(self, points: np.ndarray) -> np.ndarray:
        return np.round((self.pixel(points) - 0.5) * 2**FINE).astype(np.int32)


@dataclass(frozen=True)
class Patch:
    """Weights in 0..1 over a part of the picture."""

    mask: np.ndarray
    where: tuple[slice, slice]

    def whole(self, film: Film) -> np.ndarray:
        """The same over the whole picture."""
        out = film.empty()
        out[self.where] = self.mask
        return out


def waves(rng: np.random.Generator, ragged: float, count: int = 4) -> list[float]:
    """The ragged rim of a mound: sizes, then phases."""
    return [*rng.normal(0, ragged / 2, count), *rng.uniform(0, 2 * np.pi, count)]


def smooth(points: Iterable[Point | np.ndarray], *, closed: bool = False) -> np.ndarray:
    """A Catmull-Rom line through points, (n, 2)."""
    p = np.asarray(list(points), float)
    if closed:
        knots = np.concatenate([p[-1:], p, p[:2]])
    else:
        knots = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    a, b, c, d = knots[:-3], knots[1:-2], knots[2:-1], knots[3:]
    t = (np.arange(BEND) / BEND)[:, None, None]
    bent = b + t * (c - a) / 2 + t**2 * (2 * a - 5 * b + 4 * c - d) / 2
    bent = bent + t**3 * (3 * (b - c) + d - a) / 2
    line = bent.transpose(1, 0, 2).reshape(-1, 2)
    return line if closed else np.concatenate([line, p[-1:]])


def step(values: np.ndarray, soft: float | np.ndarray) -> np.ndarray:
    """0 far below zero, 1 far above, a soft change between."""
    return np.clip(values / (2 * soft) + 0.5, 0, 1).astype(np.float32)


def from_edge(film: Film, mask: np.ndarray, full_cm: float) -> np.ndarray:
    """Distance from the outline of a mask, 1 at `full_cm` and beyond; pictures have no outline."""
    padded = cv2.copyMakeBorder((mask > 0.5).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.clip(distance / (full_cm * film.px_per_cm), 0, 1)


def clouds(rng: np.random.Generator, size_px: int, cells: int) -> np.ndarray:
    """(R, R) float32 smooth noise of zero mean and about unit spread, `cells` blotches per side."""
    coarse = rng.standard_normal((cells + 2, cells + 2)).astype(np.float32)
    return cv2.resize(coarse, (size_px, size_px), interpolation=cv2.INTER_CUBIC)


def box_of(mask: np.ndarray, above: float) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 (exclusive) of what is above a weight, None if nothing is."""
    rows = np.flatnonzero(mask.max(axis=1, initial=0) > above)
    columns = np.flatnonzero(mask.max(axis=0, initial=0) > above)
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
