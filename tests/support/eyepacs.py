"""A small set in EyePACS's naming, with the irregularities of the real one."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from bench.data.published import EYEQ_COUNTS
from bench.data.twin.draw import photograph

EYES = {"left": -1, "right": 1}
# (width, height) as cameras have them; the small ones are most, so that drawing stays fast.
FRAMES = [(400, 315), (433, 289), (640, 480), (512, 512), (720, 480), (1024, 681), (456, 400)]
LARGE = {5: (2592, 1944), 24: (5000, 3333)}
DIAMETERS = [0.94, 1.16, 1.0, 1.3, 0.9]  # of the disc, in heights: above 1 it is cut
ENDINGS = [".jpeg", ".jpeg", ".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG"]
DARK = {7: 0.02, 19: 0.05, 34: 0.3}
TURNED = {11: 6, 27: 8, 40: 3}  # EXIF's code of how to turn the stored picture
UNTURN = {
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
    3: Image.Transpose.ROTATE_180,
}


@dataclass(frozen=True)
class Eyepacs:
    """The drawn set: its folder, and per image id its file and the size it is seen at."""

    root: Path
    files: dict[str, Path]
    sizes: dict[str, tuple[int, int]]


def draw_eyepacs(root: Path, *, patients: int = 30, size_px: int = 80) -> Eyepacs:
    """Both eyes of each patient, two in three for training; labels say .jpeg whatever it is."""
    rows: dict[str, list[tuple[str, int, int]]] = {"train": [], "test": []}
    files, sizes = {}, {}
    for number in range(2 * patients):
        patient, (eye, side) = number // 2, list(EYES.items())[number % 2]
        split = "test" if patient % 3 == 0 else "train"
        grade, quality = patient % 5 if patient % 2 else 0, int(patient % 7 < 2) + number % 11 // 10
        name = f"{100 + patient}_{eye}"
        drawn = photograph(
            str(patient), side, grade=grade, quality=quality, size_px=size_px, seed=0
        ).image
        sizes[name] = LARGE.get(number, FRAMES[number % len(FRAMES)])
        shot = _framed(drawn, sizes[name], DIAMETERS[number % len(DIAMETERS)])
        shot = (shot * DARK.get(number, 1.0)).astype(np.uint8)
        folder = root / ("images" if number % 10 == 9 else split)
        files[name] = _saved(shot, folder / name, number)
        rows[split].append((f"{name}.jpeg", quality, grade))
    for split, own in rows.items():
        table = pd.DataFrame(own, columns=["image", "quality", "DR_grade"])
        table.to_csv(root / f"Label_EyeQ_{split}.csv")
    return Eyepacs(root, files, sizes)


def official_rows(split: str) -> list[str]:
    """Lines of a label file with EyeQ's own counts, each of another patient."""
    start = {"train": 10_000, "test": 40_000}[split]
    kinds = [
        (g, q)
        for g, row in enumerate(EYEQ_COUNTS[split])
        for q, n in enumerate(row)
        for _ in range(n)
    ]
    return [f"{i},{start + i}_left.jpeg,{q},{g}\n" for i, (g, q) in enumerate(kinds)]


def _framed(drawn: np.ndarray, frame: tuple[int, int], diameter: float) -> np.ndarray:
    """The photograph in the middle of a black frame, its top and bottom cut if it is higher."""
    width, height = frame
    side = round(diameter * height)
    disc = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_CUBIC)
    shot = np.zeros((max(height, side), max(width, side), 3), np.uint8)
    y, x = (shot.shape[0] - side) // 2, (shot.shape[1] - side) // 2
    shot[y : y + side, x : x + side] = disc
    top, left = (shot.shape[0] - height) // 2, (shot.shape[1] - width) // 2
    return shot[top : top + height, left : left + width]


def _saved(shot: np.ndarray, stem: Path, number: int) -> Path:
    stem.parent.mkdir(parents=True, exist_ok=True)
    image, code = Image.fromarray(shot), TURNED.get(number)
    path = stem.with_name(stem.name + (".jpeg" if code else ENDINGS[number % len(ENDINGS)]))
    if code is None:
        image.save(path)
        return path
    exif = image.getexif()
    exif[0x0112] = code
    image.transpose(UNTURN[code]).save(path, exif=exif)
    return path
