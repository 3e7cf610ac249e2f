"""IDRiD's photographs with lesion masks, and the drawn companion: what the detector learns from.

Layout as published, below the folder: `A. Segmentation/1. Original Images/a. Training Set/` and,
below `2. All Segmentation Groundtruths/a. Training Set/`, a folder of masks per kind of lesion. The
`b. Testing Set` is read where it is there. Names and endings may be spelled in any case, and files
that begin with `._`, macOS's notes on others, are passed over.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import field_of_view
from bench.data.atomic_folder import is_whole
from bench.data.cache import ProgressCallback
from bench.data.decode import read_image
from bench.data.picture_files import printable, refuse_special
from bench.data.workers import cores
from bench.errors import RequestError
from bench.lesions import masks
from bench.lesions.mask_folders import (
    EXTENSIONS,
    FOLDERS,
    MASK_EXTENSIONS,
    masks_by_name,
    pictures,
)
from bench.protocol.settings import Protocol
from bench.seeding import seed_for
from bench.store import digest, file_digest
from bench.versions import TWIN

BASE = "A. Segmentation"
PHOTOGRAPHS = "1. Original Images"
MASKS = "2. All Segmentation Groundtruths"
SETS = {"training": "a. Training Set", "testing": "b. Testing Set"}
LAYOUT = f"{BASE}/{PHOTOGRAPHS}/{SETS['training']}/IDRiD_01.jpg and {BASE}/{MASKS}/..."
KINDS = tuple(FOLDERS)


@dataclass(frozen=True)
class LesionImage:
    """A photograph and the masks of its lesions.

    Attributes:
        set: "training" or "testing".
        masks: Kind of lesion -> file; a kind that the eye does not have has none.
    """

    image_id: str
    path: Path
    set: str
    masks: dict[str, Path]


@dataclass(frozen=True)
class AnnotatedPhotograph:
    """A photograph cropped to its field of view, and its lesions.

    Attributes:
        image: (S, S, 3) uint8.
        boxes: (L, 4) float x0, y0, x1, y1 in pixels of the crop.
        kinds: (L,) index into KINDS.
    """

    image_id: str
    image: np.ndarray
    boxes: np.ndarray
    kinds: np.ndarray


@dataclass(frozen=True)
class LesionSet:
    """Where the detector's photographs lie; a drawn set may not be there yet.

    Attributes:
        name: "idrid" or "companion".
        origin: What a drawn set is drawn from; empty for the user's files.
    """

    name: str
    root: Path
    origin: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Of the contents of photographs and masks; of the generator for a drawn set."""
        if self.origin:
            return digest(self.origin)
        return digest(
            [
                (i.image_id, i.set, file_digest(i.path), [file_digest(i.masks[k]) for k in i.masks])
                for i in read(self.root)
            ]
        )

    def images(self, tick: ProgressCallback) -> tuple[LesionImage, ...]:
        """The photographs with their masks, drawn first if need be."""
        if self.origin and not is_whole(self.root):
            _draw(self, tick)
        return read(self.root)


def find(folder: Path | None = None) -> Path | None:
    """The user's IDRiD: the given folder, else $BENCH_DATA/idrid, else data/idrid; None without.

    Raises:
        RequestError: when a given folder is not there.
    """
    root = folder or Path(os.environ.get("BENCH_DATA", "data")) / "idrid"
    if root.is_dir():
        return root
    if folder is None:
        return None
    raise RequestError(f"--data {folder}: no such folder; give IDRiD's, which holds {LAYOUT}")


def companion(protocol: Protocol, cache: Path) -> LesionSet:
    """Synthetic patients, none of them in the synthetic twin, in IDRiD's layout."""
    settings = protocol.detector
    origin = {
        "twin": "idrid",
        "version": TWIN,
        "images": settings.companion_images,
        "px": settings.companion_px,
        "seed": 0,
    }
    return LesionSet("companion", cache / "twins" / f"idrid-{digest(origin)[:12]}", origin)


def read(root: Path) -> tuple[LesionImage, ...]:
    """All photographs below a folder, in the order of their names.

    Raises:
        RequestError: on another layout, a photograph that is there twice or has no mask at all, or
            a mask in the folder of another kind of lesion.
    """
    base = _base(root)
    images = tuple(image for name in SETS for image in _read_set(base, name))
    if not any(image.set == "training" for image in images):
        raise RequestError(
            f"no photograph below {base / PHOTOGRAPHS / SETS['training']}; IDRiD's segmentation "
            f"part holds {LAYOUT}"
        )
    bare = [image.image_id for image in images if not image.masks]
    if bare:
        raise RequestError(
            f"{len(bare)} of {len(images)} photographs have no mask below {base / MASKS} (first: "
            f"{printable(bare[0])}); unpack all of IDRiD's segmentation part"
        )
    return images


