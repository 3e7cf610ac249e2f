"""A square picture in the making: light, and coordinates in which the field is the unit disc.

x grows to the right and y downwards; a length of 1 is the radius of the field of view.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

DISC_DIAMETER = 0.28
"""Of the optic disc, in field radii: a field of 45 degrees holds about seven discs."""


@dataclass
class Canvas:
    """Pixels and the way to them.

    Attributes:
        light: (R, R, 3) float32 RGB, 0 black, 1 white.
        radius_px: Of the field of view.
    """

    light: np.ndarray
    radius_px: float

    @property
    def size_px(self) -> int:
        """Side of the picture."""
        return self.light.shape[0]

    def pixel(self, points: np.ndarray) -> np.ndarray:
        """Unit coordinates (..., 2) as pixels."""
        return self.size_px / 2 + np.asarray(points) * self.radius_px

    def absorb(self, blot: "Blot", colour: tuple[float, float, float], depth: float) -> None:
        """Let a blot take light away; `colour` is the proportion of each channel let through."""
        self.light[blot.where] *= 1 - (depth * blot.mask)[..., None] * (1 - _channels(colour))

    def cover(self, blot: "Blot", colour: tuple[float, float, float], depth: float) -> None:
        """Lay an opaque colour over what a blot covers."""
        part = self.light[blot.where]
        part += (depth * blot.mask)[..., None] * (_channels(colour) - part)

    def shine(self, blot: "Blot", colour: tuple[float, float, float], depth: float) -> None:
        """Add light where a blot is."""
        self.light[blot.where] += (depth * blot.mask)[..., None] * _channels(colour)

    def everywhere(self, mask: np.ndarray) -> "Blot":
        """A mask of the whole picture as a blot."""
        return Blot(mask.astype(np.float32), (slice(None), slice(None)))


@dataclass(frozen=True)
class Blot:
    """Weights in 0..1 over a part of the picture.

    Attributes:
        mask: (h, w) float32.
        where: Its rows and columns.
    """

    mask: np.ndarray
    where: tuple[slice, slice]

    def box(self, above: float = 0.3) -> tuple[int, int, int, int] | None:
        """x0, y0, x1, y1 (exclusive) of what is above a weight, None if nothing is."""
        rows = np.flatnonzero(self.mask.max(axis=1, initial=0) > above)
        columns = np.flatnonzero(self.mask.max(axis=0, initial=0) > above)
        if not len(rows):
            return None
        top, left = self.where[0].start or 0, self.where[1].start or 0
        return left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1


def grid(size_px: int, radius_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit coordinates x and y of every pixel, (R, R) float32 each."""
    axis = ((np.arange(size_px) + 0.5 - size_px / 2) / radius_px).astype(np.float32)
    return np.meshgrid(axis, axis)


def clouds(rng: np.random.Generator, size_px: int, cells: int) -> np.ndarray:
    """Smooth noise of zero mean and unit spread with about `cells` blotches per side."""
    coarse = rng.standard_normal((cells + 2, cells + 2)).astype(np.float32)
    return cv2.resize(coarse, (size_px, size_px), interpolation=cv2.INTER_CUBIC)


def blob(
    canvas: Canvas,
    rng: np.random.Generator,
    centre: tuple[float, float],
    radii: tuple[float, float],
    *,
    angle: float = 0.0,
    ragged: float = 0.0,
    soft: float = 0.3,
) -> Blot:
    """An ellipse with a ragged rim and a soft edge.

    Args:
        centre: Unit coordinates.
        radii: Half axes in field radii.
        angle: Of the first axis, radians.
        ragged: Spread of the rim relative to the radius.
        soft: Width of the edge relative to the radius.
    """
    reach = max(radii) * canvas.radius_px * (1.4 + soft + ragged) + 2
    x, y = canvas.pixel(np.array(centre))
    x0, y0 = (int(np.clip(v - reach, 0, canvas.size_px)) for v in (x, y))
    x1, y1 = (int(np.clip(v + reach + 1, 0, canvas.size_px)) for v in (x, y))
    across, down = np.meshgrid(np.arange(x0, x1) + 0.5 - x, np.arange(y0, y1) + 0.5 - y)
    turned = np.cos(angle) * across + np.sin(angle) * down
    perpendicular = np.cos(angle) * down - np.sin(angle) * across
    first, second = (max(r * canvas.radius_px, 0.6) for r in radii)
    distance = np.hypot(turned / first, perpendicular / second)
    if ragged:
        bearing = np.arctan2(perpendicular, turned)
        waves = range(2, 6)
        phases, sizes = rng.uniform(0, 6.28, 4), rng.normal(0, ragged / 2, 4)
        distance += sum(
            s * np.cos(k * bearing + p) for k, p, s in zip(waves, phases, sizes, strict=True)
        )
    edge = max(soft, 1.0 / min(first, second))
    mask = np.clip((1 - distance) / edge + 0.5, 0, 1).astype(np.float32)
    return Blot(mask, (slice(y0, y1), slice(x0, x1)))


def ribbons(canvas: Canvas, lines: Sequence[tuple[np.ndarray, np.ndarray]]) -> Blot:
    """Lines of changing width as one blot, drawn at twice the canvas's size and averaged.

    Args:
        lines: Points (n, 2) in unit coordinates, and the width at each, (n,), in field radii.
    """
    mask = np.zeros((2 * canvas.size_px, 2 * canvas.size_px), np.uint8)
    for points, widths in sorted(lines, key=lambda line: line[1][0]):
        along = np.diff(points, axis=0, append=2 * points[-1:] - points[-2:-1])
        across = along[:, ::-1] * [1, -1] / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
        # An anti-aliased rim adds half a pixel on either side.
        half = np.maximum(widths / 2 - 0.25 / canvas.radius_px, 0)[:, None]
        outline = np.concatenate([points + half * across, (points - half * across)[::-1]])
        fixed = np.round(2 * canvas.pixel(outline) * 16).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, 4)
    small = cv2.resize(mask, (canvas.size_px,) * 2, interpolation=cv2.INTER_AREA)
    return canvas.everywhere(cv2.GaussianBlur(small, (0, 0), 0.6).astype(np.float32) / 255)


def together(blots: Sequence[Blot]) -> Blot:
    """Several blots as one: the larger weight wherever they overlap."""
    (top, left), (bottom, right) = (
        [take(getattr(b.where[axis], end) for b in blots) for axis in (0, 1)]
        for take, end in ((min, "start"), (max, "stop"))
    )
    mask = np.zeros((bottom - top, right - left), np.float32)
    for b in blots:
        rows, columns = b.where
        part = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        np.maximum(part, b.mask, out=part)
    return Blot(mask, (slice(top, bottom), slice(left, right)))


def _channels(colour: tuple[float, float, float]) -> np.ndarray:
    return np.asarray(colour, np.float32)
