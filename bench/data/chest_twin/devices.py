"""What is not the patient: leads, tubes, pacemakers, clips, markers and burnt-in letters.

None of it knows the findings: a chest tube is as likely without a pneumothorax.  It depends on the
view, as portable (AP) radiographs are of patients in bed.
"""

import cv2
import numpy as np

from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import Stroke, smooth, step
from bench.data.chest_twin.chest import LEFT, RIGHT, Chest

METAL, PLASTIC = 0.55, 0.075
LETTERS = ("JM", "RO", "DG", "HB", "MC", "ED")  # radiographers sign their markers


def attach(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """Things on and in the patient, dense enough to show."""
    likely = 0.45 if chest.ap else 0.06
    metal, plastic = list[Stroke](), list[Stroke]()
    if rng.random() < likely:
        _leads(shadow, chest, metal, rng)
    if rng.random() < likely:
        plastic.append((_central_line(chest, rng), 0.28))
    if rng.random() < 0.4 * likely:
        x, y = chest.carina
        plastic.append(
            (smooth([(0.2, chest.apex - 9), (0.2, chest.apex), (x - 0.2, y - 3.5)]), 0.7)
        )
    if rng.random() < 0.4 * likely:
        end = (6.0, chest.dome(LEFT) + 3.0)
        middle = (chest.shift + 0.7, chest.carina[1] + 4)
        plastic.append(
            (smooth([(0.4, -24), (0.5, chest.apex), middle, (2.5, chest.base - 3), end]), 0.4)
        )
    if rng.random() < 0.3 * likely:
        plastic.append((_chest_tube(chest, rng), 0.8))
    film = shadow.film
    shadow.soft += METAL * film.strokes(metal, full_cm=0.35)
    shadow.soft += 1.4 * PLASTIC * film.strokes(plastic, full_cm=0.7, soft_cm=0.03)
    _own(shadow, chest, rng)


def _own(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """What a patient carries in every radiograph: pacemaker, clips, old scars, nipples."""
    patient, film, half = chest.patient, shadow.film, chest.patient.half_width
    if patient.pacemaker:
        x, y = 0.62 * half, chest.apex + 5.6
        corners = np.array([(-1.7, -2.1), (1.7, -1.9), (2.0, 1.2), (0.4, 2.4), (-1.7, 1.9)])
        shadow.soft += 0.8 * METAL * film.polygon(smooth(corners + np.array((x, y)), closed=True))
        heart = (chest.shift + 0.55 * chest.heart[1], chest.dome(LEFT) - 0.6)
        lead = smooth([(x - 1, y - 2), (3.5, chest.apex + 3), (-1.5, chest.carina[1]), heart])
        shadow.soft += 0.35 * METAL * film.strokes([(lead, 0.2)], full_cm=0.2)
    if patient.clips:
        spots = np.array((-0.8 * half, chest.apex + 7)) + np.linspace(-1, 1, 6)[:, None] * (
            2.2,
            1.0,
        )
        lines = [(np.array([spot, spot + np.array((0.5, 0.2))]), 0.16) for spot in spots]
        shadow.soft += METAL * film.strokes(lines, full_cm=0.16)
    if patient.granuloma:
        spot = film.mound((-0.6 * half, chest.apex + 0.55 * chest.height), (0.28, 0.25))
        shadow.soft[spot.where] += 0.16 * spot.mask
    if patient.nipples:
        for side in (RIGHT, LEFT):
            spot = film.mound((side * 0.62 * half, chest.base - 6.2), (0.5, 0.45))
            shadow.soft[spot.where] += 0.055 * spot.mask
    if chest.ap and rng.random() < 0.25:
        _skin_fold(shadow, chest, rng)


def _leads(shadow: Shadow, chest: Chest, metal: list[Stroke], rng: np.random.Generator) -> None:
    """Electrodes with their wires, which leave the picture anywhere."""
    half = chest.patient.half_width
    for _ in range(int(rng.integers(2, 6))):
        position = np.array(
            (rng.uniform(-0.9, 0.9) * half, rng.uniform(chest.apex + 2, chest.base))
        )
        disc = shadow.film.mound((float(position[0]), float(position[1])), (0.7, 0.7))
        shadow.soft[disc.where] += 0.35 * METAL * step(disc.mask - 0.3, 0.2)
        out = np.array((rng.choice([-1, 1]) * rng.uniform(12, 22), rng.uniform(6, 26)))
        bow = position + out * 0.4 + rng.normal(0, 3, 2)
        metal.append((smooth([position, bow, position + out * 0.8, position + 1.6 * out]), 0.13))


def _central_line(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    """From the neck or the arm into the upper great vein."""
    end = (chest.shift - 2.0, chest.carina[1] + rng.uniform(0, 3))
    bend = (chest.shift - 2.1, chest.apex + 5.5)
    if rng.random() < 0.5:
        return smooth([(-4.5, -20), (-3.6, chest.apex), bend, end])
    arm = (-chest.patient.half_width - 3, chest.apex + 7)
    return smooth([arm, (-0.7 * chest.patient.half_width, chest.apex + 3), bend, end])


def _chest_tube(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    side, half = int(rng.choice([RIGHT, LEFT])), chest.patient.half_width
    low = chest.apex + rng.uniform(0.55, 0.8) * chest.height
    up = (side * rng.uniform(0.3, 0.6) * half, chest.apex + rng.uniform(2, 8))
    return smooth([(side * (half + 9), low + 3), (side * 0.97 * half, low), up])


def _skin_fold(shadow: Shadow, chest: Chest, rng: np.random.Generator) -> None:
    """A soft edge that is no pleural line: vessels go on beyond it."""
    side, film = int(rng.choice([RIGHT, LEFT])), shadow.film
    x, y = film.grid
    at = side * x - rng.uniform(0.55, 0.85) * chest.patient.half_width - 0.12 * y
    fold = step(-at, 0.08) * np.clip(1 + at / 3, 0, 1) * step(6 - np.abs(y), 3.0)
    shadow.soft += 0.035 * fold * (side * x > 0)


def letter(picture: np.ndarray, ap: bool, rng: np.random.Generator) -> np.ndarray:
    """Markers of lead and of the machine, near the edges.  picture: (S, S) float32 in 0..1."""
    size = picture.shape[0]
    mask = np.zeros((size, size), np.uint8)
    right = rng.random() < 0.2
    x = rng.uniform(0.03, 0.12) if right else rng.uniform(0.84, 0.93)
    y = rng.uniform(0.05, 0.2) if rng.random() < 0.8 else rng.uniform(0.3, 0.6)
    _write(mask, "R" if right else "L", (x, y), 0.055)
    if rng.random() < 0.5:
        _write(mask, str(rng.choice(LETTERS)), (x, y + 0.05), 0.03)
    _turn(mask, (x, y), rng.normal(0, 12) + 25 * (rng.random() < 0.2))
    if ap and rng.random() < 0.75:
        side, low = rng.choice([0.02, 0.84]), rng.uniform(0.1, 0.6)
        _write(mask, "AP", (side, low), 0.026)
        if rng.random() < 0.7:
            _write(mask, "PORTABLE", (side, low + 0.06), 0.024)
    bright = rng.uniform(0.75, 1.0)
    ink = cv2.GaussianBlur(mask, (0, 0), max(0.3, size * 0.0009)).astype(np.float32) / 255
    picture = picture + ink * (bright - picture)
    if ap and rng.random() < 0.2:  # a name, painted over
        row, column = (int(size * v) for v in (rng.uniform(0.05, 0.4), rng.choice([0.0, 0.8])))
        picture[row : row + max(1, size // 40), column : column + size // 5] = 0
    return picture


def _write(mask: np.ndarray, text: str, position: tuple[float, float], tall: float) -> None:
    """Letters of a fraction of the picture's height."""
    size = mask.shape[0]
    scale, thick = tall * size / 22, max(1, round(tall * size / 9))
    where = round(position[0] * size), round(position[1] * size)
    cv2.putText(mask, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)


def _turn(mask: np.ndarray, position: tuple[float, float], degrees: float) -> None:
    size = mask.shape[0]
    around = cv2.getRotationMatrix2D((position[0] * size, position[1] * size), degrees, 1.0)
    mask[:] = cv2.warpAffine(mask, around, (size, size))
