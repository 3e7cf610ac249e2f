"""Where a run's lesion boxes come from: decided before training, a part of its identity."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.records import Dataset
from bench.errors import RequestError
from bench.lesions import box_files, idrid
from bench.lesions.idrid import LesionSet
from bench.protocol.patch_settings import PatchSettings
from bench.protocol.settings import Protocol
from bench.store import file_digest

PLACED = ("border", "oversized", "without_box", "on_healthy")
"""Settings that decide what becomes of a box, wherever it is from."""

APPLIED = (*PLACED, "confidence", "on_degraded", "box_file")
"""Settings that come after the detector is trained."""

DETECTED = ("detector", "file")
"""Kinds of boxes that may be false ones of a detector."""

WAYS_OUT = (
    "put IDRiD (segmentation part) into data/idrid or $BENCH_DATA/idrid, or boxes into a boxes.csv "
    "beside the images, or ask for --set patches.boxes=random_lesion_crops"
)


@dataclass(frozen=True)
class BoxSource:
    """Where lesion boxes come from.

    Attributes:
        kind: "none" (the method needs no patches), "oracle", "given", "random_lesion_crops",
            "detector" or "file".
        photographs: What the detector is trained on.
        file: A published pickle of boxes.
    """

    kind: str = "none"
    photographs: LesionSet | None = None
    file: Path | None = None

    def identity(self, protocol: Protocol) -> dict[str, dict[str, Any]]:
        """The groups that a run's identity gains: what the boxes are, and how they are made."""
        if self.kind == "none":
            return {}
        resolved, settings = {"boxes": self.kind}, protocol.detector.model_dump(mode="json")
        if self.photographs is not None:
            return {
                "resolved": {**resolved, "detector": self.photographs.digest},
                "detector": settings,
            }
        if self.file is not None:
            content = f"sha256:{file_digest(self.file)}"
            placed = {name: settings[name] for name in PLACED}
            return {"resolved": resolved, "detector": {**placed, "box_file": content}}
        return {"resolved": resolved}


def choose(protocol: Protocol, dataset: Dataset, needs: tuple[str, ...], cache: Path) -> BoxSource:
    """The source that the protocol asks for, on a data set.

    Args:
        needs: Of the method, from the roster.
        cache: Where a drawn companion lies.

    Raises:
        RequestError: when the data set has no such boxes, or patches are larger than the images
            that they are cut from, with the way out.
    """
    if "lesion patches" not in needs:
        return BoxSource()
    _refuse_large_patches(protocol)
    requested, file = protocol.patches.boxes, protocol.detector.box_file
    if file is not None:
        _refuse_chest("detector.box_file", dataset)
        return _published(requested, Path(file), dataset)
    unboxed = dataset.boxes == "none" or dataset.modality == "chest"
    if requested == "random_lesion_crops" or (requested == "no_detector" and unboxed):
        return BoxSource("random_lesion_crops")
    if requested == "detector" or (requested == "auto" and dataset.boxes != "given"):
        return _detected(requested, dataset, protocol, cache)
    if requested not in ("auto", "no_detector", dataset.boxes):
        alternative = _given(dataset) if dataset.modality == "chest" else "detector"
        raise RequestError(
            f"--set patches.boxes={requested}: {dataset.name} has {dataset.boxes} boxes; use auto, "
            f"{alternative} or random_lesion_crops"
        )
    return BoxSource(dataset.boxes)


def masks(
    protocol: Protocol, dataset: Dataset, needs: tuple[str, ...], cache: Path
) -> LesionSet | None:
    """The photographs with lesion masks that a method learns from; None without need or use.

    Raises:
        RequestError: when graded photographs are to be read and there is no IDRiD.
    """
    if "lesion masks" not in needs or dataset.task.kind != "grading":
        return None
    if not dataset.real:
        return idrid.companion(protocol, cache)
    root = idrid.find()
    if root is None:
        raise RequestError(
            f"{dataset.name} has no lesion masks to learn from: put IDRiD (segmentation part) into "
            "data/idrid or $BENCH_DATA/idrid; the drawn companion serves --dataset eyeq-twin"
        )
    return LesionSet("idrid", root)


def refuse_unread(source: BoxSource, changes: tuple[str, ...]) -> None:
    """Refuse detector settings that have no effect on a method that needs patches.

    Raises:
        RequestError: naming the setting and where the boxes come from.
    """
    if source.kind in ("none", "detector", "file"):
        return
    for change in changes:
        if change.startswith("detector."):
            raise RequestError(
                f"--set {change}: the boxes are {source.kind} and no detector is used; add --set "
                "patches.boxes=detector"
            )


