"""What comes between the eye and the file: reflexes and drusen, and the camera's own faults.

None of it knows the grade. The faults that make a photograph usable or reject here are of
acquisition (focus, exposure, eyelids, small pupils, movement, sensor), and are not the benchmark's
degradations, which a method must not meet before.
"""

import cv2
import numpy as np

from bench.data.twin.canvas import DISC_DIAMETER, Canvas, blob, clouds, grid, ribbons
from bench.data.twin.eye import Eye

Fault = str
AREA = cv2.INTER_AREA


def distract(canvas: Canvas, eye: Eye, rng: np.random.Generator) -> None:
    """Bright and dark things that are no lesions, whatever the grade."""
    if rng.random() < 0.35:
        _drusen(canvas, eye, rng)
    if rng.random() < 0.35:
        _glare(canvas, eye, rng)
    if rng.random() < 0.25:
        _pigment(canvas, eye, rng)
    if rng.random() < 0.3:
        _reflex(canvas, eye, rng)
    _stray_light(canvas, rng)


def _drusen(canvas: Canvas, eye: Eye, rng: np.random.Generator) -> None:
    """Soft pale spots around the macula."""
    pale = eye.person.lit(rng.uniform(0.9, 1.05), (1.2, 1.5, 1.6))
    for _ in range(int(rng.integers(4, 36))):
        centre = np.asarray(eye.macula) + rng.normal(0, 0.2, 2)
        radius = DISC_DIAMETER * rng.uniform(0.02, 0.06)
        spot = blob(canvas, rng, tuple(centre), (radius, radius), soft=1.2)
        canvas.cover(spot, pale, rng.uniform(0.35, 0.8))


def _glare(canvas: Canvas, eye: Eye, rng: np.random.Generator) -> None:
    """Shimmering nerve fibres along the arcades."""
    for _ in range(int(rng.integers(1, 5))):
        bearing = rng.choice([-1, 1]) * rng.uniform(0.7, 1.4)
        centre = (eye.disc[0] - eye.side * rng.uniform(0.1, 0.5), eye.disc[1] + 0.45 * bearing)
        radii = (rng.uniform(0.15, 0.35), rng.uniform(0.03, 0.08))
        streak = blob(canvas, rng, centre, radii, angle=0.5 * bearing, soft=1.2)
        canvas.shine(streak, (0.7, 1.0, 0.9), 0.10 * rng.uniform(0.3, 1))


def _pigment(canvas: Canvas, eye: Eye, rng: np.random.Generator) -> None:
    """Brown spots and clumps, soft and without red."""
    for _ in range(int(rng.integers(1, 9))):
        centre = tuple(rng.uniform(-0.8, 0.8, 2))
        radius = DISC_DIAMETER * min(rng.lognormal(-2.6, 0.6), 0.4)
        spot = blob(canvas, rng, centre, (radius, radius * 0.8), ragged=0.1, soft=1.2)
        canvas.absorb(spot, (0.70, 0.66, 0.62), rng.uniform(0.4, 1.0))


def _stray_light(canvas: Canvas, rng: np.random.Generator) -> None:
    """A veil over the whole picture, and optics that are never quite sharp."""
    veil = np.asarray((0.6, 0.5, 0.4), np.float32) * rng.uniform(0, 0.08)
    canvas.light = (canvas.light + veil) * np.float32(rng.uniform(0.88, 1.08))
    sigma = canvas.size_px * rng.uniform(0.0020, 0.0036)
    canvas.light = cv2.GaussianBlur(canvas.light, (0, 0), sigma)


def _reflex(canvas: Canvas, eye: Eye, rng: np.random.Generator) -> None:
    """The whitish streak of a young retina, beside the macula."""
    centre = (eye.macula[0] + eye.side * 0.22, eye.macula[1] + rng.normal(0, 0.05))
    streak = blob(
        canvas, rng, centre, (0.16, 0.05), angle=rng.uniform(0, 3.14), ragged=0.2, soft=1.0
    )
    canvas.shine(streak, (0.8, 0.9, 1.0), rng.uniform(0.1, 0.26))


def spoil(canvas: Canvas, quality: int, rng: np.random.Generator) -> tuple[Fault, ...]:
    """Apply the faults of a quality: none for good (0), one or two mild, two or three severe."""
    if quality == 0:
        return ()
    severity = rng.uniform(0.35, 0.7) if quality == 1 else rng.uniform(0.75, 1.25)
    count = int(rng.integers(1, 3)) if quality == 1 else int(rng.integers(2, 4))
    names = tuple(rng.permutation(list(FAULTS))[:count])
    for name in names:
        FAULTS[name](canvas, severity, rng)
    return names


