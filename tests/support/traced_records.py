"""Whole run folders on disk, as a run leaves them, with the scores that a test asks for."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from predictions import predictions_of
from scored import LABELS, certain, grades_of

from bench import store
from bench.evaluation.metrics import score_all
from bench.protocol.presets import named
from bench.protocol.settings import NOT_HASHED
from bench.roster import METHODS
from bench.sweeps.plan import PlannedRun
from bench.versions import DEGRADATION, ENGINE

FOREIGN = {"detector", "chest"} | {name for one in METHODS.values() for name in one.groups}
CLASSES = ["none", "mild", "moderate", "severe", "proliferative"]
DATE = "2026-11-01T00:00:00+00:00"


def traced_run(
    root: Path,
    method: str = "resnet50",
    ratio: str = "native",
    seed: int = 0,
    *,
    kappa: float = 0.8,
    dataset: str = "eyeq",
    protocol: str = "laptop",
    threads: int | None = None,
    method_version: int | None = None,
    answered: tuple[bytes, dict[str, Any]] | None = None,
    **origin: Any,
) -> Path:
    """One finished run; its folder.

    Args:
        answered: Content of its predictions, and their scores, instead of those with this kappa.
        **origin: Changes what it says of its environment.
    """
    spec = _spec(method, dataset, ratio, seed, protocol, threads, method_version)
    words = f"--method {method} --dataset {dataset} --lq-ratio {ratio} --seed {seed}"
    changed = f" --set engine.threads={threads}" if threads else ""
    command = f"bench run {words} --protocol {protocol}{changed}"
    about = _about(dataset, protocol, command)
    key = spec.key(METHODS[method].groups)
    saved = {"id": spec.id, "key": key, "spec": asdict(spec), "about": about}
    made_by = _origin(command) | origin
    return _written(store.folder_of(root, spec), saved, made_by, kappa, answered)


def _written(
    folder: Path,
    saved: dict[str, Any],
    origin: dict[str, Any],
    kappa: float,
    answered: tuple[bytes, dict[str, Any]] | None = None,
) -> Path:
    folder.mkdir(parents=True)
    store.write_json(folder / "spec.json", saved)
    store.write_json(folder / "provenance.json", origin)
    if answered is None:
        store.write_predictions(folder / "predictions.parquet", answers(kappa))
        _score(folder)
    else:
        store.write_bytes(folder / "predictions.parquet", answered[0])
        store.write_json(folder / "metrics.json", answered[1])
    event = {"stage": "train", "epoch": 1, "step": 9, "seconds": 2.0, "images_per_second": 8.0}
    store.EventLog(folder / "events.jsonl").append(event | {"train": {"loss": 1.0}})
    store.finish(folder)
    return folder


def finished_run(run: PlannedRun, **origin: Any) -> Path:
    """The folder of a planned run as it would be when done, without having been trained."""
    request, spec = run.request, run.spec
    words = ["bench", "run", "--method", spec.method, "--dataset", spec.dataset]
    words += ["--lq-ratio", spec.lq_ratio, "--seed", str(spec.seed), "--protocol", "smoke"]
    words += [word for change in request.changes for word in ("--set", change)]
    words += ["--study", spec.study] if spec.study else []
    about = _about(spec.dataset, "smoke", " ".join(words)) | {"boxes": run.boxes}
    about |= {"changed_options": run.name.removeprefix(spec.method)}
    saved = {"id": spec.id, "key": run.key, "spec": asdict(spec), "about": about}
    return _written(run.folder, saved, _origin(about["command"]) | origin, kappa=0.8)


def answers(kappa: float) -> pd.DataFrame:
    """Predictions of both splits, those of the test split with this kappa."""
    validation = predictions_of(LABELS[:50], certain(LABELS[:50]), split="validation")
    names = {"image_id": "v" + validation["image_id"], "patient_id": "v" + validation["patient_id"]}
    test = predictions_of(LABELS, certain(grades_of(kappa)))
    return pd.concat([validation.assign(**names), test], ignore_index=True)


def sign(folder: Path) -> None:
    """Score the predictions again and write DONE, as a run does last."""
    _score(folder)
    store.finish(folder)


def with_maps(folder: Path, hits: list[bool]) -> None:
    """Saliency maps that point at lesions or do not, and the pointing game's scores."""
    chance = np.full(len(hits), 0.25)
    names = np.array([f"i{number}" for number in range(len(hits))])
    maps = np.zeros((len(hits), 2, 2), np.float16)
    arrays = {"image_id": names, "map": maps, "pointed_id": names, "hit": np.array(hits)}
    store.write_arrays(folder / "saliency.npz", arrays | {"chance": chance})
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test"] |= {"pointing_game": float(np.mean(hits)), "pointing_chance": 0.25}
    store.write_json(folder / "metrics.json", metrics)
    store.finish(folder)


def with_embeddings(folder: Path) -> None:
    """Features of a few patches of each level."""
    level = np.repeat(np.arange(4), 6).astype(np.int8)
    feature = np.random.default_rng(0).normal(0, 1, (len(level), 4)).astype(np.float16)
    store.write_arrays(folder / "embeddings.npz", {"level": level, "feature": feature})
    store.finish(folder)


def _score(folder: Path) -> None:
    rows = pd.read_parquet(folder / "predictions.parquet")
    store.write_json(folder / "metrics.json", score_all(rows, kind="grading", classes=CLASSES))


def _spec(
    method: str,
    dataset: str,
    ratio: str,
    seed: int,
    protocol: str,
    threads: int | None,
    version: int | None,
) -> store.Spec:
    settings = named(protocol).model_dump(mode="json")
    foreign = FOREIGN - set(METHODS[method].groups)
    settings = {
        group: {k: v for k, v in body.items() if f"{group}.{k}" not in NOT_HASHED}
        for group, body in settings.items()
        if group not in foreign
    }
    if threads:
        settings["engine"]["threads"] = threads
    return store.Spec(
        method=method,
        method_version=METHODS[method].version if version is None else version,
        method_digest=None,
        dataset=dataset,
        manifest={"key": "m" * 64, "images": {}},
        lq_ratio=ratio,
        seed=seed,
        protocol=settings,
        settings="common",
        versions={"engine": ENGINE, "degradation": DEGRADATION},
    )


def _about(dataset: str, protocol: str, command: str) -> dict[str, Any]:
    return {
        "protocol_name": protocol,
        "title": "",
        "real": not dataset.endswith("-twin"),
        "partial": False,
        "boxes": "none",
        "assumptions": [],
        "shares": {"train": 0.334, "validation": 0.0, "test": 0.0},
        "changed_options": "",
        "classes": CLASSES,
        "kind": "grading",
        "command": command,
    }


def _origin(command: str) -> dict[str, Any]:
    return {
        "command": command,
        "commit": "a" * 40,
        "date": DATE,
        "device": "cpu",
        "device_name": "a processor",
        "cpus": 2,
        "platform": "Linux-x86_64",
        "python": "3.11.7",
        "packages": {"torch": "2.14.1", "numpy": "2.4.6"},
        "codecs": {"jpg": "6.2"},
        "seconds": 2.0,
    }
