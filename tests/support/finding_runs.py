"""Runs on findings that figures are drawn from: predictions of both splits, and names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from predictions import predictions_of
from records import record_of_twin

from bench.evaluation.metrics import score_all
from bench.seeding import generator_for
from bench.store import write_predictions

NAMES = ("Effusion", "Nodule", "Pneumonia")
FREQUENT = np.array([0.3, 0.15, 0.05])
SHARE = 0.43
SIZES = {"validation": 120, "test": 400}


def found_run(
    root: Path,
    method: str = "resnet50",
    seed: int = 0,
    *,
    skill: float = 1.0,
    often: float = -1.5,
    tunable: bool = True,
    **changes: Any,
) -> dict[str, Any]:
    """One record of the chest twin at the native ratio.

    Args:
        skill: How far a finding that is there stands out of the noise.
        often: Logit of the probability that an absent finding gets.
        tunable: Whether the validation rows have an image with pneumonia.
    """
    record = record_of_twin(method, "native", seed) | {"dataset": "chestxray-twin"}
    folder = root / record["dataset"] / method / record["id"]
    folder.mkdir(parents=True)
    table = pd.concat(
        [_rows(split, method, seed, skill, often) for split in SIZES], ignore_index=True
    )
    if not tunable:
        table.loc[table["split"] == "validation", "label_2"] = 0
    write_predictions(folder / "predictions.parquet", table)
    saved = {"spec": {"protocol": record["protocol"]}, "about": {"classes": list(NAMES)}}
    (folder / "spec.json").write_text(json.dumps(saved))
    shares = {f"share_{split}": SHARE for split in ("train", "validation", "test")}
    about = {"boxes": "none", "n_test": SIZES["test"], "folder": folder}
    return (
        record | score_all(table, kind="findings", classes=NAMES)["test"] | shares | about | changes
    )


def _rows(split: str, method: str, seed: int, skill: float, often: float) -> pd.DataFrame:
    """Images that are the same for every run, and a run's own answers to them."""
    size = (SIZES[split], len(NAMES))
    truth = (generator_for(0, "truth", split).random(size) < FREQUENT).astype(int)
    noise = generator_for(seed, "answers", split, method).normal(0, 1, size)
    logits = skill * truth + noise + often
    rows = predictions_of(truth, 1 / (1 + np.exp(-logits)), split=split)
    rows[["image_id", "patient_id"]] = split + rows[["image_id", "patient_id"]]
    return rows
