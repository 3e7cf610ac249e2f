"""Lesion boxes of a run: a detector or a published file applied to its training images."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.pixels import ImageSet
from bench.data.records import Dataset
from bench.errors import RequestError
from bench.evaluation.detection import Detections
from bench.lesions import box_files
from bench.lesions.box_source import BoxSource
from bench.lesions.detector_training import DetectorContext, detector
from bench.lesions.predictions import by_grade, detector_images, usable_boxes
from bench.protocol.settings import DetectorSettings, Protocol


def locate(
    source: BoxSource,
    images: ImageSet,
    dataset: Dataset,
    digests: list[str],
    protocol: Protocol,
    context: DetectorContext,
) -> tuple[ImageSet, dict[str, Any]]:
    """The images with the boxes of a detector or a file on those of the training split.

    Other splits keep the data set's own boxes.

    Returns:
        The images, and for the record how many images of each grade have a box, and the `origin` of
        a detector; {} and the images as they are where boxes come from neither.

    Raises:
        RequestError: when no lesion image has a box and none gets a random crop instead.
    """
    began = time.perf_counter()
    train = dataset.where("train")
    if source.photographs is not None:
        trained = detector(source.photographs, protocol, context)
        predictor = trained.predictor(protocol.detector, context)
        detections = predictor.predict(
            detector_images(images, dataset, digests, train, protocol.detector)
        )
        report = {"detector": trained.folder.name, **trained.report}
    elif source.file is not None:
        detections, report = _published(source.file, dataset, train)
    else:
        return images, {}
    sizes = {"image_px": protocol.data.patch_image_px, "patch_px": protocol.patches.size_px}
    boxes = list(images.boxes)
    for i, detected in zip(train, detections, strict=True):
        boxes[i] = usable_boxes(detected, protocol.detector, **sizes)
    report["grades"] = by_grade(dataset.labels()[train, 0], [boxes[i] for i in train])
    report["confidence"] = protocol.detector.confidence
    report["seconds"] = round(time.perf_counter() - began, 1)
    _refuse_none(report["grades"], protocol.detector)
    context.callbacks.say(sentence(report))
    return replace(images, boxes=boxes), report


def sentence(report: dict[str, Any]) -> str:
    """How many training images have a box, in words."""
    sick = [row for row in report["grades"] if row["grade"] > 0]
    well = [row for row in report["grades"] if row["grade"] == 0]
    have, of = (sum(row[name] for row in sick) for name in ("with_box", "images"))
    false, healthy = (sum(row[name] for row in well) for name in ("with_box", "images"))
    named = f" (the file names {report['images_named']})" if "images_named" in report else ""
    return (
        f"boxes on {have} of {of} training images with lesions, and on {false} of {healthy} "
        f"without{named}"
    )


def _published(
    file: Path, dataset: Dataset, train: np.ndarray
) -> tuple[list[Detections], dict[str, Any]]:
    """Boxes of a published file, all of full confidence, and how many images it names."""
    read = box_files.read(file)
    found = [read.of(dataset.records[i].image_id) for i in train]
    named = sum(boxes is not None for boxes in found)
    by_image = [np.empty((0, 4)) if boxes is None else boxes for boxes in found]
    detections = [
        Detections(boxes, np.zeros(len(boxes), np.int64), np.ones(len(boxes))) for boxes in by_image
    ]
    return detections, {"boxes_without_area": read.left_out, "images_named": named}


def _refuse_none(grades: list[dict[str, int]], settings: DetectorSettings) -> None:
    sick = [row for row in grades if row["grade"] > 0]
    if settings.without_box == "drop" and not any(row["boxes"] for row in sick):
        raise RequestError(
            f"none of {sum(row['images'] for row in sick)} training images with lesions has a box "
            f"at detector.confidence {settings.confidence}; lower it, train the detector longer "
            "(--set detector.epochs), or take --set detector.without_box=random_crop"
        )
