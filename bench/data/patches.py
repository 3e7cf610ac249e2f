"""Where patches are cut: around lesion boxes, or at random in the field of view or the lungs.

A patch holds its whole box and lies wholly inside the image; boxes larger than a patch are dropped
(D53). A free crop lies inside what the photograph shows of its round field, which many cameras cut
off at the top and bottom. Corners are drawn from a seeded generator, so the same step sees the same
patches again.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Expansion = Literal["shifted", "centred"]
"""How a box becomes a patch: shifted at random around it, or with the box in its middle (D57)."""

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

    @property
    def free(self) -> np.ndarray:
        """(M,) bool, which entries are free crops."""
        return np.isnan(self.boxes[:, 0])

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


def boxes_else_crops(
    images: np.ndarray, boxes: list[np.ndarray], *, patch_px: int, clean: bool = False
) -> Pool:
    """`box_pool`, and a free crop of every image without a box that fits."""
    pool = box_pool(images, boxes, patch_px=patch_px, clean=clean)
    without = images[~np.isin(images, pool.images)]
    return joined(pool, crop_pool(without, clean=clean))


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
    visible: np.ndarray | None = None,
    expansion: Expansion = "shifted",
) -> np.ndarray:
    """Upper left corners of patches.

    Args:
        entries: (n,) positions in the pool.
        region: Where free crops are cut.
        visible: (N, 4), what each image of the data set shows of its square, x0, y0, x1, y1 as
            fractions of the side; None where all show all of it. Free crops lie inside, or with
            what is too narrow for a patch in their middle.
        expansion: Where a box lies in its patch.

    Returns:
        (n, 2) int64 x, y with 0 <= corner <= image_px - patch_px; a box lies in its patch.
    """
    boxes = pool.boxes[entries]
    uniform = rng.random((len(entries), 2))
    placed = _around(boxes, uniform, image_px, patch_px, expansion)
    whole = np.broadcast_to([0.0, 0.0, 1.0, 1.0], boxes.shape)
    shown = whole if visible is None else visible[pool.images[entries]]
    room = _room(shown, image_px, patch_px)
    if region is None:
        anywhere = _inside_field(uniform, image_px, patch_px, room)
    else:
        anywhere = _inside_rectangles(uniform, image_px, patch_px, region, room)
    return np.where(pool.free[entries, None], anywhere, placed)


def _around(
    boxes: np.ndarray, uniform: np.ndarray, image_px: int, patch_px: int, expansion: Expansion
) -> np.ndarray:
    """Corners between the last that still holds the box's end and the first of its start."""
    known = np.nan_to_num(boxes)
    low = np.clip(np.ceil(known[:, 2:] - patch_px), 0, image_px - patch_px)
    high = np.clip(np.floor(known[:, :2]), low, image_px - patch_px)
    if expansion == "centred":
        middle = (known[:, :2] + known[:, 2:] - patch_px) / 2
        return np.clip(np.round(middle), low, high).astype(np.int64)
    return (low + np.floor(uniform * (high - low + 1))).astype(np.int64)


def _room(shown: np.ndarray, image_px: int, patch_px: int) -> np.ndarray:
    """(2, n, 2): the first and the last corner of patches inside what is shown, (n, 4).

    A pixel is shown if its centre is, as in `FieldOfView.mask`.
    """
    start, end = shown.reshape(-1, 2, 2).transpose(1, 0, 2) * image_px
    low, high = np.ceil(start - 0.5), np.floor(end + 0.5) - patch_px
    ends = np.where(low <= high, np.stack([low, high]), np.round((low + high) / 2))
    return np.clip(ends, 0, image_px - patch_px)


def _inside_rectangles(
    uniform: np.ndarray,
    image_px: int,
    patch_px: int,
    rectangles: tuple[Rectangle, ...],
    room: np.ndarray,
) -> np.ndarray:
    """Corners of patches whose centre is uniform in one of them, as far as there is room."""
    across = uniform[:, 0] * len(rectangles)
    which = across.astype(np.int64)
    within = np.stack([across - which, uniform[:, 1]], axis=1)
    ends = np.reshape(rectangles, (-1, 2, 2))[which] * image_px - patch_px / 2
    low, high = np.clip(ends.transpose(1, 0, 2), *room)
    return np.round(low + within * (high - low)).astype(np.int64)


def _inside_field(
    uniform: np.ndarray, image_px: int, patch_px: int, room: np.ndarray
) -> np.ndarray:
    """Corners of patches whose centre is uniform in the largest disc that keeps patches inside.

    The field of view is the inscribed circle of a cropped photograph; centres stay half a patch
    away from its rim and, where the photograph is cut off, from the cut.
    """
    radius = (image_px - patch_px) / 2
    angle, distance = 2 * np.pi * uniform[:, 0], radius * np.sqrt(uniform[:, 1])
    offset = np.stack([np.cos(angle), np.sin(angle)], axis=1) * distance[:, None]
    corner = np.clip(np.round(radius + offset), 0, image_px - patch_px).astype(np.int64)
    cut_off = ((room[0] > 0) | (room[1] < image_px - patch_px)).any(axis=1)
    corner[cut_off] = _inside_cut_field(uniform[cut_off], radius, room[:, cut_off])
    return corner


def _inside_cut_field(uniform: np.ndarray, radius: float, room: np.ndarray) -> np.ndarray:
    """Corners uniform in what is left of the disc: a row, by its length, then a place in it."""
    rows = np.arange(2 * radius + 1)
    half = np.sqrt(np.maximum(radius**2 - (rows - radius) ** 2, 0))
    chords = np.stack([np.ceil(radius - half), np.floor(radius + half)])[:, None]
    (left, top), (right, bottom) = room.transpose(0, 2, 1)[..., None]  # (n, 1) each
    first, last = np.clip(chords, left, right)  # (n, rows)
    length = np.where((rows >= top) & (rows <= bottom), last - first + 1, 0)
    up_to = length.cumsum(axis=1)
    row = (up_to <= uniform[:, 1:] * up_to[:, -1:]).sum(axis=1)
    entry = np.arange(len(row))
    column = first[entry, row] + np.floor(uniform[:, 0] * length[entry, row])
    return np.stack([column, row], axis=1).astype(np.int64)
