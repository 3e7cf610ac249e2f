"""What is wrong with a user's data, all of it in one pass; what is right is in the cache then.

`inspect` answers `bench prepare` of EyeQ, ChestX-ray14 and folders: label counts, missing,
unreadable and duplicated images, labels that contradict each other.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.data import eyeq, folder
from bench.data.datasets import Location, data_folder
from bench.data.records import Record
from bench.errors import RequestError
from bench.inspection import chest as chest_inspection
from bench.inspection import images as image_checks
from bench.inspection.images import cached_line, few, same_lines, unreadable_lines


def inspect(name: str, location: Location) -> dict[str, Any]:
    """Check a data set and fill the cache at the protocol's sizes.

    Args:
        name: "eyeq", "chestxray" or "folder".
        location: Where it lies, and its protocol; its tick is called with what is being done.

    Returns:
        The report, JSON values only; `ready` says whether all is there, readable and, for EyeQ and
        ChestX-ray14, as published. Duplicates are reported and do not make a set less ready.

    Raises:
        RequestError: on another name, or label files that cannot be used at all.
    """
    if name not in ("eyeq", "chestxray", "folder"):
        raise RequestError(
            f"prepare {name}: synthetic twins need no check; choose one of: eyeq, chestxray, folder"
        )
    root = data_folder(name, location.root)
    if name == "chestxray":
        return chest_inspection.inspect(root, location)
    rows, assumed = _rows(name, root)
    gone = [row for row in rows if not row.path.is_file()]
    lost = {row.image_id for row in gone}
    files = image_checks.read([row for row in rows if row.image_id not in lost], location)
    unlike = eyeq.differences(rows) if name == "eyeq" else {}
    return {
        "dataset": name,
        "folder": str(root),
        "labels": {split: _counts(rows, split) for split in _splits(rows)},
        "assumed": assumed,
        "unlike_published": unlike,
        "patients_in_several_splits": _patients_across(rows),
        "expected": len(rows),
        "missing": [row.image_id for row in gone],
        "missing_means": _missing(name, root, rows, gone) if gone else "",
        **files,
        "ready": not (gone or unlike or files["unreadable"]),
    }


def text(report: dict[str, Any]) -> str:
    """The report for a terminal."""
    if report["dataset"] == "chestxray":
        return chest_inspection.text(report)
    total, missing = report["expected"], len(report["missing"])
    lines = [f"{report['dataset']} in {report['folder']}"]
    lines += [_label_line(split, counts) for split, counts in report["labels"].items()]
    lines += [f"  {sentence}" for sentence in report["assumed"]]
    if report["dataset"] == "eyeq" and not report["unlike_published"]:
        lines.append("  all counts as published")
    for first, *others in report["unlike_published"].values():
        lines.append(f"  {first}" + (f", and {len(others)} other counts" if others else ""))
    lines += few("patients in several splits", report["patients_in_several_splits"])
    lines.append(f"images: {total - missing:,} of {total:,} are there")
    lines += [f"  {report['missing_means']}"] if missing else []
    lines += unreadable_lines(report["unreadable"])
    lines += few("no round field found, the whole frame is taken", report["no_field"])
    lines += same_lines(report, lambda labels: "/".join(map(str, labels)))
    lines.append(cached_line(report))
    return "\n".join([*lines, _verdict(report)])


def _rows(name: str, root: Path) -> tuple[list[Record], list[str]]:
    """All rows of the labels, and a sentence for each thing that they do not state."""
    if name == "eyeq":
        return eyeq.all_rows(root), []
    dataset = folder.load(root)
    return list(dataset.records), list(dataset.assumptions)


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


def _verdict(report: dict[str, Any]) -> str:
    if report["ready"]:
        return f"ready: bench run --method comcl --dataset {report['dataset']}"
    if report["unreadable"]:
        return "not ready: fetch the unreadable images again, or take them away"
    if report["dataset"] == "eyeq" and report["cached"]:
        return "not complete: bench run needs --partial, and runs on what is there"
    return "not ready: see above what is missing"
