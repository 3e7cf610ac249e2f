"""The synthetic twin as files: EyeQ's published layout, and a companion in IDRiD's."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from bench.data.atomic_folder import atomic_folder
from bench.data.twin import eye, lesions
from bench.data.twin.canvas import DISC_DIAMETER
from bench.data.twin.cohort import EyeToPhotograph, cohort
from bench.data.twin.draw import Photograph, photograph
from bench.data.workers import working
from bench.seeding import generator_for

JPEG_QUALITY = 92
IDRID_GROUPS = {  # folder, suffix, kinds that its mask shows
    "1. Microaneurysms": ("MA", (lesions.MICROANEURYSM,)),
    "2. Haemorrhages": ("HE", (lesions.HAEMORRHAGE, lesions.PRERETINAL)),
    "3. Hard Exudates": ("EX", (lesions.HARD_EXUDATE,)),
    "4. Soft Exudates": ("SE", (lesions.SOFT_EXUDATE,)),
}
OPTIC_DISC = ("5. Optic Disc", "OD")
SET = "a. Training Set"


def write_eyeq(
    root: Path,
    *,
    train: int = 1254,
    test: int = 1625,
    size_px: int = 256,
    seed: int = 0,
    workers: int = 2,
    on_image: Callable[[], object] | None = None,
) -> None:
    """Draw a set in EyeQ's layout: two label files, train/, test/, boxes.csv, DONE.

    A folder that is there is finished: it appears whole, under a temporary name before that.

    Args:
        on_image: Called after each image.
    """
    sittings = cohort("train", train, seed=seed) + cohort("test", test, seed=seed)
    with atomic_folder(root) as folder:
        for split in ("train", "test"):
            (folder / split).mkdir()
            _write_labels(folder, split, [s for s in sittings if s.split == split])
        with working(ProcessPoolExecutor(workers, mp_context=get_context("spawn"))) as pool:
            boxes: list[tuple] = []
            draw = _DrawPhotograph(size_px, seed)
            for sitting, photograph in zip(
                sittings, pool.map(draw, sittings, chunksize=8), strict=True
            ):
                path = folder / sitting.split / f"{sitting.name}.jpeg"
                Image.fromarray(photograph.image).save(path, quality=JPEG_QUALITY)
                boxes += [(path.name, *box) for box in photograph.boxes]
                (on_image or _ignore)()
        columns = ["image", "lesion", "x0", "y0", "x1", "y1"]
        pd.DataFrame(boxes, columns=columns).to_csv(folder / "boxes.csv", index=False)


def write_idrid(
    root: Path,
    *,
    images: int = 54,
    size_px: int = 512,
    seed: int = 0,
    workers: int = 1,
    on_image: Callable[[], object] | None = None,
) -> None:
    """Draw other patients with lesions and masks, in the layout of IDRiD's segmentation part.

    Args:
        on_image: Called after each image.
    """
    base = "A. Segmentation"
    sittings = [
        EyeToPhotograph("idrid", f"idrid{number}", 1 - 2 * (number % 2), 2 + number % 3, 0)
        for number in range(1, images + 1)
    ]
    with atomic_folder(root) as folder:
        photographs = folder / base / "1. Original Images" / SET
        photographs.mkdir(parents=True)
        masks = folder / base / "2. All Segmentation Groundtruths" / SET
        with working(ProcessPoolExecutor(workers, mp_context=get_context("spawn"))) as pool:
            drawn = pool.map(_DrawPhotograph(size_px, seed), sittings, chunksize=4)
            for number, (sitting, photograph) in enumerate(
                zip(sittings, drawn, strict=True), start=1
            ):
                name = f"IDRiD_{number:02d}"
                Image.fromarray(photograph.image).save(
                    photographs / f"{name}.jpg", quality=JPEG_QUALITY
                )
                _write_masks(masks, name, photograph)
                _write_mask(masks, name, OPTIC_DISC, _optic_disc(sitting, size_px, seed))
                (on_image or _ignore)()


class _DrawPhotograph:
    """Takes a sitting's photograph."""

    def __init__(self, size_px: int, seed: int):
        self.size_px, self.seed = size_px, seed

    def __call__(self, sitting: EyeToPhotograph) -> Photograph:
        return photograph(
            sitting.patient,
            sitting.side,
            grade=sitting.grade,
            quality=sitting.quality,
            size_px=self.size_px,
            seed=self.seed,
        )


def _write_labels(folder: Path, split: str, sittings: list[EyeToPhotograph]) -> None:
    rows = [(f"{s.name}.jpeg", s.quality, s.grade) for s in sittings]
    table = pd.DataFrame(rows, columns=["image", "quality", "DR_grade"])
    table.to_csv(folder / f"Label_EyeQ_{split}.csv")


def _write_masks(folder: Path, name: str, photograph: Photograph) -> None:
    for group, (suffix, kinds) in IDRID_GROUPS.items():
        (folder / group).mkdir(parents=True, exist_ok=True)
        shown = [photograph.masks[kind] for kind in kinds if kind in photograph.masks]
        if shown:
            _write_mask(folder, name, (group, suffix), np.any(shown, axis=0))


def _write_mask(folder: Path, name: str, group: tuple[str, str], mask: np.ndarray) -> None:
    where, suffix = group
    (folder / where).mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * 255).save(folder / where / f"{name}_{suffix}.tif")


def _optic_disc(sitting: EyeToPhotograph, size_px: int, seed: int) -> np.ndarray:
    """(S, S) bool: the disc's ellipse, which lesions and vessels may cross."""
    person = eye.Person.draw(generator_for(seed, "person", sitting.patient))
    eye_id = (sitting.patient, sitting.side)
    centre = eye.Eye.draw(person, sitting.side, generator_for(seed, "eye", *eye_id)).disc
    axis = (np.arange(size_px) + 0.5 - size_px / 2) / (person.field * size_px / 2)
    radius = DISC_DIAMETER / 2 * person.disc_scale
    across, down = (axis - centre[0]) / (0.95 * radius), (axis - centre[1]) / (1.02 * radius)
    return down[:, None] ** 2 + across[None, :] ** 2 <= 1


def _ignore() -> None:
    """The callback where nobody listens."""