def refuse_unread_windows(source: BoxSource, protocol: Protocol) -> None:
    """Refuse settings of how boxes become patches that contradict each other, or change nothing.

    Raises:
        RequestError: naming the setting and why it has no effect.
    """
    settings = protocol.patches
    if settings.second_view == "own_window" and settings.expansion == "centred":
        raise RequestError(
            "--set patches.second_view=own_window and patches.expansion=centred contradict each "
            "other: two patches with one box in their middle are the same; leave one out"
        )
    usual = PatchSettings()
    for name in ("second_view", "expansion"):
        value = getattr(settings, name)
        if source.kind == "random_lesion_crops" and value != getattr(usual, name):
            raise RequestError(
                f"--set patches.{name}={value}: the patches here are random crops without a box, "
                "both views of one crop, and do not read it; leave it out, or ask for boxes with "
                "--set patches.boxes"
            )


def refuse_undetected(source: BoxSource, protocol: Protocol, changes: tuple[str, ...]) -> None:
    """Refuse a request for a detector's false boxes where no detector looked at the images.

    Raises:
        RequestError: naming where the boxes come from, and the way out.
    """
    requested = any(change.startswith("lesion_aware.healthy_pool=") for change in changes)
    wanted = protocol.lesion_aware.healthy_pool == "false_positives"
    if requested and wanted and source.kind not in DETECTED:
        raise RequestError(
            f"--set lesion_aware.healthy_pool=false_positives: the boxes are {source.kind}, and "
            "only a detector's have false ones on healthy images; add --set "
            "patches.boxes=detector, or take random_crops"
        )


def _refuse_large_patches(protocol: Protocol) -> None:
    patch, image = protocol.patches.size_px, protocol.data.patch_image_px
    if patch > image:
        raise RequestError(
            f"--set patches.size_px={patch}: patches are cut from images of {image} px; take "
            f"{image} at most, or larger images with --set data.patch_image_px"
        )


def _refuse_chest(setting: str, dataset: Dataset) -> None:
    if dataset.modality == "chest":
        raise RequestError(
            f"--set {setting}: such files are of fundus photographs, and {dataset.name} has "
            f"radiographs; take patches.boxes={_given(dataset)}"
        )


def _given(dataset: Dataset) -> str:
    """The value of `patches.boxes` that takes boxes on radiographs, and whose they are."""
    return "given for those of a boxes.csv" if dataset.name == "folder" else "given for NIH's boxes"


def _published(requested: str, file: Path, dataset: Dataset) -> BoxSource:
    """A published file, read once before the images are, so that a wrong one is refused at once."""
    if requested not in ("auto", "no_detector"):
        raise RequestError(
            f"--set patches.boxes={requested} and detector.box_file={file.name} contradict each "
            "other; leave one out"
        )
    boxes = box_files.read(file)
    names = [record.image_id for record in dataset.records if record.split == "train"]
    if names and all(boxes.of(name) is None for name in names):
        raise RequestError(
            f"{file.name} names none of the {len(names):,} training images: it has "
            f"{next(iter(boxes.boxes), 'none')!r}, {dataset.name} has {names[0]!r}; name images as "
            "the labels do"
        )
    return BoxSource("file", file=file)


def _detected(requested: str, dataset: Dataset, protocol: Protocol, cache: Path) -> BoxSource:
    """A detector, or what stands in for it where it is not requested by name."""
    fundus = dataset.task.kind == "grading"
    if fundus and not dataset.real:
        return BoxSource("detector", idrid.companion(protocol, cache))
    root = idrid.find() if fundus else None
    if root is not None:
        return BoxSource("detector", LesionSet("idrid", root))
    if requested == "auto" and dataset.name != "eyeq":
        return BoxSource("random_lesion_crops")
    if not fundus:
        alternative = f", or {_given(dataset)}" if dataset.modality == "chest" else ""
        raise RequestError(
            f"--set patches.boxes={requested}: the detector knows retinal lesions, and "
            f"{dataset.name} is not graded fundus photographs; use random_lesion_crops{alternative}"
        )
    raise RequestError(
        f"{dataset.name} needs lesion boxes, and there is no IDRiD to train a detector on: "
        f"{WAYS_OUT}"
    )
