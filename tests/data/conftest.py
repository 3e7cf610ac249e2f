from pathlib import Path

import pytest

from bench.data import eyeq
from bench.data.records import Dataset, Record
from bench.pipeline.resolve import Request, prepare
from bench.tasks import DIABETIC_RETINOPATHY


def make_records(patients, *, eyes=2, grade=lambda p, e: p % 5, quality=lambda p, e: (p + e) % 3):
    return tuple(
        Record(
            image_id=f"{p}_{'left' if e else 'right'}",
            path=Path("nowhere") / f"{p}_{e}.jpeg",
            patient_id=str(p),
            labels=(grade(p, e),),
            quality=quality(p, e),
            split="test" if p % 2 else "train",
        )
        for p in range(patients)
        for e in range(eyes)
    )


def make_dataset(records, **fields):
    described = {"name": "folder", "boxes": "none", "real": True, **fields}
    return Dataset(task=DIABETIC_RETINOPATHY, records=tuple(records), **described)


@pytest.fixture
def records():
    return make_records


@pytest.fixture
def dataset():
    return make_dataset


@pytest.fixture
def real_eyeq(real_data):
    """EyeQ's own label files, without images."""
    rows = [
        row for split in ("train", "test") for row in eyeq.label_rows(real_data / "eyeq", split)
    ]
    return make_dataset(rows, name="eyeq")


@pytest.fixture
def prepared(small_set, cache, tiny, tmp_path):
    def make(ratio="0.7", *changes):
        request = Request(
            "resnet50",
            "folder",
            ratio,
            protocol="smoke",
            changes=(*tiny, *changes),
            data=small_set,
            results=tmp_path,
            cache=cache,
        )
        return prepare(request, lambda *_: None)

    return make
