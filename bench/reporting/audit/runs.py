"""What a finished run says of how it was made, read from its folder alone."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench import store
from bench.evaluation.joint import FILE
from bench.evaluation.stored_runs import StoredRun, read_all
from bench.evaluation.training_cost import of_events
from bench.roster import METHODS

CONTRASTIVE = ("pretrain", "teacher", "student")
"""Names of the stages that see patches instead of labelled images (bench/pipeline/recipes)."""


@dataclass(frozen=True)
class TrainedStage:
    """One stage as its events tell it.

    Attributes:
        name: As in the events.
        epochs: How many were logged.
        steps: Of the optimiser.
        images: Samples seen: images or patches, each counted as often as it was shown.
        scores: Of the validation split, one an epoch; () where the stage was not scored.
    """

    name: str
    epochs: int
    steps: int
    images: int
    scores: tuple[float, ...]

    @property
    def contrastive(self) -> bool:
        """Whether it is one of pretraining."""
        return self.name in CONTRASTIVE


@dataclass(frozen=True)
class PredictionSummary:
    """What the predictions hold of the data.

    Attributes:
        images: Split -> digest of its images with patients and labels, in any order.
        degraded: Digest of which images are degraded.
        counts: Split -> number of images.
        twice: How many rows repeat an image.
        shared_patients: Those in both the validation and the test split.
        file: Digest of the predictions themselves.
    """

    images: dict[str, str]
    degraded: str
    counts: dict[str, int]
    twice: int
    shared_patients: tuple[str, ...]
    file: str


@dataclass(frozen=True)
class AuditedRun:
    """One run.

    Attributes:
        method: As tables name it, with options changed by hand.
        roster_name: Its name in the roster, or of a user's file.
        spec: Its identity, as stored.
        about: What pages say of it, as stored.
        origin: Its provenance, as stored.
        scores: Its metrics by split, as stored.
        flops: Operations of all its training; None in older records.
        test_words: Words in its events that speak of the test split.
    """

    folder: Path
    method: str
    roster_name: str
    key: str
    spec: dict[str, Any]
    about: dict[str, Any]
    origin: dict[str, Any]
    scores: dict[str, dict[str, Any]]
    stages: tuple[TrainedStage, ...]
    predictions: PredictionSummary
    flops: int | None
    test_words: tuple[str, ...]

    @property
    def name(self) -> str:
        """Method, ratio and seed."""
        return f"{self.method} {self.spec['lq_ratio']} seed {self.spec['seed']}"

    def setting(self, group: str, field: str) -> Any:
        """A protocol field; None in records of before it was one."""
        return self.spec["protocol"].get(group, {}).get(field)

    def roster_value(self, attribute: str) -> Any:
        """What the roster says of the method; None for a user's file."""
        method = METHODS.get(self.roster_name)
        return None if method is None else getattr(method, attribute)

    def total(self, what: str, *, contrastive: bool | None = None) -> int:
        """Sum of "steps", "images" or "epochs" over stages of one kind, or over all."""
        kept = [s for s in self.stages if contrastive in (None, s.contrastive)]
        return sum(getattr(stage, what) for stage in kept)


def read_runs(root: Path) -> list[AuditedRun]:
    """All finished runs below a folder, studies included, ordered by their folders."""
    return [audited(run) for run in read_all(root)]


def audited(run: StoredRun) -> AuditedRun:
    """One finished run."""
    spec, about, events = run.spec, run.about, run.events
    return AuditedRun(
        folder=run.folder,
        method=spec["method"] + about["changed_options"],
        roster_name=spec["method"],
        key=run.saved["key"],
        spec=spec,
        about=about,
        origin=run.origin,
        scores=run.scores,
        stages=_stages([event for event in events if "epoch" in event]),
        predictions=_predictions(run.folder / FILE),
        flops=of_events(events)["flops"],
        test_words=tuple(sorted({w for event in events for w in _words(event) if "test" in w})),
    )


def _stages(events: list[dict[str, Any]]) -> tuple[TrainedStage, ...]:
    names = dict.fromkeys(event["stage"] for event in events)
    return tuple(_stage(name, [e for e in events if e["stage"] == name]) for name in names)


def _stage(name: str, events: list[dict[str, Any]]) -> TrainedStage:
    # The speed was computed from the count of images, so their product gives it back exactly.
    images = sum(round(event["seconds"] * event["images_per_second"]) for event in events)
    logged = [event["validation"]["score"] for event in events if "validation" in event]
    scores = tuple(float("nan") if score is None else score for score in logged)
    return TrainedStage(name, len(events), max(event["step"] for event in events), images, scores)


def _predictions(path: Path) -> PredictionSummary:
    table = pd.read_parquet(path).sort_values(["split", "image_id"], ignore_index=True)
    labels = [name for name in table.columns if name.partition("_")[0] == "label"]
    splits: dict[Any, pd.DataFrame] = dict(iter(table.groupby("split")))
    patients = [set(part["patient_id"]) for part in splits.values()]
    return PredictionSummary(
        {s: _digest(part, ["image_id", "patient_id", *labels]) for s, part in splits.items()},
        _digest(table, ["image_id", "degraded"]),
        {split: len(part) for split, part in splits.items()},
        int(table["image_id"].duplicated().sum()),
        tuple(sorted(map(str, set.intersection(*patients)))) if len(patients) > 1 else (),
        store.file_digest(path),
    )


def _digest(table: pd.DataFrame, columns: list[str]) -> str:
    """Of the rows in their order; no image id and no label holds a zero byte."""
    digest = hashlib.sha256()
    for name in columns:
        digest.update("\0".join(map(str, table[name])).encode() + b"\n")
    return digest.hexdigest()


def _words(value: Any) -> Iterator[str]:
    """All keys of nested mappings."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _words(inner)
