"""Where patches are cut: around lesion boxes, or at random in the field of view or the lungs.

A patch holds its whole box and lies wholly inside the image; boxes larger than a patch are dropped
(D53). Corners are drawn from a seeded generator, so the same step sees the same patches again.
"""

from dataclasses import dataclass

import numpy as np

Rectangle = tuple[float, float, float, float]
Region = tuple[Rectangle, ...] | None
"""Where the centres of free crops lie: equally likely rectangles x0, y0, x1, y1, as
fractions of the side; None for the disc."""

DISC: Region = None
FRAME: Region = ((0.0, 0.0, 1.0, 1.0),)
LUNGS: Region = ((0.16, 0.17, 0.42, 0.77), (0.58, 0.17, 0.84, 0.77))
"""Of frontal radiographs: where four in five of NIH's boxes have their centres, those of enlarged
hearts left out (BBox_List_2017)."""


@dataclass(frozen=True)
class Pool:
    """The patches of one level.

    Attributes:
        images: (M,) index of the image of each entry.
        boxes: (M, 4) x0, y0, x1, y1 in pixels; nan where the patch is a free crop.
        clean: Cut from the undegraded image even where the run uses its degraded copy.
    """

    images: np.ndarray
    boxes: np.ndarray
    clean: bool = False

    def __len__(self) -> int:
        return len(self.images)


def box_pool(
    images: np.ndarray, boxes: list[np.ndarray], *, patch_px: int, clean: bool = False
) -> Pool:
    """One entry per box that fits into a patch; images without one drop out (D25).

    Args:
        images: (n,) image indices.
        boxes: For every image of the data set, (L, 4) in pixels of the patch image.
    """
    kept = [fitting(boxes[i], patch_px) for i in images]
    index = np.repeat(images, [len(boxes_of_image) for boxes_of_image in kept])
    stacked = np.concatenate([np.empty((0, 4)), *kept])
    return Pool(index.astype(np.int64), stacked, clean)


def fitting(boxes: np.ndarray, patch_px: int) -> np.ndarray:
    """Those of the boxes (L, 4) that are no larger than a patch on either side (D53)."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return boxes[(sides <= patch_px).all(axis=1)]


def joined(first: Pool, second: Pool) -> Pool:
    """The entries of two pools that are cut from the same kind of image, clean or as used."""
    assert first.clean == second.clean, "a pool is cut from one kind of image"
    images = np.concatenate([first.images, second.images])
    return Pool(images, np.concatenate([first.boxes, second.boxes]), first.clean)


def crop_pool(images: np.ndarray, *, clean: bool = False) -> Pool:
    """One entry per image, its patch anywhere in the region that free crops are cut from."""
    return Pool(images.astype(np.int64), np.full((len(images), 4), np.nan), clean)


def sample(pool: Pool, count: int, rng: np.random.Generator) -> np.ndarray:
    """Entries of a pool: an image uniformly, then one of its boxes (code: CoMCL/data.py).

    Returns:
        (count,) positions in the pool.
    """
    names, sizes = np.unique(pool.images, return_counts=True)
    order = np.argsort(pool.images, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    picked = rng.integers(len(names), size=count)
    offset = np.floor(rng.random(count) * sizes[picked]).astype(np.int64)
    return order[starts[picked] + offset]


def region_of(modality: str, crops: str) -> Region:
    """The region of a modality's free crops; `crops` is `protocol.chest.crop_region`."""
    if modality == "fundus":
        return DISC
    return LUNGS if crops == "lungs" else FRAME


def corners(
    pool: Pool,
    entries: np.ndarray,
    *,
    image_px: int,
    patch_px: int,
    rng: np.random.Generator,
    region: Region = DISC,
) -> np.ndarray:
    """Upper left corners of patches.

    Args:
        entries: (n,) positions in the pool.
        region: Where free crops are cut.

    Returns:
        (n, 2) int64 x, y with 0 <= corner <= image_px - patch_px; a box lies in its patch.
    """
    boxes = pool.boxes[entries]
    free = np.isnan(boxes[:, 0])
    uniform = rng.random((len(entries), 2))
    placed = _around(boxes, uniform, image_px, patch_px)
    if region is None:
        anywhere = _inside_field(uniform, image_px, patch_px)
    else:
        anywhere = _inside_rectangles(uniform, image_px, patch_px, region)
    return np.where(free[:, None], anywhere, placed)


def _around(boxes: np.ndarray, uniform: np.ndarray, image_px: int, patch_px: int) -> np.ndarray:
    """Corners between the last that still holds the box's end and the first of its start."""
    known = np.nan_to_num(boxes)
    low = np.clip(np.ceil(known[:, 2:] - patch_px), 0, image_px - patch_px)
    high = np.clip(np.floor(known[:, :2]), low, image_px - patch_px)
    return (low + np.floor(uniform * (high - low + 1))).astype(np.int64)


def _inside_rectangles(
    uniform: np.ndarray, image_px: int, patch_px: int, rectangles: tuple[Rectangle, ...]
) -> np.ndarray:
    """Corners of patches whose centre is uniform in one of them, as far as the image has room."""
    across = uniform[:, 0] * len(rectangles)
    which = across.astype(np.int64)
    within = np.stack([across - which, uniform[:, 1]], axis=1)
    ends = np.reshape(rectangles, (-1, 2, 2))[which] * image_px - patch_px / 2
    low, high = np.clip(ends, 0, image_px - patch_px).transpose(1, 0, 2)
    return np.round(low + within * (high - low)).astype(np.int64)


def _inside_field(uniform: np.ndarray, image_px: int, patch_px: int) -> np.ndarray:
    """Corners of patches whose centre is uniform in the largest disc that keeps patches inside.

    The field of view is the inscribed circle of a cropped photograph; centres stay half a patch
    away from its rim.
    """
    radius = (image_px - patch_px) / 2
    angle, distance = 2 * np.pi * uniform[:, 0], radius * np.sqrt(uniform[:, 1])
    offset = np.stack([np.cos(angle), np.sin(angle)], axis=1) * distance[:, None]
    return np.clip(np.round(radius + offset), 0, image_px - patch_px).astype(np.int64)
