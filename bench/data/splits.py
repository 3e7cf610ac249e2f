"""A data set's final splits: what is not given is drawn by patient, and none may be empty."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bench.data.records import (
    SPLITS,
    Dataset,
    Record,
    folds_of_patients,
    hold_out,
    limit,
    shuffle_labels,
)
from bench.errors import RequestError
from bench.protocol.settings import DataSettings

VALIDATION_SHARES = (0.1, 0.2, 0.3, 0.4, 0.49)
TEST_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""What is tried where a split is empty, to advise what helps."""


def finish(dataset: Dataset, data: DataSettings, seed: int = 0) -> Dataset:
    """The data set with its final splits, limited and shuffled as the settings say.

    Args:
        seed: The run's, which names the fold where there are folds.

    Raises:
        RequestError: where rows are named validation and none is named test, or folds are wanted
            of a set that names its test images.
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
    purpose = "validation"
    if data.folds is not None:
        records, purpose = _with_fold(records, data.folds, data.data_seed, seed)
        assumptions.append(
            f"tested in {data.folds} folds of patients, each image once per repeat: "
            f"data.folds={data.folds}"
        )
    if not any(r.split == "validation" for r in records):
        records = hold_out(
            records,
            source="train",
            target="validation",
            proportion=data.validation_share,
            purpose=purpose,
            seed=data.choice_seed(seed),
        )
    if data.shuffle_labels:
        records = shuffle_labels(records, seed=data.data_seed)
        assumptions.append("labels are shuffled: a control")
    return replace(dataset, records=records, limited=limited, assumptions=tuple(assumptions))


def empty(dataset: Dataset) -> list[str]:
    """The splits without an image."""
    return [split for split in SPLITS if not len(dataset.where(split))]


def why_empty(dataset: Dataset, data: DataSettings, seed: int = 0) -> str:
    """A sentence on splits that `finish` leaves without an image, and what helps; "" for none.

    Args:
        dataset: As it was read, before `finish`.
        seed: The run's.
    """
    finished = finish(dataset, data, seed)
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
    served = (w for w in _ways_out(data) if not empty(finish(dataset, _changed(data, w), seed)))
    found = next(served, None)
    if found is None:
        return f"{what}, and no setting helps: add images of other patients"
    settings = " ".join(f"--set data.{key}={_typed(value)}" for key, value in found.items())
    return f"{what}; with {settings} each split has some"


def _with_test(dataset: Dataset, data: DataSettings) -> tuple[Record, ...]:
    """The records, some of the patients moved to the test split where none is named."""
    named = {record.split for record in dataset.records}
    if data.folds is not None:
        if named != {"train"} or not dataset.test_drawn:
            raise RequestError(
                f"--set data.folds={data.folds}: {dataset.name} names its splits itself; folds are "
                "for a set that names none; leave it out"
            )
        return dataset.records
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


def _with_fold(
    records: Sequence[Record], folds: int, data_seed: int, seed: int
) -> tuple[tuple[Record, ...], str]:
    """The records with one fold as the test split, and what to draw the validation split by."""
    repeat, fold = divmod(seed, folds)
    patients = folds_of_patients(records, folds, purpose=f"repeat {repeat}", seed=data_seed)
    moved = tuple(
        replace(r, split="test") if patients[r.patient_id] == fold else r for r in records
    )
    return moved, f"validation, repeat {repeat}, fold {fold}"


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
