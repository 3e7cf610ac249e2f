"""What is wrong with a user's data, all of it in one pass; what is right is in the cache then.

`prepare` answers `bench prepare` of EyeQ and of sets in a folder's layout: label counts, missing,
unreadable and duplicated images, labels that contradict each other.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.data import datasets, eyeq, splits
from bench.data.datasets import Location, data_folder
from bench.data.image_names import linked_outside
from bench.data.records import SPLITS, Dataset, Record
from bench.inspection import images as image_checks
from bench.inspection.images import cached_line, few, same_lines, unreadable_lines, unusable_lines
from bench.inspection.prepare import Preparation, Report
from bench.tasks import DIABETIC_RETINOPATHY


def prepare(request: Preparation) -> Report:
    """The set checked, and its images in the cache."""
    report = inspect(request.name, request.location())
    return Report(report, text(report), report["ready"])


def inspect(name: str, location: Location) -> dict[str, Any]:
    """Check a data set and fill the cache at the protocol's sizes.

    Args:
        name: "eyeq", or a set in a folder's layout.
        location: Where it lies, and its protocol; its tick is called with what is being done.

    Returns:
        The report, JSON values only; `ready` says whether all is there, readable and, for EyeQ, as
        published. Duplicates are reported and do not make a set less ready.

    Raises:
        RequestError: on label files that cannot be used at all.
    """
    root = data_folder(name, location.root)
    whole = _whole(name, root, location)
    rows, data = whole.records, location.protocol.data
    gone = [row for row in rows if not row.path.is_file()]
    usable = replace(whole, records=tuple(_there(rows))) if name == "eyeq" else whole
    drawn = splits.finish(usable, data)
    refused = splits.why_empty(usable, data)
    lost = {row.image_id for row in gone}
    there = [row for row in drawn.records if row.image_id not in lost]
    files = image_checks.read(there, location, whole.modality)
    unlike = eyeq.differences(rows) if name == "eyeq" else {}
    listed = rows if name == "eyeq" else drawn.records
    return {
        "dataset": name,
        "folder": str(root),
        "modality": whole.modality,
        "labels": {split: _counts(listed, split) for split in _splits(listed)},
        "splits": {split: len(drawn.where(split)) for split in SPLITS},
        "empty_splits": refused,
        "one_valued": _one_valued(drawn),
        "assumed": list(drawn.assumptions),
        "unlike_published": unlike,
        "patients_in_several_splits": _patients_across(drawn.records),
        "expected": len(rows),
        "missing": [row.image_id for row in gone],
        "missing_means": _missing(name, root, rows, gone) if gone else "",
        "links_outside": linked_outside((row.path for row in there), _base(name, root)),
        **files,
        "ready": not (gone or unlike or files["unreadable"] or refused),
    }


def text(report: dict[str, Any]) -> str:
    """The report for a terminal."""
    total, missing = report["expected"], len(report["missing"])
    lines = [f"{report['dataset']} in {report['folder']}"]
    lines += [_label_line(split, counts) for split, counts in report["labels"].items()]
    lines += [f"  {sentence}" for sentence in report["assumed"]]
    if report["dataset"] == "eyeq" and not report["unlike_published"]:
        lines.append("  all counts as published")
    for first, *others in report["unlike_published"].values():
        lines.append(f"  {first}" + (f", and {len(others)} other counts" if others else ""))
    lines.append(_drawn_line(report))
    lines += few("patients in several splits", report["patients_in_several_splits"])
    lines += few(
        "findings with one value only in the test split, which no AUROC is of", report["one_valued"]
    )
    lines.append(f"images: {total - missing:,} of {total:,} are there")
    lines += [f"  {report['missing_means']}"] if missing else []
    lines += few("links to files outside the folder, which are followed", report["links_outside"])
    lines += unreadable_lines(report["unreadable"])
    lines += unusable_lines(report["unusable"])
    lines += few("no round field found, the whole frame is taken", report["no_field"])
    lines += same_lines(report, lambda labels: "/".join(map(str, labels)))
    lines.append(cached_line(report))
    return "\n".join([*lines, _verdict(report)])


def _whole(name: str, root: Path, location: Location) -> Dataset:
    """The set with all rows of its labels, whether their images are there or not."""
    if name != "eyeq":
        return datasets.folder_set(name, location)
    rows = tuple(eyeq.all_rows(root))
    return Dataset("eyeq", DIABETIC_RETINOPATHY, rows, boxes="none", real=True)


def _there(rows: Sequence[Record]) -> list[Record]:
    return [row for row in rows if row.path.is_file()]


def _base(name: str, root: Path) -> Path:
    return root if name == "eyeq" else root / "images"


def _one_valued(dataset: Dataset) -> list[str]:
    """Findings that all images of the test split have, or none."""
    labels = dataset.labels()[dataset.where("test")]
    if dataset.task.kind != "findings" or not len(labels):
        return []
    constant = (labels == labels[0]).all(axis=0)
    return [name for name, alike in zip(dataset.task.classes, constant, strict=True) if alike]


def _splits(rows: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(row.split for row in rows))


def _counts(rows: Sequence[Record], split: str) -> dict[str, Any]:
    split_rows = [row for row in rows if row.split == split]
    quality = Counter(row.quality for row in split_rows)
    labels = Counter(" ".join(map(str, row.labels)) for row in split_rows)
    return {
        "images": len(split_rows),
        "quality": {name: quality[code] for code, name in enumerate(eyeq.QUALITIES)},
        "labels": dict(sorted(labels.items())),
    }


def _patients_across(rows: Sequence[Record]) -> list[str]:
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row.patient_id, set()).add(row.split)
    return sorted(patient for patient, patient_splits in splits.items() if len(patient_splits) > 1)


def _missing(name: str, root: Path, rows: Sequence[Record], gone: Sequence[Record]) -> str:
    if name == "eyeq":
        return eyeq.missing(root, rows, gone)
    return (
        f"{len(gone):,} of {len(rows):,} images are missing below {root / 'images'} (first: "
        f"{', '.join(row.path.name for row in gone[:3])}); put them there, or take their rows out "
        "of labels.csv"
    )


def _label_line(split: str, counts: dict[str, Any]) -> str:
    quality = ", ".join(f"{count:,} {name}" for name, count in counts["quality"].items())
    labels = ", ".join(f"{label}: {count:,}" for label, count in counts["labels"].items())
    return f"{split}: {counts['images']:,} images; {quality}; labels {labels}"


def _drawn_line(report: dict[str, Any]) -> str:
    counts = ", ".join(f"{count:,} {split}" for split, count in report["splits"].items())
    return f"splits as bench run draws them: {counts}"


def _verdict(report: dict[str, Any]) -> str:
    if report["ready"]:
        return f"ready: bench run --method comcl --dataset {report['dataset']}"
    if report["unreadable"]:
        return "not ready: fetch the unreadable images again, or take them away"
    if report["empty_splits"]:
        return f"not ready: {report['empty_splits']}"
    if report["dataset"] == "eyeq" and report["cached"]:
        return "not complete: bench run needs --partial, and runs on what is there"
    return "not ready: see above what is missing"
