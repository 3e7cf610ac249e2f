"""Runs with everything that figures are drawn from: predictions, saliency and embeddings."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from predictions import predictions_of
from records import record_of_twin

from bench.evaluation.metrics import score
from bench.reporting.figures import Picture, draw
from bench.seeding import generator_for
from bench.store import EventLog, write_arrays, write_predictions
from bench.versions import TWIN

FREQUENT = (0.7, 0.09, 0.15, 0.035, 0.025)
CLASSES = ("none", "mild", "moderate", "severe", "proliferative")
ORIGIN = {"twin": "eyeq", "version": TWIN, "px": 128, "seed": 0}
SHARES = {"native": 0.479, "0.7": 0.7, "1.0": 1.0}
PRETRAINED = ("comcl", "comcl-no-multilevel", "lesion-base-cl", "lesion-aware-cl", "moco")


def figured_run(
    root: Path,
    method: str = "resnet50",
    ratio: str = "native",
    seed: int = 0,
    *,
    skill: float = 2.0,
    images: int = 300,
    frequent: tuple[float, ...] = FREQUENT,
    maps: bool = True,
    features: bool | None = None,
    learning: dict[str, tuple[float | None, ...]] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """One record of the laptop twin whose folder holds all artefacts.

    Args:
        skill: How far the right answer stands out of the noise.
        images: Of the test split, two a patient, the same for every run.
        frequent: How probable each grade is.
        maps: Whether there is a saliency.npz.
        features: Whether there is an embeddings.npz; None for what the method would have.
        learning: Stage -> validation score of each epoch; None for three epochs of one stage.
    """
    record = record_of_twin(method, ratio, seed)
    folder = root / record["dataset"] / method / record["id"]
    folder.mkdir(parents=True)
    labels = generator_for(0, "labels").choice(5, images, p=frequent)
    table = _predictions(method, ratio, seed, skill, labels)
    write_predictions(folder / "predictions.parquet", table)
    spec = {"seed": seed, "protocol": record["protocol"], "manifest": {"origin": ORIGIN}}
    (folder / "spec.json").write_text(json.dumps({"spec": spec}))
    if maps:
        write_arrays(folder / "saliency.npz", _maps(method, seed, table, skill))
    if method in PRETRAINED if features is None else features:
        write_arrays(folder / "embeddings.npz", _features(method, seed))
    log = EventLog(folder / "events.jsonl")
    for stage, scored in (learning or {"finetune": (0.1, 0.6, 0.5)}).items():
        for number, value in enumerate(scored, start=1):
            event = {"stage": stage, "epoch": number, "step": number, "learning_rate": 1e-3}
            event |= {"seconds": 1.0, "images_per_second": 1.0, "train": {"loss": 1.0}}
            log.append(event | {"validation": {"score": value}})
    about = {"boxes": "oracle" if method.startswith("comcl") else "none", "n_test": images}
    shares = {f"share_{split}": SHARES[ratio] for split in ("train", "validation", "test")}
    scores = score(table, kind="grading", classes=CLASSES)
    return record | scores | about | shares | {"folder": folder, "device": "cpu"} | changes


def pictures_of(records: pd.DataFrame, *names: str) -> dict[str, Picture]:
    """The pictures of one data set by name; none of those asked for may be skipped."""
    (drawn,) = draw(records, only=names)
    assert not drawn.skipped
    return {picture.name: picture for picture in drawn.pictures}


def skipped_of(records: pd.DataFrame, *names: str) -> dict[str, str]:
    """Why figures of one data set are skipped, by name; none of those asked for may be drawn."""
    (drawn,) = draw(records, only=names)
    assert not drawn.pictures
    return dict(drawn.skipped)


def _predictions(
    method: str, ratio: str, seed: int, skill: float, labels: np.ndarray
) -> pd.DataFrame:
    images = len(labels)
    rng = generator_for(seed, "answers", method, ratio)
    near = np.exp(-0.7 * np.abs(np.arange(5)[None] - labels[:, None]))
    logits = skill * near + rng.normal(0, 1, (images, 5)) + np.log(FREQUENT)
    odds = np.exp(logits)
    quality = generator_for(0, "quality").choice(3, images, p=(0.52, 0.28, 0.2))
    table = predictions_of(labels, odds / odds.sum(axis=1, keepdims=True), quality=quality)
    table["patient_id"] = [str(30_000 + n // 2) for n in range(images)]
    sides = ("left", "right")
    table["image_id"] = [f"{p}_{sides[n % 2]}" for n, p in enumerate(table["patient_id"])]
    return table


def _maps(method: str, seed: int, table: pd.DataFrame, skill: float) -> dict[str, np.ndarray]:
    rng = generator_for(seed, "maps", method)
    ids = table.loc[table["label"] > 0, "image_id"].to_numpy(dtype=str)
    x, y = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-1, 1, 32))
    centres = generator_for(0, "centres").uniform(-0.5, 0.5, (12, 2)) + rng.normal(0, 0.2, (12, 2))
    maps = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.08) for a, b in centres[: len(ids)]]
    chance = generator_for(0, "chance").uniform(0.1, 0.4, len(ids))
    return {
        "image_id": ids[:12],
        "map": np.array(maps, dtype=np.float16),
        "pointed_id": ids,
        "hit": rng.random(len(ids)) < np.minimum(chance * skill, 1),
        "chance": chance,
    }


def _features(method: str, seed: int) -> dict[str, np.ndarray]:
    level = np.repeat(np.arange(4), (40, 20, 40, 20))
    lesion, low = level < 2, level % 2
    apart = {"comcl": (3.0, 0.3), "moco": (0.5, 2.5)}.get(method, (1.5, 1.5))
    feature = generator_for(seed, "features", method).normal(0, 1, (len(level), 8))
    feature[:, 0] += apart[0] * lesion
    feature[:, 1] += apart[1] * low
    return {
        "image_id": np.array([f"i{n}" for n in range(len(level))]),
        "level": level.astype(np.int8),
        "feature": feature.astype(np.float16),
        "explained": np.full(8, 0.125, dtype=np.float32),
    }
