"""`bench prepare idrid`: the lesion detector trained, or found, and what it is worth."""

from pathlib import Path
from typing import Any

from bench.inspection import lesion_boxes
from bench.inspection.images import few
from bench.inspection.prepare import Preparation, Report
from bench.lesions import idrid
from bench.lesions.detector_training import DetectorContext, detector, predict_held_out, right_at
from bench.lesions.idrid import LesionSet
from bench.protocol.settings import Protocol
from bench.training.callbacks import Callbacks
from bench.training.interrupt import PATIENCE_SECONDS, catching_signals
from bench.training.precision import choose_device, set_numerics


def prepare(request: Preparation) -> Report:
    """By the preset PAPER with IDRiD, LAPTOP for the twin's drawn companion."""
    default = "laptop" if idrid.find(request.data) is None else "paper"
    report = prepare_idrid(
        request.data,
        request.settings(default),
        request.cache,
        request.out,
        request.callbacks,
        request.device,
    )
    return Report(report, text(report), True)


def text(report: dict[str, Any]) -> str:
    """The detector's scores for a terminal."""
    lines = [f"lesion detector {report['detector']}, AP50 on held-out photographs:"]
    for kind, value in report["ap50"].items():
        shown = "none of it held out" if value is None else f"{value:.3f}"
        lines.append(f"  {kind:<16} {shown}")
    lines.append(f"at confidence {report['confidence']}:")
    for kind, counts in report["at_confidence"].items():
        told = ", ".join(f"{what} {count}" for what, count in counts.items())
        lines.append(f"  {kind:<16} {told}")
    lines += few("masks that belong to no photograph", report["unused_masks"])
    return "\n".join([*lines, *(f"wrote {path}" for path in report["pictures"])])


def prepare_idrid(
    data: Path | None,
    protocol: Protocol,
    cache: Path,
    out: Path | None,
    callbacks: Callbacks,
    device: str = "auto",
) -> dict[str, Any]:
    """Train the detector, or find it, and say how well it does on the held-out photographs.

    Args:
        data: IDRiD's folder; None for $BENCH_DATA/idrid or data/idrid, and without either for the
            companion of the synthetic twin.
        out: Where pictures of the held-out photographs go, with true and found boxes; None: none.

    Returns:
        `detector.json`, its key, the confidence, how many boxes at this confidence there are and
        are right for each kind of lesion, the masks that belong to no photograph, and the
        pictures' paths.

    Raises:
        RequestError: when photographs or first weights cannot be had.
        Interrupted: asked to stop; the same call resumes.
    """
    root = idrid.find(data)
    lesions = idrid.companion(protocol, cache) if root is None else LesionSet("idrid", root)
    if root is None:
        callbacks.say(
            "no IDRiD in $BENCH_DATA/idrid or data/idrid: using its synthetic companion instead"
        )
    with catching_signals(PATIENCE_SECONDS) as interrupted:
        set_numerics(threads=protocol.engine.threads)
        context = DetectorContext(cache, choose_device(device), callbacks, interrupted)
        trained = detector(lesions, protocol, context)
        held, detections = predict_held_out(lesions, trained, protocol, context)
    return {
        **trained.report,
        "detector": trained.folder.name,
        "confidence": protocol.detector.confidence,
        "at_confidence": right_at(protocol.detector.confidence, detections, held),
        "unused_masks": idrid.unused_masks(lesions.root),
        "pictures": []
        if out is None
        else lesion_boxes.write(held, detections, protocol.detector, out),
    }
