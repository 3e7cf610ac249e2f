"""What is wrong with a user's data, all of it in one pass; what is right is in the cache then.

`inspect` answers `bench prepare eyeq` and `bench prepare folder`: label counts, missing,
unreadable and duplicated images, labels that contradict each other.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.data import cache, duplicates, eyeq, folder
from bench.data.datasets import Place, data_folder
from bench.data.records import Record
from bench.errors import RequestError

SHOWN = 5
"""How many of a kind the text names; the report has them all."""

WHAT = {"same_file": "same file under several names", "same_picture": "same picture in other files"}


def inspect(name: str, place: Place) -> dict[str, Any]:
    """Check a data set and fill the cache at the protocol's sizes.

    Args:
        name: "eyeq" or "folder".
        place: Where it lies, and its protocol; its tick is told what is being done.

    Returns:
        The report, JSON values only; `ready` says whether all is there, readable and, for EyeQ,
        as published. Duplicates are told, and do not make a set less ready.

    Raises:
        RequestError: on another name, or label files that cannot be used at all.
    """
    if name not in ("eyeq", "folder"):
        raise RequestError(f"prepare {name}: only eyeq and folder are checked; twins are drawn")
    root = data_folder(name, place.root)
    rows, assumed = _rows(name, root)
    gone = [row for row in rows if not row.path.is_file()]
    lost = {row.image_id for row in gone}
    files = _files([row for row in rows if row.image_id not in lost], place)
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
    total, missing = report["expected"], len(report["missing"])
    lines = [f"{report['dataset']} in {report['folder']}"]
    lines += [_label_line(split, own) for split, own in report["labels"].items()]
    lines += [f"  {sentence}" for sentence in report["assumed"]]
    if report["dataset"] == "eyeq" and not report["unlike_published"]:
        lines.append("  all counts as published")
    for first, *others in report["unlike_published"].values():
        lines.append(f"  {first}" + (f", and {len(others)} other counts" if others else ""))
    lines += _few("patients in several splits", report["patients_in_several_splits"])
    lines.append(f"images: {total - missing:,} of {total:,} are there")
    lines += [f"  {report['missing_means']}"] if missing else []
    lines.append(f"unreadable: {len(report['unreadable']) or 'none'}")
    for file, why in report["unreadable"].items():
        lines.append(f"  {why}" if file in why else f"  {file}: {why}")
    lines += _few("no round field found, the whole frame is taken", report["no_field"])
    lines += _few("too dark or flat to compare", report["not_compared"])
    lines += [line for kind in WHAT for line in _group_lines(kind, report[kind])]
    sizes = " and ".join(f"{size} px" for size in report["sizes_px"])
    lines.append(f"cached: {report['cached']:,} images at {sizes}")
    return "\n".join([*lines, _verdict(report)])


def _rows(name: str, root: Path) -> tuple[list[Record], list[str]]:
    """All rows of the labels, and a sentence for each thing that they do not state."""
    if name == "eyeq":
        return eyeq.all_rows(root), []
    dataset = folder.load(root)
    return list(dataset.records), list(dataset.assumptions)


def _files(records: list[Record], place: Place) -> dict[str, Any]:
    """What needs the files: read, crop, cache and compare them."""
    data = place.protocol.data
    sizes = sorted({data.image_px, data.patch_image_px}, reverse=True)
    digests = cache.content_digests(records, place.cache, place.tick)
    where: dict[str, Any] = {"cache": place.cache, "tick": place.tick}
    failed = cache.unreadable(records, digests, size_px=sizes[0], **where)
    why = {digests[i]: sentence.partition("; ")[0] for i, sentence in failed.items()}
    broken = {
        r.path.name: why[content]
        for r, content in zip(records, digests, strict=True)
        if content in why
    }
    records = [r for r in records if r.path.name not in broken]
    digests = [content for content in digests if content not in why]
    entry = cache.clean(records, digests, size_px=sizes[0], **where)
    for size_px in sizes[1:]:
        cache.smaller(entry, size_px=size_px, **where)
    whole = [r.image_id for r, d in zip(records, entry.details, strict=True) if not d["found"]]
    return {
        "unreadable": broken,
        "no_field": whole,
        **_compared(records, digests, entry, place.tick),
        "cached": len(records),
        "sizes_px": sizes,
    }


def _compared(
    records: Sequence[Record], digests: Sequence[str], entry: cache.Entry, tick: cache.Tick
) -> dict[str, Any]:
    """Groups of images that are one file or one picture, and those that cannot be told."""
    prints = []
    for i in range(len(records)):
        prints.append(duplicates.fingerprint(entry.images[i]))
        tick("comparing images", i + 1, len(records))
    same = {
        "same_file": duplicates.same_content(digests, records),
        "same_picture": duplicates.same_picture(prints, digests, records),
    }
    told = {kind: [_group(group, records) for group in own] for kind, own in same.items()}
    dark = [r.image_id for r, own in zip(records, prints, strict=True) if own is None]
    return told | {"not_compared": dark}


def _group(group: duplicates.Group, records: Sequence[Record]) -> dict[str, Any]:
    own = [records[i] for i in group.images]
    return {
        "images": {r.image_id: {"split": r.split, "labels": list(r.labels)} for r in own},
        "across": group.across,
        "contradictory": group.contradictory,
        "differing_quality": group.differing_quality,
    }


def _splits(rows: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(row.split for row in rows))


def _counts(rows: Sequence[Record], split: str) -> dict[str, Any]:
    own = [row for row in rows if row.split == split]
    quality = Counter(row.quality for row in own)
    labels = Counter(" ".join(map(str, row.labels)) for row in own)
    return {
        "images": len(own),
        "quality": {name: quality[code] for code, name in enumerate(eyeq.QUALITIES)},
        "labels": dict(sorted(labels.items())),
    }


def _patients_across(rows: Sequence[Record]) -> list[str]:
    splits: dict[str, set[str]] = {}
    for row in rows:
        splits.setdefault(row.patient_id, set()).add(row.split)
    return sorted(patient for patient, own in splits.items() if len(own) > 1)


def _missing(name: str, root: Path, rows: Sequence[Record], gone: Sequence[Record]) -> str:
    if name == "eyeq":
        return eyeq.missing(root, rows, gone)
    return (
        f"{len(gone):,} of {len(rows):,} images are missing below {root / 'images'} (first: "
        f"{', '.join(row.path.name for row in gone[:3])}); put them there, or take their rows out "
        "of labels.csv"
    )


def _label_line(split: str, own: dict[str, Any]) -> str:
    quality = ", ".join(f"{count:,} {name}" for name, count in own["quality"].items())
    labels = ", ".join(f"{label}: {count:,}" for label, count in own["labels"].items())
    return f"{split}: {own['images']:,} images; {quality}; labels {labels}"


def _few(what: str, images: Sequence[str]) -> list[str]:
    """A line with how many there are and the first few; none if there are none."""
    if not images:
        return []
    more = ", ..." if len(images) > SHOWN else ""
    return [f"{what}: {len(images):,} ({', '.join(images[:SHOWN])}{more})"]


def _group_lines(kind: str, groups: Sequence[dict[str, Any]]) -> list[str]:
    if not groups:
        return [f"{WHAT[kind]}: none"]
    far = Counter(group["across"] for group in groups)
    said = ", ".join(f"{count} across {across}" for across, count in far.items())
    lines = [f"{WHAT[kind]}: {len(groups):,} ({said.replace('across one', 'within one')})"]
    contradictory = sum(group["contradictory"] for group in groups)
    lines += [f"  with labels that contradict each other: {contradictory}"] if contradictory else []
    for group in groups[:SHOWN]:
        images = [
            f"{image} ({own['split']}, {'/'.join(map(str, own['labels']))})"
            for image, own in group["images"].items()
        ]
        lines.append(f"  {' = '.join(images)}")
    return lines + (["  ..."] if len(groups) > SHOWN else [])


def _verdict(report: dict[str, Any]) -> str:
    if report["ready"]:
        return f"ready: bench run --method comcl --dataset {report['dataset']}"
    if report["unreadable"]:
        return "not ready: fetch the unreadable images again, or take them away"
    if report["dataset"] == "eyeq" and report["cached"]:
        return "not complete: bench run needs --partial, and runs on what is there"
    return "not ready: see above what is missing"
