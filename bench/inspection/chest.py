"""What is wrong with a user's ChestX-ray14: `bench prepare chestxray`, the label files as a whole.

Of the images those that the protocol's subset asks for are read and cached, as `bench run` takes
them: where some are missing, what `--partial` runs on.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from bench.data.chest import checks as chest_checks
from bench.data.chest import files as chest_files
from bench.data.chest.files import BOX_SIDE, BOXES, ListedImage, Listing
from bench.data.chest.reader import choose, missing
from bench.data.datasets import Location, data_folder
from bench.data.published import FINDINGS, NO_FINDING
from bench.data.records import Record
from bench.inspection import images as image_checks
from bench.inspection.images import cached_line, few, same_lines, unreadable_lines, unusable_lines
from bench.inspection.prepare import Preparation, Report

OTHERS_ALONE = "other findings alone"
USUAL_SIZE, USUAL_MODE = f"{BOX_SIDE} x {BOX_SIDE}", "L"
BROKEN_LISTS = {
    "unlisted": "images of the label file in neither list",
    "unknown": "images of a list without a line in the label file",
    "twice": "images in both lists",
    "patients_in_several_splits": "patients in both lists",
}
"""What every `bench run` refuses."""


def prepare(request: Preparation) -> Report:
    """The set checked, and the images of its subset in the cache."""
    report = inspect(request.name, request.location())
    return Report(report, text(report), report["ready"])


def inspect(name: str, location: Location) -> dict[str, Any]:
    """The report, JSON values only, with the same keys as of other sets and more.

    Args:
        name: "chestxray", or another set in NIH's layout.
        location: Where it lies, and its protocol; its tick is called with what is being done.

    Raises:
        RequestError: on label files that cannot be used at all.
    """
    root = data_folder(name, location.root)
    listing, boxed = chest_files.listing(root), chest_files.boxes(root)
    rows, files = listing.entries, chest_files.image_files(root)
    paths = {path.stem: path for path in files}
    chosen = choose(rows, boxed, paths, location.protocol)
    records = [
        Record(row.image_id, paths[row.image_id], row.patient_id, row.labels, 0, row.split)
        for row in chosen.rows
    ]
    read = image_checks.read(records, location, "chest")
    broken = _broken_lists(listing)
    unlike, outside = chest_checks.differences(rows, boxed), chest_checks.outside(boxed)
    return {
        "dataset": name,
        "folder": str(root),
        "label_file": {"name": listing.file, "columns": list(listing.columns)},
        "labels": {split: _counts(rows, split) for split in chest_files.LISTS},
        "assumed": list(chosen.notes),
        "unlike_published": {"label files": unlike} if unlike else {},
        **broken,
        "boxes": _boxes(rows, boxed) | {"outside": outside},
        "files": _files(files, listing),
        "expected": chosen.wanted,
        "missing": list(chosen.gone),
        "missing_means": missing(root, chosen) if chosen.gone else "",
        **read,
        **_stored(records, read["unreadable"]),
        "ready": not (
            chosen.gone or unlike or outside or read["unreadable"] or any(broken.values())
        ),
    }


def text(report: dict[str, Any]) -> str:
    """The report for a terminal: how many of everything, and the first few names."""
    total, gone = report["expected"], len(report["missing"])
    lines = [f"{report['dataset']} in {report['folder']}", _spelling(report["label_file"])]
    lines += [_label_line(split, counts) for split, counts in report["labels"].items()]
    lines += _box_lines(report["boxes"])
    for sentences in report["unlike_published"].values():
        lines += [f"  {sentence}" for sentence in sentences]
    lines += [] if report["unlike_published"] else ["  all counts as published"]
    lines += [line for key, what in BROKEN_LISTS.items() for line in few(what, report[key])]
    lines += _file_lines(report["files"])
    lines += [f"  {sentence}" for sentence in report["assumed"]]
    lines.append(f"images wanted: {total - gone:,} of {total:,} are there")
    lines += [f"  {report['missing_means']}"] if gone else []
    lines += unreadable_lines(report["unreadable"])
    lines += unusable_lines(report["unusable"])
    lines += _other(f"not {USUAL_SIZE} px, as NIH's are", report["stored_sizes"], USUAL_SIZE)
    lines += _other("not plain grey, and read as grey", report["stored_modes"], USUAL_MODE)
    lines += same_lines(report, _findings)
    return "\n".join([*lines, cached_line(report), _verdict(report)])


def _broken_lists(listing: Listing) -> dict[str, list[str]]:
    values = (
        listing.unlisted,
        listing.unknown,
        listing.twice,
        chest_checks.shared_patients(listing.entries),
    )
    return {key: list(names) for key, names in zip(BROKEN_LISTS, values, strict=True)}


def _counts(rows: Sequence[ListedImage], split: str) -> dict[str, Any]:
    split_rows = [row for row in rows if row.split == split]
    views = Counter(row.view for row in split_rows)
    labels = {name: sum(row.labels[i] for row in split_rows) for i, name in enumerate(FINDINGS)}
    labels[OTHERS_ALONE] = sum(row.others and not row.diseased for row in split_rows)
    labels[NO_FINDING] = sum(row.normal for row in split_rows)
    return {
        "images": len(split_rows),
        "patients": len({row.patient_id for row in split_rows}),
        "views": {view: views[view] for view in chest_files.VIEWS},
        "labels": labels,
    }


def _boxes(rows: Sequence[ListedImage], boxed: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    tested = {row.image_id for row in rows if row.split == "test"}
    return {
        "boxes": sum(len(image_boxes) for image_boxes in boxed.values()),
        "images": len(boxed),
        "not_in_test_list": sorted(boxed.keys() - tested),
    }


def _files(files: Sequence[Path], listing: Listing) -> dict[str, Any]:
    """PNG files by the label file: how many it names, and which it does not, or more than once."""
    named = {row.image_id for row in listing.entries} | {*listing.unlisted, *listing.twice}
    copies = Counter(path.stem for path in files)
    return {
        "named": len(named),
        "there": len(named & copies.keys()),
        "strangers": sorted(copies.keys() - named),
        "several_of_one_name": sorted(name for name, count in copies.items() if count > 1),
    }


def _stored(records: Sequence[Record], unreadable: dict[str, str]) -> dict[str, dict[str, int]]:
    """How many files there are of each size and each of Pillow's modes; headers alone are read."""
    sizes, modes = Counter[str](), Counter[str]()
    for record in records:
        if record.path.name not in unreadable:
            with Image.open(record.path) as image:
                sizes[f"{image.width} x {image.height}"] += 1
                modes[image.mode] += 1
    return {"stored_sizes": dict(sizes), "stored_modes": dict(modes)}


