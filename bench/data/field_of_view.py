"""The round field of view of a fundus photograph: finding it and cropping to it.

A photograph is a bright disc on a black frame, often cut at the top and bottom. The disc is found
on a small copy: what is brighter than the corners, its outline, and the circle that most of the
outline lies on, so that cut edges, dark rims and shadows do not move the circle.
"""

from dataclasses import dataclass

import cv2
import numpy as np

WORK_PX = 480
"""Longest side of the copy that the field is searched on."""


@dataclass(frozen=True)
class FieldOfView:
    """Where the photograph's disc is, in pixels of the photograph.

    Attributes:
        centre_x: Of the circle; pixel centres lie at whole numbers plus one half.
        centre_y: Of the circle.
        radius: Of the circle.
        x0: First visible column of the disc; with y0, x1, y1 (exclusive) its box in the frame.
        y0: First visible row.
        x1: One past the last visible column.
        y1: One past the last visible row.
        found: False if there is no circle to be found; then the whole frame is the field.
    """

    centre_x: float
    centre_y: float
    radius: float
    x0: int
    y0: int
    x1: int
    y1: int
    found: bool = True

    @property
    def square(self) -> tuple[int, int, int]:
        """Left, top and side of the crop in whole pixels; it may reach beyond the photograph."""
        side = max(round(2 * self.radius), 1)
        return round(self.centre_x - side / 2), round(self.centre_y - side / 2), side

    def magnified(self, times: int) -> "FieldOfView":
        """The field on a photograph `times` as large; its square is exactly this square's image."""
        if times == 1:
            return self
        left, top, side = self.square
        return FieldOfView(
            times * (left + side / 2),
            times * (top + side / 2),
            times * side / 2,
            times * self.x0,
            times * self.y0,
            times * self.x1,
            times * self.y1,
            self.found,
        )

    def to_crop(self, boxes: np.ndarray, size_px: int) -> np.ndarray:
        """Boxes (N, 4) of the photograph as float boxes of `crop(image, self, size_px)`."""
        left, top, side = self.square
        shifted = np.asarray(boxes, dtype=np.float64).reshape(-1, 4) - [left, top, left, top]
        return np.clip(shifted * (size_px / side), 0, size_px)

    def mask(self, size_px: int) -> np.ndarray:
        """Which pixels of `crop(image, self, size_px)` show the field: bool (size, size)."""
        box = self.to_crop(np.array([self.x0, self.y0, self.x1, self.y1]), size_px)[0]
        inside = _rectangle(size_px, box)
        return inside & _disc(size_px) if self.found else inside


def whole_frame(width: int, height: int) -> FieldOfView:
    """The field of an image that shows something everywhere."""
    return FieldOfView(
        width / 2, height / 2, max(height, width) / 2, 0, 0, width, height, found=False
    )


def find(image: np.ndarray) -> FieldOfView:
    """The field of view of a photograph, uint8 (H, W, 3), by the same steps on every call.

    Where no circle stands out (a nearly black photograph, or one that fills its frame), the whole
    frame is the field and `found` is False.
    """
    height, width = image.shape[:2]
    shrink = min(1.0, WORK_PX / max(height, width))
    small = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    outline = _outline(small)
    circle = None if outline is None else _circle(outline, small.shape[:2])
    if outline is None or circle is None:
        return whole_frame(width, height)
    box = _visible(outline, circle, small.shape[:2]) * np.tile([width, height], 2)
    x0, y0, x1, y1 = (int(value) for value in np.rint(box))
    scale = max(height, width) / max(small.shape[:2])
    x, y, radius = (float(value * scale) for value in circle)
    return FieldOfView(x, y, radius, x0, y0, x1, y1)


