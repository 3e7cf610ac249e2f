"""Images for figures: a twin's are drawn again, since records hold none; a real set's are not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from matplotlib import colormaps

from bench.data.chest_twin.cohort import Visit, cohort
from bench.data.chest_twin.draw import radiograph
from bench.data.degradations.recipe import DegradationRecipe
from bench.data.field_of_view import FieldOfView, crop, find, whole_frame
from bench.data.records import Modality
from bench.data.twin.cohort import EYES
from bench.data.twin.draw import photograph
from bench.protocol.settings import Protocol
from bench.versions import CHEST_TWIN, TWIN

SIDES = {name: side for side, name in EYES.items()}
NO_IMAGES = "Records hold no images, and {why}: maps alone. "


SIDE_PX, OPACITY = 112, 0.8
EMPTY = 205.0
"""Grey on which a map stands without an image."""


@dataclass(frozen=True)
class FramedImage:
    """An image as a run saw it.

    Attributes:
        image: (S, S, 3) uint8, framed as runs frame it.
        boxes: (L, 4) lesions, x0, y0, x1, y1 in its pixels.
    """

    image: np.ndarray
    boxes: np.ndarray


class SyntheticImage(NamedTuple):
    """A drawn image, (H, W, 3) uint8, its lesions (L, 4) in pixels, and what of it is used."""

    image: np.ndarray
    boxes: np.ndarray
    field: FieldOfView


class TwinRenderer(NamedTuple):
    """How a twin is drawn again.

    Attributes:
        take: An image by its row of the predictions and the origin in the run's manifest.
    """

    version: int
    modality: Modality
    take: Callable[[Mapping[str, Any], Mapping[str, Any]], SyntheticImage]


def why_not(dataset: str, origin: Mapping[str, Any], protocol: Protocol) -> str:
    """Why a data set's images cannot be drawn again, or "" where they can."""
    if dataset not in TWINS:
        return f"the images of {dataset} are not synthetic"
    if origin.get("version") != TWINS[dataset].version:
        return (
            f"version {origin.get('version')} of the synthetic twin is not today's "
            f"{TWINS[dataset].version}"
        )
    if protocol.data.shuffle_labels:
        return "with shuffled labels nothing says what was drawn"
    return ""


def protocol_of(spec: Mapping[str, Any]) -> Protocol:
    """A run's protocol, `data_seed` being what its images were degraded by.

    Args:
        spec: Of the run; its protocol lacks the groups of other methods.
    """
    saved = {k: v for k, v in spec["protocol"].items() if k in Protocol.model_fields}
    protocol = Protocol.model_validate(saved)
    followed = {"data_seed": protocol.data.choice_seed(spec["seed"])}
    return protocol.model_copy(update={"data": protocol.data.model_copy(update=followed)})


def regenerated(
    dataset: str, row: Mapping[str, Any], origin: Mapping[str, Any], protocol: Protocol
) -> FramedImage:
    """An image of a twin, degraded where the run's was.

    A photograph lacks what saving it as JPEG costs; else it is what the run was shown.

    Args:
        row: Of the predictions: `image_id`, `quality`, `degraded`, and the labels.
        origin: Of the run's manifest: the twin's sizes and seed.
    """
    twin, size = TWINS[dataset], protocol.data.patch_image_px
    original = twin.take(row, origin)
    image = crop(original.image, original.field, size)
    if row["degraded"]:
        recipe, name = DegradationRecipe.of(protocol, twin.modality), str(row["image_id"])
        mask = original.field.mask(size)
        image, _ = recipe.apply(image, mask, data_seed=protocol.data.data_seed, image_id=name)
    return FramedImage(image, original.field.to_crop(original.boxes, size))


def with_map(framed: FramedImage | None, saliency_map: np.ndarray | None) -> np.ndarray:
    """(112, 112, 3) uint8: the image in colour, or in grey with a map over it, or a map on grey."""
    size = (SIDE_PX, SIDE_PX)
    ground = np.full((*size, 3), EMPTY)
    if framed is not None:
        ground = cv2.resize(framed.image, size, interpolation=cv2.INTER_AREA).astype(float)
    if saliency_map is None:
        return ground.astype(np.uint8)
    grey = ground.mean(axis=2, keepdims=True)
    heat = cv2.resize(saliency_map, size, interpolation=cv2.INTER_LINEAR)[..., None]
    colour = 255 * colormaps["inferno"](heat[..., 0])[..., :3]
    opaque = OPACITY * heat if framed is not None else heat
    return np.rint(grey + opaque * (colour - grey)).astype(np.uint8)


def _photograph(row: Mapping[str, Any], origin: Mapping[str, Any]) -> SyntheticImage:
    patient, side = str(row["image_id"]).split("_")
    known = {"grade": int(row["label"]), "quality": int(row["quality"])}
    size = {"size_px": origin["px"], "seed": origin["seed"]}
    drawn = photograph(patient, SIDES[side], **known, **size)
    return SyntheticImage(drawn.image, _corners(drawn.boxes), find(drawn.image))


def _radiograph(row: Mapping[str, Any], origin: Mapping[str, Any]) -> SyntheticImage:
    visits = _visits(origin["train"], origin["test"], origin["seed"])
    visit = visits[str(row["image_id"])]
    drawn = radiograph(visit, size_px=origin["px"], seed=origin["seed"])
    frame = whole_frame(*drawn.image.shape[::-1])
    return SyntheticImage(
        np.repeat(drawn.image[..., None], 3, axis=2), _corners(drawn.boxes), frame
    )


@cache
def _visits(train: int, test: int, seed: int) -> dict[str, Visit]:
    """By image id, which is the file's name without its ending."""
    return {visit.name.removesuffix(".png"): visit for visit in cohort(train, test, seed=seed)}


def _corners(boxes: tuple[tuple[str, float, float, float, float], ...]) -> np.ndarray:
    return np.array([box[1:] for box in boxes], dtype=float).reshape(-1, 4)


TWINS = {
    "eyeq-twin": TwinRenderer(TWIN, "fundus", _photograph),
    "chestxray-twin": TwinRenderer(CHEST_TWIN, "chest", _radiograph),
}