def _spelling(label_file: dict[str, Any]) -> str:
    """The two editions differ in a column's name, and the older ends its lines in a comma."""
    columns = label_file["columns"]
    sex = next((name for name in columns if name.strip() in ("Patient Gender", "Patient Sex")), "")
    spelt = (
        f"spells it {sex.strip()!r}" if sex else "has neither 'Patient Gender' nor 'Patient Sex'"
    )
    comma = ", lines end in a comma" if not columns[-1].strip() else ""
    return f"label file: {label_file['name']} ({spelt}{comma})"


def _label_line(split: str, counts: dict[str, Any]) -> str:
    views = ", ".join(f"{count:,} {view}" for view, count in counts["views"].items())
    labels = ", ".join(f"{label}: {count:,}" for label, count in counts["labels"].items())
    size = f"{counts['images']:,} images of {counts['patients']:,} patients"
    return f"{split}: {size}; {views}; {labels}"


def _box_lines(boxes: dict[str, Any]) -> list[str]:
    if not boxes["boxes"]:
        return [f"boxes: none ({BOXES} is not there, or empty)"]
    return [
        f"boxes: {boxes['boxes']:,} on {boxes['images']:,} images",
        *few("images with a box that are not in the test list", boxes["not_in_test_list"]),
        *few("images with a box that is empty or not inside", boxes["outside"]),
    ]


def _file_lines(files: dict[str, Any]) -> list[str]:
    return [
        f"image files: {files['there']:,} of the {files['named']:,} that the label file names",
        *few("files that the label file does not name", files["strangers"]),
        *few("images with several files, of which one is taken", files["several_of_one_name"]),
    ]


def _other(what: str, counts: dict[str, int], usual: str) -> list[str]:
    """A line on what is not as usual; none if all is."""
    others = {name: count for name, count in counts.items() if name != usual}
    if not others:
        return []
    named = ", ".join(f"{name}: {count:,}" for name, count in sorted(others.items()))
    return [f"{what}: {sum(others.values()):,} ({named})"]


def _findings(labels: list[int]) -> str:
    named = [name for name, value in zip(FINDINGS, labels, strict=True) if value]
    return "+".join(named) or "none of the eight"


def _verdict(report: dict[str, Any]) -> str:
    if report["ready"]:
        return f"ready: bench run --method comcl --dataset {report['dataset']}"
    if any(report[key] for key in BROKEN_LISTS):
        return (
            "not ready: bench run refuses lists that do not fit the label file, with --partial "
            "too; fetch NIH's own three files again"
        )
    if report["unreadable"]:
        return "not ready: fetch the unreadable images again, or take them away"
    if report["cached"]:
        return "not complete: bench run needs --partial, and runs on what is there"
    return "not ready: see above what is missing"