def expose(canvas: Canvas, cut: float, size_px: int, rng: np.random.Generator) -> np.ndarray:
    """The photograph: field stop, sensor, noise, 8 bit.  (S, S, 3) uint8."""
    x, y = grid(canvas.size_px, canvas.radius_px)
    inside = np.clip((1 - np.hypot(x, y)) * canvas.radius_px + 0.5, 0, 1) * (np.abs(y) <= cut)
    light = cv2.resize(canvas.light * inside[..., None], (size_px,) * 2, interpolation=AREA)
    lit = cv2.resize(inside.astype(np.float32), (size_px,) * 2, interpolation=AREA)
    noise = 0.004 * rng.standard_normal(light.shape, dtype=np.float32)
    return (np.clip(light + noise * lit[..., None], 0, 1) * 255 + 0.5).astype(np.uint8)


def _defocus(canvas: Canvas, severity: float, rng: np.random.Generator) -> None:
    radius = max(1, round(canvas.size_px * 0.011 * severity))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2).astype(np.float32)
    canvas.light = cv2.filter2D(canvas.light, -1, kernel / kernel.sum())


def _motion(canvas: Canvas, severity: float, rng: np.random.Generator) -> None:
    length = max(3, round(canvas.size_px * 0.03 * severity))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    centre, reach = (length - 1) / 2, (length - 1) / 2
    ends = [
        (round(centre + s * reach * np.cos(angle)), round(centre + s * reach * np.sin(angle)))
        for s in (-1, 1)
    ]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    canvas.light = cv2.filter2D(canvas.light, -1, kernel / kernel.sum())


def _underexposure(canvas: Canvas, severity: float, rng: np.random.Generator) -> None:
    canvas.light = np.clip(canvas.light, 0, None) * (1 - 0.62 * min(severity, 1.1))
    shot = np.sqrt(np.clip(canvas.light, 0, 1)) * 0.05 * severity
    canvas.light += shot * rng.standard_normal(canvas.light.shape, dtype=np.float32)


def _overexposure(canvas: Canvas, severity: float, rng: np.random.Generator) -> None:
    canvas.light = 1 - np.exp(-canvas.light * (1 + 2.2 * severity))


def _small_pupil(canvas: Canvas, severity: float, rng: np.random.Generator) -> None:
    """A dark crescent from one side."""
    x, y = grid(canvas.size_px, canvas.radius_px)
    angle = rng.uniform(0, 2 * np.pi)
    depth = x * np.cos(angle) + y * np.sin(angle)
    veil = 1 / (1 + np.exp(-(depth - (0.75 - 0.6 * severity)) * 6))
    canvas.light *= (1 - min(0.92, 0.9 * severity) * veil)[..., None]


def _lid(canvas: Canvas, severity: float, rng: np.random.Generator) -> None:
    """Lid and lashes from above or below: a pale blurred rim and dark strokes."""
    x, y = grid(canvas.size_px, canvas.radius_px)
    side = rng.choice([-1, 1])
    rim = np.clip((side * y - (0.95 - 0.5 * severity) + 0.12 * x**2) * 2.5, 0, 1)
    canvas.cover(canvas.everywhere(rim), (0.85, 0.62, 0.45), min(0.9, 0.85 * severity))
    lashes = []
    for _ in range(int(14 * severity)):
        x0 = rng.uniform(-0.9, 0.9)
        end = (x0 + rng.normal(0, 0.15), side * (1.0 - rng.uniform(0.3, 0.8) * severity))
        lashes.append((np.array([(x0, side * 1.05), end]), np.full(2, rng.uniform(0.01, 0.03))))
    if lashes:
        shadow = cv2.GaussianBlur(ribbons(canvas, lashes).mask, (0, 0), canvas.size_px * 0.006)
        canvas.absorb(canvas.everywhere(shadow), (0.3, 0.28, 0.28), 0.8)


def _haze(canvas: Canvas, severity: float, rng: np.random.Generator) -> None:
    """Media opacity: patches of milk, and what lies behind them washed out."""
    patch = np.clip(0.55 + 0.35 * clouds(rng, canvas.size_px, 3), 0, 1)
    mean = canvas.light.mean(axis=(0, 1)) * 1.1 + 0.12
    blurred = cv2.GaussianBlur(canvas.light, (0, 0), canvas.size_px * 0.012 * severity)
    canvas.light = blurred + (0.75 * min(severity, 1.1) * patch)[..., None] * (mean - blurred)


FAULTS = {
    "defocus": _defocus,
    "motion": _motion,
    "underexposure": _underexposure,
    "overexposure": _overexposure,
    "small pupil": _small_pupil,
    "lid": _lid,
    "haze": _haze,
}