def unused_masks(root: Path) -> list[str]:
    """Files among the masks that belong to no photograph, below the folder of `read`.

    Raises:
        RequestError: as `read`.
    """
    used = {path for image in read(root) for path in image.masks.values()}
    return [
        path.name
        for name in SETS
        for folder in _mask_folders(_base(root), name).values()
        for path in pictures(folder, EXTENSIONS + MASK_EXTENSIONS)
        if path not in used
    ]


def without_lesions(name: str, count: int) -> RequestError:
    """The refusal of photographs whose masks are all empty: nothing could be learned from them."""
    return RequestError(
        f"{name}: the masks of all {count} photographs to train on are empty; a mask is white, or "
        "one where it is zero elsewhere, inside lesions: unpack IDRiD's segmentation part again"
    )


def hold_out(
    images: Sequence[LesionImage], *, proportion: float, seed: int
) -> tuple[list[LesionImage], list[LesionImage]]:
    """Photographs to train on, and those to score with: the testing set, or a seeded share.

    Args:
        proportion: Held out of the training set where there is no testing set; at least one.
        seed: `protocol.data.data_seed`.

    Raises:
        RequestError: when a part would be empty.
    """
    testing = [image for image in images if image.set == "testing"]
    training = [image for image in images if image.set == "training"]
    if not testing:
        order = sorted(training, key=lambda i: seed_for(seed, "detector held out", i.image_id))
        count = max(1, round(proportion * len(training)))
        held = {image.image_id for image in order[:count]}
        testing = [image for image in training if image.image_id in held]
        training = [image for image in training if image.image_id not in held]
    if not training:
        raise RequestError(
            f"{len(images)} photographs with lesion masks leave none to train on; use more"
        )
    return training, testing


def open_image(image: LesionImage, size_px: int) -> AnnotatedPhotograph:
    """A photograph as the detector sees it: its field of view, square, with one box per lesion.

    Raises:
        RequestError: naming a file that cannot be read, or a mask that `masks.read` refuses.
    """
    photograph = read_image(image.path)
    seen = field_of_view.find(photograph)
    boxes, kinds = [np.empty((0, 4))], []
    for kind, path in image.masks.items():
        lesions = masks.boxes(masks.read(path, photograph.shape))
        lesion_boxes = seen.to_crop(lesions, size_px)
        inside = lesion_boxes[_in_field(lesion_boxes, seen.mask(size_px))]
        boxes.append(inside)
        kinds += [KINDS.index(kind)] * len(inside)
    crop = field_of_view.crop(photograph, seen, size_px)
    return AnnotatedPhotograph(
        image.image_id, crop, np.concatenate(boxes), np.array(kinds, dtype=np.int64)
    )


def _in_field(boxes: np.ndarray, field_mask: np.ndarray) -> np.ndarray:
    """(L,) bool: whose centre shows the eye; resampled masks have crumbs along the rim."""
    last = field_mask.shape[0] - 1
    x, y = np.clip((boxes[:, :2] + boxes[:, 2:]) / 2, 0, last).astype(int).T
    return field_mask[y, x] & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)


def _base(root: Path) -> Path:
    return root / BASE if (root / BASE).is_dir() else root


def _read_set(base: Path, name: str) -> list[LesionImage]:
    photographs: dict[str, Path] = {}
    for path in pictures(base / PHOTOGRAPHS / SETS[name], EXTENSIONS):
        refuse_special(path)
        if path.stem in photographs:
            raise RequestError(
                f"photograph {printable(path.stem)} is there twice "
                f"({printable(photographs[path.stem].name)}, {printable(path.name)}); keep one"
            )
        photographs[path.stem] = path
    masks_of = {
        kind: masks_by_name(kind, folder) for kind, folder in _mask_folders(base, name).items()
    }
    return [
        LesionImage(image_id, path, name, _masks(masks_of, image_id))
        for image_id, path in photographs.items()
    ]


def _masks(masks_of: dict[str, dict[str, Path]], image_id: str) -> dict[str, Path]:
    named = {kind: f"{image_id}_{suffix}".lower() for kind, (_, suffix) in FOLDERS.items()}
    return {kind: masks_of[kind][name] for kind, name in named.items() if name in masks_of[kind]}


def _mask_folders(base: Path, name: str) -> dict[str, Path]:
    return {kind: base / MASKS / SETS[name] / folder for kind, (folder, _) in FOLDERS.items()}


def _draw(lesions: LesionSet, tick: ProgressCallback) -> None:
    from bench.data import twin

    count, drawn = lesions.origin["images"], iter(range(1, 10**9))
    twin.write_idrid(
        lesions.root,
        images=count,
        size_px=lesions.origin["px"],
        seed=lesions.origin["seed"],
        workers=cores(),
        on_image=lambda: tick("drawing the companion", next(drawn), count),
    )
