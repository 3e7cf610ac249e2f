"""What is written into a run's folder: its identity first, its results and their origin last.

And before either, what cannot be used of an earlier attempt is set aside.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import nn

from bench import store
from bench.evaluation import metrics, stored_runs
from bench.evaluation.stored_runs import DamagedRun
from bench.pipeline import build, saliency
from bench.pipeline.context import RunContext
from bench.pipeline.description import about, command
from bench.pipeline.resolve import Prepared
from bench.schemas import DamagedFile, read_events
from bench.training.precision import origin

USED = (*store.RECORDED, *store.ARTEFACTS, store.EVENTS, "failure.json", "checkpoint.safetensors")
"""Files that a run writes or goes on with; its checkpoint is a matter of the training."""


def cleared(folder: Path) -> Iterator[str]:
    """Set aside what a new run cannot use of a folder, its DONE first; a sentence for each.

    To be called by the process that holds the folder's lock.
    """
    if os.path.lexists(folder / "DONE"):
        run = stored_runs.read(folder)
        if isinstance(run, DamagedRun):
            yield f"damaged: {run.file} of {folder} ({run.why}); the run is made again"
        store.set_aside(folder / "DONE")
    for name in USED:
        path = folder / name
        if os.path.lexists(path) and (why := _why_unusable(path)):
            yield f"{path} cannot be used ({why}); it is {store.set_aside(path).name} now"


def _why_unusable(path: Path) -> str:
    """Why a file can be neither replaced nor gone on with; "" if it can."""
    if path.is_dir() or not path.is_file():
        return "no plain file"
    try:
        read_events(path) if path.name == store.EVENTS else None
    except DamagedFile as error:
        return error.why
    return ""


def write_spec(prepared: Prepared, context: RunContext) -> None:
    """Write `spec.json`: what the run is named by, and what pages say of it."""
    located = {k: v for k, v in context.located.items() if not k.endswith("seconds")}
    described = {
        "id": prepared.spec.id,
        "key": prepared.key,
        "spec": asdict(prepared.spec),
        "about": about(prepared, build.notes(context))
        | {"located": located, "second_view": build.second_view(context)},
    }
    store.write_json(prepared.folder / "spec.json", described)


def write_results(
    prepared: Prepared,
    predictions: pd.DataFrame,
    artefacts: dict[str, dict[str, np.ndarray]],
    leaks: dict[str, Any],
    shared: dict[str, Any],
    *,
    probed: dict[str, float],
    device: torch.device,
    log: store.EventLog,
) -> None:
    """Write predictions, artefacts, scores and origin, then DONE.

    Scores are computed from the predictions as they were stored, so that whoever recomputes them
    gets the same.

    Args:
        prepared: Names the folder.
        predictions: Rows of the validation and the test split.
        artefacts: File name -> named arrays; no file where there are none.
        leaks: What the splits have in common, of `bench.data.leakage`.
        shared: Name of each stage that runs share, or "detector" -> its origin.
        probed: What `bench.pipeline.probe` says of a pretrained encoder.
        device: Where the run was trained.
        log: Of its stages; their seconds add up to the run's.
    """
    folder, task = prepared.folder, prepared.dataset.task
    store.write_predictions(folder / "predictions.parquet", predictions)
    stored = pd.read_parquet(folder / "predictions.parquet")
    scores = metrics.score_all(stored, kind=task.kind, classes=task.classes)
    scores["validation"] |= probed
    for name, arrays in artefacts.items():
        if arrays:
            store.write_arrays(folder / name, arrays)
    if explained := artefacts["saliency.npz"]:
        scores["test"] |= saliency.pointing_scores(explained)
    store.write_json(folder / "metrics.json", scores)
    seconds = sum(event["seconds"] for event in log.read())
    made = {"command": command(prepared), **origin(device, seconds)}
    store.write_json(folder / "provenance.json", {**made, "leakage": leaks, "shared": shared})
    store.finish(folder)


def keep_weights(network: nn.Module, folder: Path) -> None:
    """Write the weights that were scored; not part of the record, free to delete for space."""
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    store.write_bytes(folder / "checkpoint.safetensors", safetensors.torch.save(state))
