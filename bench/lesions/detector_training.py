"""The lesion detector of some photographs: trained once, scored, and shared by all runs.

It lies in the cache below `detectors/<key>-<device>/`, the key being a hash of all that can change
the weights, beside the kind of device: checkpoint and events while it trains, then `weights.pt`,
`seen/` (what it saw, by image) and, last, `detector.json` with its scores on held-out photographs,
its origin, and the digest of the weights.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import checksums, store
from bench.errors import Interrupted
from bench.evaluation.detection import Detections, Truth, ap50, ranked
from bench.lesions import idrid
from bench.lesions.box_source import APPLIED
from bench.lesions.faster_rcnn import DetectionBatches, LesionDetector, schedule
from bench.lesions.idrid import KINDS, AnnotatedPhotograph, LesionSet
from bench.lesions.predictions import DetectorImage, Predictor, threads
from bench.locking import Waiting, lock
from bench.protocol.settings import DetectorSettings, Protocol
from bench.seeding import seed_for
from bench.training.callbacks import Callbacks
from bench.training.loop import fit
from bench.training.memory import explaining
from bench.training.optim import build_optimizer
from bench.training.precision import origin
from bench.training.stages import initial_weights
from bench.versions import DEGRADATION, ENGINE


@dataclass(frozen=True)
class DetectorContext:
    """Where, and for whom, a detector is trained and applied."""

    cache: Path
    device: torch.device
    callbacks: Callbacks
    interrupted: Callable[[], bool]


@dataclass(frozen=True)
class TrainedDetector:
    """A detector that is there.

    Attributes:
        folder: Its place in the cache.
        network: On its device.
        report: Of `detector.json`: AP50 by kind of lesion, photographs, settings, seconds, origin.
    """

    folder: Path
    network: LesionDetector
    report: dict[str, Any]

    def predictor(self, settings: DetectorSettings, context: DetectorContext) -> Predictor:
        """The detector with the folder of its stored predictions."""
        return Predictor(
            network=self.network,
            settings=settings,
            stored=self.folder / "seen",
            device=context.device,
            tick=context.callbacks.tick,
            interrupted=context.interrupted,
        )


def key(lesions: LesionSet, protocol: Protocol) -> str:
    """Names a detector: a hash of its photographs, its settings and the versions of the code."""
    settings, seed = _that_train(protocol.detector), protocol.data.data_seed
    versions = {"engine": ENGINE, "degradation": DEGRADATION}
    return store.digest([lesions.digest, settings, seed, versions])[:16]


def detector(lesions: LesionSet, protocol: Protocol, context: DetectorContext) -> TrainedDetector:
    """The detector of these photographs and settings: found in the cache, or trained.

    Another process that trains the same one is waited for; a killed training resumes at its last
    epoch. One that was altered on disk is set aside and trained again.

    Raises:
        RequestError: when photographs or first weights cannot be had.
        Interrupted: asked to stop.
    """
    folder = context.cache / "detectors" / f"{key(lesions, protocol)}-{context.device.type}"
    waiting = Waiting(folder, "the lesion detector", context.callbacks.say)
    while (report := _finished(folder)) is None:
        with lock(folder) as acquired:
            if acquired and _finished(folder) is None:
                _train(lesions, protocol, folder, context)
        if not (folder / "detector.json").is_file():
            waiting.pause()
            if context.interrupted():
                raise Interrupted("stopped while another process trains the lesion detector")
    network = LesionDetector(protocol.detector, fetch=False)
    network.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    return TrainedDetector(folder, network.to(context.device), report)


def predict_held_out(
    lesions: LesionSet, trained: TrainedDetector, protocol: Protocol, context: DetectorContext
) -> tuple[list[AnnotatedPhotograph], list[Detections]]:
    """The photographs that the detector was not trained on, and what it finds in them."""
    _, held = _open(lesions, protocol, context)
    predictor = trained.predictor(protocol.detector, context)
    return held, predictor.predict([_view(photograph) for photograph in held])


def right_at(
    confidence: float, detections: Sequence[Detections], held: Sequence[AnnotatedPhotograph]
) -> dict[str, dict[str, int]]:
    """For each kind: true boxes, boxes found with this confidence, and how many are right."""
    true = [_truth(photograph) for photograph in held]
    rows = {}
    for kind, name in enumerate(KINDS):
        _, right, total = ranked(
            [detected.above(confidence) for detected in detections], true, kind
        )
        rows[name] = {"true": total, "found": len(right), "right": int(right.sum())}
    return rows


def _train(lesions: LesionSet, protocol: Protocol, folder: Path, context: DetectorContext) -> None:
    """Weights, scores on held-out photographs, and last the report."""
    settings = protocol.detector
    training, held = _open(lesions, protocol, context)
    purpose = (protocol.data.data_seed, "detector")
    turned = settings.augmentation == "mirror_and_turns"
    batches = DetectionBatches(training, settings.batch, purpose, lesions.name, turned)
    epochs = max(settings.epochs, ceil(settings.least_shown / len(training)))
    context.callbacks.say(
        f"training the lesion detector, once: {len(training)} photographs ({lesions.name}), "
        f"{epochs} epochs"
    )
    unused = idrid.unused_masks(lesions.root)
    if unused:
        context.callbacks.say(
            f"masks of no photograph, which are not used: {len(unused)} (first: {unused[0]})"
        )
    network = initial_weights(lambda: LesionDetector(settings), seed_for(*purpose, "weights"))
    way_out = f"--set detector.batch={max(settings.batch // 2, 1)} holds fewer images at once"
    with explaining(f"the lesion detector on {context.device.type}", way_out):
        network = network.to(context.device)
        assert isinstance(network, LesionDetector)
        seconds = _fit(network, batches, epochs, settings, folder, context)
    predictor = TrainedDetector(folder, network, {}).predictor(settings, context)
    detections = predictor.predict([_view(photograph) for photograph in held])
    buffer = io.BytesIO()
    torch.save({name: tensor.cpu() for name, tensor in network.state_dict().items()}, buffer)
    store.write_bytes(folder / "weights.pt", buffer.getvalue())
    report = {
        "ap50": _ap50(detections, held),
        "photographs": _described(lesions.name, training, held),
        "settings": _that_train(settings),
        "training_seconds": round(seconds, 1),
        "origin": origin(context.device, seconds),
    }
    files = checksums.digests(folder, ("weights.pt",))
    checksums.write_json(folder / "detector.json", {"files": files, "report": report})
    (folder / "checkpoint.pt").unlink()


def _finished(folder: Path) -> dict[str, Any] | None:
    """A detector's report; None without one whose weights are as they were written."""
    noted = checksums.read_json(folder / "detector.json")
    if noted is None:
        return None
    if not checksums.altered(folder, noted["files"]):
        return noted["report"]
    (folder / "detector.json").unlink(missing_ok=True)
    checksums.set_aside(folder / "weights.pt")
    return None


