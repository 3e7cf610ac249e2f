"""`bench prepare`: a data set checked and cached before anything is trained on it."""

from pathlib import Path
from typing import Any, NamedTuple

from bench.data import datasets
from bench.data.datasets import Location
from bench.errors import RequestError
from bench.protocol.presets import derive, named
from bench.reporting.console import json_object
from bench.training.callbacks import Callbacks

CHECKED = ("eyeq", "chestxray", "folder", "idrid")


class Inspection(NamedTuple):
    """What is printed, and whether the set can be used as it is."""

    text: str
    ready: bool


def prepare(
    name: str,
    callbacks: Callbacks,
    *,
    data: Path | None,
    cache: Path | None,
    out: Path | None,
    protocol: str | None,
    changes: tuple[str, ...],
    device: str,
    as_json: bool,
) -> Inspection:
    """Check and cache a data set; for `idrid`, train the lesion detector and score it.

    Args:
        out: Where pictures of the detector's held-out photographs go.

    Raises:
        RequestError: for a set that is drawn or unknown, or that cannot be read at all.
    """
    if name not in CHECKED:
        datasets.source(name)  # an unknown name gets its own message
        raise RequestError(
            f"prepare {name}: a synthetic twin is drawn on first use and needs no check; choose "
            f"one of: {', '.join(CHECKED)}"
        )
    chosen = derive(named(protocol or _default(name, data)), list(changes))
    folder = datasets.cache_folder(cache)
    if name == "idrid":
        from bench.inspection.detector import prepare_idrid

        report = prepare_idrid(data, chosen, folder, out, callbacks, device)
        return Inspection(json_object(report) if as_json else detector_text(report), True)
    from bench.inspection import labels

    report = labels.inspect(name, Location(data, folder, chosen, True, callbacks.tick))
    return Inspection(json_object(report) if as_json else labels.text(report), report["ready"])


def detector_text(report: dict[str, Any]) -> str:
    """The detector's scores for a terminal."""
    lines = [f"lesion detector {report['detector']}, AP50 on held-out photographs:"]
    for kind, value in report["ap50"].items():
        shown = "none of it held out" if value is None else f"{value:.3f}"
        lines.append(f"  {kind:<16} {shown}")
    lines.append(f"at confidence {report['confidence']}:")
    for kind, counts in report["at_confidence"].items():
        counted = ", ".join(f"{what} {count}" for what, count in counts.items())
        lines.append(f"  {kind:<16} {counted}")
    return "\n".join([*lines, *(f"wrote {path}" for path in report["pictures"])])


def _default(name: str, data: Path | None) -> str:
    """PAPER for real sets, LAPTOP for a detector trained on the synthetic companion."""
    from bench.lesions.idrid import find

    return "laptop" if name == "idrid" and find(data) is None else "paper"
