"""What a data set is, as a run is named by it."""

from typing import Any

from bench.data.records import SPLITS, Dataset
from bench.protocol.settings import DataSettings
from bench.store import digest


def manifest(dataset: Dataset, digests: list[str], data: DataSettings) -> dict[str, Any]:
    """What the data are: a key over contents, labels, boxes and splits, and a few counts.

    A synthetic twin is identified by its generator's version and seed, so that another JPEG
    library does not make it another data set. Splits that follow the run's seed are left out, since
    runs of several seeds share a table, and a seed is to change nothing of a spec but itself.
    """
    rows = [
        (r.image_id, r.patient_id, r.labels, r.quality, _shared(r.split, data), r.boxes)
        for r in dataset.records
    ]
    contents = dataset.origin or digests
    counts = {split: len(dataset.where(split)) for split in SPLITS}
    if data.folds is not None:
        counts = {"all": len(dataset.records)}
    elif data.seed_follows_run:
        counts = {"all": len(dataset.records), "test": counts["test"]}
    named = [dataset.declared] if dataset.declared else []
    return {"key": digest([rows, contents, *named]), "images": counts, "origin": dataset.origin}


def _shared(split: str, data: DataSettings) -> str:
    """A record's split, as far as it is the same for every seed."""
    if data.folds is not None:
        return "any fold"
    return "train" if data.seed_follows_run and split == "validation" else split