def _fit(
    network: LesionDetector,
    batches: DetectionBatches,
    epochs: int,
    settings: DetectorSettings,
    folder: Path,
    context: DetectorContext,
) -> float:
    """Train from where the folder's checkpoint left off; the seconds that all epochs took."""
    optimizer = build_optimizer(
        [p for p in network.parameters() if p.requires_grad],
        name=settings.optimizer,
        lr=settings.lr,
        momentum=settings.momentum if settings.optimizer == "sgd" else 0.0,
        weight_decay=settings.weight_decay,
        fused=context.device.type == "cuda",
    )
    log = store.EventLog(folder / "events.jsonl")
    log.path.unlink(missing_ok=True)  # its checkpoint tells them again
    with threads(settings.threads):
        fitted = fit(
            network,
            optimizer,
            schedule(optimizer, settings, epochs * len(batches)),
            batches,
            epochs=epochs,
            path=folder / "checkpoint.pt",
            precision="fp32",  # boxes are shared by runs of all number formats
            device=context.device,
            record=log.append,
            progress=context.callbacks.step,
            interrupted=context.interrupted,
            stage="detector",
            fingerprint=folder.name,
        )
    return sum(event["seconds"] for event in fitted.history)


def _that_train(settings: DetectorSettings) -> dict[str, Any]:
    """Settings that can change the weights; a companion's are in the digest of its photographs."""
    return {
        name: value
        for name, value in settings.model_dump(mode="json").items()
        if name not in APPLIED and not name.startswith("companion")
    }


def _open(
    lesions: LesionSet, protocol: Protocol, context: DetectorContext
) -> tuple[list[AnnotatedPhotograph], list[AnnotatedPhotograph]]:
    """Photographs to train on and those held out, decoded.

    Raises:
        RequestError: when a file cannot be used, or no photograph to train on has a lesion.
    """
    images = lesions.images(context.callbacks.tick)
    parts = idrid.hold_out(
        images, proportion=protocol.detector.held_out, seed=protocol.data.data_seed
    )
    size_px, done = protocol.detector.image_px, 0
    opened: tuple[list[AnnotatedPhotograph], list[AnnotatedPhotograph]] = ([], [])
    for part, decoded in zip(parts, opened, strict=True):
        for image in part:
            decoded.append(idrid.open_image(image, size_px))
            done += 1
            context.callbacks.tick("reading lesion masks", done, len(images))
    if not any(len(photograph.boxes) for photograph in opened[0]):
        raise idrid.without_lesions(lesions.name, len(opened[0]))
    return opened


def _view(photograph: AnnotatedPhotograph) -> DetectorImage:
    return DetectorImage(f"{photograph.image_id}:held out", lambda: photograph.image)


def _truth(photograph: AnnotatedPhotograph) -> Truth:
    return Truth(photograph.boxes / photograph.image.shape[0], photograph.kinds)


def _ap50(
    detections: Sequence[Detections], held: Sequence[AnnotatedPhotograph]
) -> dict[str, float]:
    """AP50 of each kind, nan where the held-out photographs have none, and their mean."""
    true = [_truth(photograph) for photograph in held]
    scores = {name: ap50(detections, true, kind) for kind, name in enumerate(KINDS)}
    known = [score for score in scores.values() if not np.isnan(score)]
    return {**scores, "mean": float(np.mean(known)) if known else float("nan")}


def _described(
    name: str, training: Sequence[AnnotatedPhotograph], held: Sequence[AnnotatedPhotograph]
) -> dict[str, Any]:
    def boxes(photographs: Sequence[AnnotatedPhotograph]) -> dict[str, int]:
        kinds = np.concatenate([photograph.kinds for photograph in photographs])
        return {kind: int((kinds == i).sum()) for i, kind in enumerate(KINDS)}

    return {
        "from": name,
        "training": len(training),
        "held_out": [photograph.image_id for photograph in held],
        "boxes_training": boxes(training),
        "boxes_held_out": boxes(held),
    }
