"""A data set's final splits: what is not given is drawn by patient, and none may be empty."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.data.records import SPLITS, Dataset, Record, hold_out, limit, shuffle_labels
from bench.errors import RequestError
from bench.protocol.settings import DataSettings

VALIDATION_SHARES = (0.1, 0.2, 0.3, 0.4, 0.49)
TEST_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""What is tried where a split is empty, to advise what helps."""


def finish(dataset: Dataset, data: DataSettings) -> Dataset:
    """The data set with its final splits, limited and shuffled as the settings say.

    Raises:
        RequestError: where rows are named validation and none is named test.
    """
    records, assumptions, limited = _with_test(dataset, data), list(dataset.assumptions), False
    whole = len(records)
    if data.limit is not None:
        records = limit(records, data.limit, seed=data.data_seed)
        limited = len(records) < whole
        if limited:
            assumptions.append(
                f"{len(records):,} of {whole:,} images, whole patients: data.limit={data.limit}"
            )
    if not any(r.split == "validation" for r in records):
        records = hold_out(
            records,
            source="train",
            target="validation",
            proportion=data.validation_share,
            purpose="validation",
            seed=data.data_seed,
        )
    if data.shuffle_labels:
        records = shuffle_labels(records, seed=data.data_seed)
        assumptions.append("labels are shuffled: a control")
    return replace(dataset, records=records, limited=limited, assumptions=tuple(assumptions))


def empty(dataset: Dataset) -> list[str]:
    """The splits without an image."""
    return [split for split in SPLITS if not len(dataset.where(split))]


def why_empty(dataset: Dataset, data: DataSettings) -> str:
    """A sentence on splits that `finish` leaves without an image, and what helps; "" for none.

    Args:
        dataset: As it was read, before `finish`.
    """
    finished = finish(dataset, data)
    lacking = empty(finished)
    if not lacking:
        return ""
    patients = len({r.patient_id for r in finished.records})
    what = (
        f"{dataset.name}: no image for the {' and '.join(lacking)} split among "
        f"{len(finished.records):,} images of {patients:,} patients"
    )
    given = {record.split for record in dataset.records}
    absent = [split for split in ("train", "test") if split not in given]
    if "train" in absent or ("test" in absent and not dataset.test_drawn):
        return f"{what}; {_absent(dataset, absent)}"
    found = next(
        (way for way in _ways_out(data) if not empty(finish(dataset, _changed(data, way)))), None
    )
    if found is None:
        return f"{what}, and no setting helps: add images of other patients"
    settings = " ".join(f"--set data.{key}={_typed(value)}" for key, value in found.items())
    return f"{what}; with {settings} each split has some"


def _with_test(dataset: Dataset, data: DataSettings) -> tuple[Record, ...]:
    """The records, some of the patients moved to the test split where none is named."""
    named = {record.split for record in dataset.records}
    if "test" in named or not dataset.test_drawn:
        return dataset.records
    if "validation" in named:
        raise RequestError("labels.csv: the column split names no row 'test'")
    return hold_out(
        dataset.records,
        source="train",
        target="test",
        proportion=data.test_share,
        purpose="test",
        seed=data.data_seed,
    )


def _absent(dataset: Dataset, absent: list[str]) -> str:
    """What to do where the data themselves have no image of a split."""
    splits = " and ".join(absent)
    if dataset.test_drawn:
        return f"labels.csv names no row {absent[0]!r} in its column split; name some"
    return f"none of the {splits} images is there, and no setting stands in for them; fetch them"


def _ways_out(data: DataSettings) -> Iterator[dict[str, Any]]:
    """Settings that may leave no split empty, the smallest changes first."""
    if data.limit is not None:
        yield from ({"limit": data.limit * 2**times} for times in range(1, 8))
        yield {"limit": None}
    yield from ({"validation_share": share} for share in VALIDATION_SHARES)
    yield from ({"test_share": share} for share in TEST_SHARES)
    for test in TEST_SHARES:
        yield from ({"validation_share": s, "test_share": test} for s in VALIDATION_SHARES)


def _changed(data: DataSettings, way: dict[str, Any]) -> DataSettings:
    return data.model_copy(update=way)


def _typed(value: Any) -> str:
    return "null" if value is None else str(value)
