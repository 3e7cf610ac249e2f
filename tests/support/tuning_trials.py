"""Finished and diverged trials of `bench tune` on disk, with the validation scores asked for."""

from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import traced_records as traced
from predictions import predictions_of
from scored import LABELS, certain, grades_of

from bench import store
from bench.protocol import tuning
from bench.roster import METHODS

DATASET = "eyeq-twin"


def trial(
    root: Path,
    method: str,
    value: float,
    *,
    kappa: float | None,
    epochs: tuple[float, ...] = (0.1, 0.3, 0.2),
    protocol: str = "laptop",
    study: str | None = tuning.STUDY,
    threads: int | None = None,
) -> Path:
    """One trial; its folder.

    Args:
        kappa: Of the validation split, and the test split has the opposite order; None for a loss
            that became infinite.
        epochs: Validation scores of the last stage.
    """
    spec = traced._spec(method, DATASET, "native", tuning.SEED, protocol, threads, None)
    spec.protocol["finetuning"]["lr"] = value
    spec = replace(spec, settings="default", study=study)
    words = f"--method {method} --dataset {DATASET} --lq-ratio native --seed {tuning.SEED}"
    command = f"bench run {words} --protocol {protocol} --set {tuning.RATE}={value:g}"
    command += (f" --set engine.threads={threads}" if threads else "") + " --settings default"
    command += f" --study {study}" if study else ""
    about = traced._about(DATASET, protocol, command)
    key = spec.key((*METHODS[method].groups, "detector"))
    folder = store.folder_of(root, spec)
    folder.mkdir(parents=True)
    store.write_json(
        folder / "spec.json", {"id": spec.id, "key": key, "spec": asdict(spec), "about": about}
    )
    log = store.EventLog(folder / store.EVENTS)
    for number, score in enumerate(epochs, start=1):
        event = {"stage": "finetune", "epoch": number, "step": number, "seconds": 2.0}
        event |= {"images_per_second": 8.0, "train": {"loss": 1.0}}
        log.append(event | {"validation": {"score": score}})
    if kappa is None:
        why = "NonFiniteLoss: the loss is inf in finetune, epoch 2, step 3"
        store.write_json(folder / "failure.json", {"why": why})
        return folder
    store.write_json(folder / "provenance.json", traced._origin(command))
    store.write_predictions(folder / "predictions.parquet", _answers(kappa))
    traced._score(folder)
    store.finish(folder)
    return folder


def _answers(kappa: float) -> pd.DataFrame:
    validation = predictions_of(LABELS, certain(grades_of(kappa)), split="validation")
    names = {"image_id": "v" + validation["image_id"], "patient_id": "v" + validation["patient_id"]}
    test = predictions_of(LABELS, certain(grades_of(1 - kappa)))
    return pd.concat([validation.assign(**names), test], ignore_index=True)
