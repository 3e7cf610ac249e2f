"""What a sweep would take: time and disk of a run, from records of its like, else from a probe."""

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.data.cache import ProgressCallback
from bench.errors import RequestError
from bench.evaluation.stored_runs import load
from bench.pipeline.resolve import Request
from bench.store import Spec
from bench.sweeps import cards
from bench.sweeps.plan import Plan, PlannedRun, undone

PROBE_IMAGES = 300


@dataclass(frozen=True)
class Cost:
    """What each run of a method on a data set takes.

    Attributes:
        runs: How many of them are not done.
        seconds: Of training; None where nobody can tell.
        bytes: That stay on the disk.
        source: Where the two numbers come from, in words.
    """

    dataset: str
    method: str
    runs: int
    seconds: float | None
    bytes: int | None
    source: str


def costs(made: Plan, tick: ProgressCallback) -> list[Cost]:
    """One entry per method and data set with runs that are not done."""
    groups: dict[tuple[str, str], list[PlannedRun]] = {}
    for run in undone(made.runs):
        groups.setdefault((run.spec.dataset, run.name), []).append(run)
    if not groups:
        return []
    records = load(made.runs[0].request.results).to_dict("records")
    return [_cost(runs, records, tick) for runs in groups.values()]


def _cost(
    runs: Sequence[PlannedRun], records: Sequence[dict[Any, Any]], tick: ProgressCallback
) -> Cost:
    first = runs[0]
    alike = [r for r in records if (r["method"], r["key"]) == (first.name, first.key)]
    origins = _of_kind(first.request.device, [record["folder"] for record in alike])
    numbers = _recorded(origins) if origins else _probed(first, tick)
    return Cost(first.spec.dataset, first.name, len(runs), *numbers)


def _of_kind(asked: str, folders: Sequence[Path]) -> dict[Path, dict[str, Any]]:
    """Where and with what runs were made, of those that used the kind of device that these will."""
    kind = ("cuda" if cards.visible(os.environ) else "cpu") if asked == "auto" else asked
    origins = {folder: json.loads((folder / "provenance.json").read_text()) for folder in folders}
    return {folder: origin for folder, origin in origins.items() if origin["device"] == kind}


def _recorded(origins: Mapping[Path, dict[str, Any]]) -> tuple[float, int, str]:
    """Medians of time and size of records of the same method, protocol and kind of device."""
    seconds = statistics.median(origin["seconds"] for origin in origins.values())
    sizes = [sum(f.stat().st_size for f in folder.iterdir() if f.is_file()) for folder in origins]
    machines = sorted({f"{each['device']}, {each['device_name']}" for each in origins.values()})
    many = f"{len(origins)} record{'s' * (len(origins) > 1)}"
    return seconds, round(statistics.median(sizes)), f"{many} ({'; '.join(machines)})"


def _probed(run: PlannedRun, tick: ProgressCallback) -> tuple[float | None, int | None, str]:
    """From a timed step of each stage on a part of the images, taken to the length of the whole."""
    # Read when torch is loaded, here for the first time. Threads that spin while they wait are
    # delayed ten to fifty times over by whatever else the machine does, and unevenly.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from bench.sweeps.probe import probe  # only where no record tells

    try:
        probed = probe(probe_request(run), tick)
    except RequestError as error:
        return None, None, f"no record, and no probe: {error}"
    whole, part = _train_images(run.spec), probed.train_images
    return (
        probed.seconds * whole / part,
        probed.bytes,
        f"probe: a step of each stage timed on {part} training images ({probed.device})",
    )


def probe_request(run: PlannedRun) -> Request:
    """The run on few images, from random weights, and without a lesion detector to be trained.

    None of this changes what a step of training takes.
    """
    limit = run.spec.protocol["data"]["limit"] or PROBE_IMAGES
    changes = [change for change in run.request.changes if not change.startswith("detector.")]
    changes += [f"data.limit={min(limit, PROBE_IMAGES)}", "init.weights=random"]
    changes += ["patches.minimum=1"]
    if run.boxes in ("detector", "file"):
        changes += ["patches.boxes=random_lesion_crops"]
    return replace(run.request, changes=tuple(changes))


def _train_images(spec: Spec) -> float:
    """Images to train on; of splits that follow the seed, about as many."""
    images, data = spec.manifest["images"], spec.protocol["data"]
    if "train" in images:
        return images["train"]
    tested = images["test"] if "test" in images else images["all"] / data["folds"]
    return (images["all"] - tested) * (1 - data["validation_share"])