def crop(image: np.ndarray, field: FieldOfView, size_px: int) -> np.ndarray:
    """The circle's square, uint8 (size, size, 3), black outside the field.

    The square is filled with black where the photograph cuts the circle, and averaged over areas
    when it shrinks.
    """
    left, top, side = field.square
    height, width = image.shape[:2]
    canvas = np.zeros((side, side, 3), np.uint8)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + side, width), min(top + side, height)
    canvas[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    how = cv2.INTER_AREA if side >= size_px else cv2.INTER_LINEAR
    square = cv2.resize(canvas, (size_px, size_px), interpolation=how)
    square[~field.mask(size_px)] = 0
    return square


def crop_mask(square: np.ndarray) -> np.ndarray:
    """The field's mask, bool (S, S), from a crop alone: its disc within the box of what is lit.

    A square that is lit outside the disc was cropped without a circle: the box alone is the mask.
    """
    size = square.shape[0]
    lit = square.max(axis=2) > 0
    columns, rows = np.flatnonzero(lit.any(axis=0)), np.flatnonzero(lit.any(axis=1))
    if not len(rows):
        return np.ones((size, size), bool)
    inside = np.zeros((size, size), bool)
    inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    disc = _disc(size)
    return inside if (lit & ~disc).any() else inside & disc


def _outline(small: np.ndarray) -> np.ndarray | None:
    """Outline points (N, 2) of the largest part that is brighter than the corners."""
    level = cv2.medianBlur(small.max(axis=2), 5)
    corner = max(min(level.shape) // 40, 2)
    ends = [slice(None, corner), slice(-corner, None)]
    background = min(float(np.median(level[rows, columns])) for rows in ends for columns in ends)
    contrast = float(np.percentile(level, 90)) - background
    if contrast < 5:  # grey levels: below this the noise of a JPEG has outlines of its own
        return None
    # A tenth of the contrast keeps a dim rim inside; three levels keep compression noise out.
    lit = (level > background + max(0.1 * contrast, 3)).astype(np.uint8)
    outlines, _ = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(outlines, key=cv2.contourArea)[:, 0, :] + 0.5


def _circle(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray | None:
    """The circle (x, y, radius) that most of the outline inside the frame lies on.

    Where a shadow hides one side, straight cuts at top and bottom draw the circle to themselves; if
    it leaves a tenth of the other points unexplained, one is sought among those alone, around all.
    None if fewer than a third of those others, or a sixth of all points, agree.
    """
    height, width = shape
    gap = np.minimum(outline, [width, height] - outline).min(axis=1)
    points = outline[gap > 2]
    points = points[:: len(points) // 500 + 1]
    if len(points) < 12 or (gap > 2).mean() < 0.1:
        return None
    tolerance = 0.006 * max(shape)
    uncut = points[~_on_cuts(points, tolerance)]
    circle = _fitted(points, points[:0], shape, tolerance)
    agree = _agree(circle, uncut, points, tolerance)
    if agree < len(uncut) / 1.1:
        other = _fitted(uncut, points, shape, tolerance)
        others = _agree(other, uncut, points, tolerance)
        circle, agree = (other, others) if others > 1.1 * agree else (circle, agree)
    return circle if agree > max(len(uncut) / 3, len(points) / 6) else None


def _on_cuts(points: np.ndarray, tolerance: float) -> np.ndarray:
    """Which points (N, 2) lie on the sides of their own box, as straight cuts do: bool (N,)."""
    sides = np.concatenate([points - points.min(axis=0), points.max(axis=0) - points], axis=1)
    return sides.min(axis=1) < tolerance


def _fitted(
    points: np.ndarray, around: np.ndarray, shape: tuple[int, int], tolerance: float
) -> np.ndarray | None:
    """The plausible circle that most points (N, 2) lie on, and that holds the points `around`.

    Random triples of points, then least squares on the points near the best one (RANSAC; Fischler
    and Bolles, 1981), with a fixed seed.
    """
    if len(points) < 12:
        return None
    circles = _through(points[np.random.default_rng(0).integers(0, len(points), (300, 3))])
    circles = circles[_plausible(circles, shape)]
    if not len(circles):
        return None
    circle = circles[_score(circles, points, around, tolerance).argmax()]
    for _ in range(4):
        circle = _least_squares(points[_near(points, circle[None], tolerance)[0]])
    return circle if _plausible(circle[None], shape)[0] else None


def _score(
    circles: np.ndarray, near: np.ndarray, around: np.ndarray, tolerance: float
) -> np.ndarray:
    """Points of `near` on each circle (M, 3), less those of `around` that lie outside it: (M,).

    Nothing is lit outside the camera's field, but a shadow's edge lies well within it.
    """
    outside = _beyond(around, circles) > tolerance
    return _near(near, circles, tolerance).sum(axis=1) - outside.sum(axis=1)


def _agree(
    circle: np.ndarray | None, near: np.ndarray, around: np.ndarray, tolerance: float
) -> float:
    return 0.0 if circle is None else float(_score(circle[None], near, around, tolerance)[0])


def _near(points: np.ndarray, circles: np.ndarray, tolerance: float) -> np.ndarray:
    """Which points (N, 2) lie near which circles (M, 3): bool (M, N)."""
    return np.abs(_beyond(points, circles)) < tolerance


def _beyond(points: np.ndarray, circles: np.ndarray) -> np.ndarray:
    """How far points (N, 2) lie outside circles (M, 3), negative inside: (M, N)."""
    distance = np.hypot(*(points[None] - circles[:, None, :2]).transpose(2, 0, 1))
    return distance - circles[:, 2:]


def _through(triples: np.ndarray) -> np.ndarray:
    """The circles (M, 3) through triples of points (N, 3, 2) that do not lie nearly on a line."""
    sides = triples[:, 1:] - triples[:, :1]
    usable = np.abs(np.linalg.det(sides)) > 50
    first, sides = triples[usable, 0], sides[usable]
    middle = np.linalg.solve(2 * sides, (sides**2).sum(axis=2)[..., None])[..., 0]
    return np.column_stack([first + middle, np.hypot(*middle.T)])


def _least_squares(points: np.ndarray) -> np.ndarray:
    """The algebraic least-squares circle (x, y, radius) of points (N, 2) (Kåsa, 1976)."""
    design = np.column_stack([2 * points, np.ones(len(points))])
    x, y, rest = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)[0]
    return np.array([x, y, np.sqrt(max(rest + x * x + y * y, 0.0))])


def _plausible(circles: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which circles (N, 3) could be a camera's field: large, and centred near the middle."""
    height, width = shape
    off = np.abs(circles[:, :2] - [width / 2, height / 2]) / max(shape)
    sized = (circles[:, 2] > 0.25 * min(shape)) & (circles[:, 2] < 0.8 * max(shape))
    return sized & (off < 0.25).all(axis=1)


def _visible(outline: np.ndarray, circle: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The disc's box x0, y0, x1, y1 as fractions of the frame.

    An outline that ends within 4 % of the radius of the circle is not cut there: a dim rim.
    """
    height, width = shape
    x, y, radius = circle
    whole = np.array([x - radius, y - radius, x + radius, y + radius])
    seen = np.concatenate([outline.min(axis=0) - 0.5, outline.max(axis=0) + 0.5])
    box = np.where(np.abs(seen - whole) < 0.04 * radius, whole, seen)
    limits = np.array([width, height, width, height])
    snapped = np.where(np.abs(box - limits) < 2, limits, np.where(np.abs(box) < 2, 0, box))
    return np.clip(snapped, 0, limits) / limits


def _disc(size_px: int) -> np.ndarray:
    """The circle inscribed in a square: bool (size, size)."""
    offset = np.arange(size_px) + 0.5 - size_px / 2
    return offset[:, None] ** 2 + offset**2 <= (size_px / 2) ** 2


def _rectangle(size_px: int, box: np.ndarray) -> np.ndarray:
    """The pixels of a square whose centres lie in a box: bool (size, size)."""
    centres = np.arange(size_px) + 0.5
    columns = (centres >= box[0]) & (centres <= box[2])
    rows = (centres >= box[1]) & (centres <= box[3])
    return rows[:, None] & columns
