"""A few photographs in IDRiD's layout: a grey disc on black, dark and bright squares on it."""

import numpy as np
from PIL import Image

from bench.lesions.idrid import BASE, FOLDERS, MASKS, PHOTOGRAPHS, SETS

DARK, BRIGHT = (90, 20, 20), (250, 250, 180)
LESIONS = {  # kind: upper left corners as shares of the side, side in shares, colour
    "haemorrhages": ([(0.3, 0.3), (0.6, 0.5)], 0.12, DARK),
    "hard exudates": ([(0.45, 0.65)], 0.10, BRIGHT),
}


def draw_idrid(root, *, training=4, testing=0, size_px=96):
    """Photographs IDRiD_01.jpg ... and their masks; the lesions move a little from one to the next.

    Returns:
        The folder.
    """
    for name, count in (("training", training), ("testing", testing)):
        for number in range(1, count + 1):
            shift = 0.01 * (number % 5)
            _draw(root / BASE, SETS[name], f"IDRiD_{number:02d}", size_px, shift)
    return root


def _draw(base, folder, image_id, size_px, shift):
    y, x = np.mgrid[:size_px, :size_px] + 0.5 - size_px / 2
    image = np.zeros((size_px, size_px, 3), np.uint8)
    image[x**2 + y**2 <= (0.46 * size_px) ** 2] = (170, 110, 60)
    for kind, (corners, side, colour) in LESIONS.items():
        mask = np.zeros((size_px, size_px), np.uint8)
        for x0, y0 in corners:
            columns, rows = (
                slice(round((v + shift) * size_px), round((v + shift + side) * size_px))
                for v in (x0, y0)
            )
            image[rows, columns] = colour
            mask[rows, columns] = 255
        group, suffix = FOLDERS[kind]
        _save(mask, base / MASKS / folder / group / f"{image_id}_{suffix}.tif")
    _save(image, base / PHOTOGRAPHS / folder / f"{image_id}.png")


def _save(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


TINY_DETECTOR = (  # a detector that trains in a second
    "detector.architecture=mobilenet_320_fpn",
    "detector.weights=random",
    "detector.image_px=64",
    "detector.smallest_anchor_px=8",
    "detector.ratios=[1.0]",
    "detector.channels=8",
    "detector.head=16",
    "detector.proposals=16",
    "detector.samples=16",
    "detector.epochs=2",
    "detector.least_shown=0",
    "detector.optimizer=sgd",
    "detector.batch=2",
    "detector.warmup_steps=0",
    "detector.held_out=0.25",
    "detector.threads=1",
)
