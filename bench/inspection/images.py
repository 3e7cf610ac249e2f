"""What a report says of image files: which cannot be read, and which show the same picture."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.data import cache, duplicates
from bench.data.datasets import Location
from bench.data.field_of_view import FieldOfView
from bench.data.records import Modality, Record
from bench.data.unusable import why_blank, why_misshapen

SHOWN = 5
"""How many of a kind the text names; the report has them all."""

WHAT = {"same_file": "same file under several names", "same_picture": "same picture in other files"}


def read(
    records: Sequence[Record], location: Location, modality: Modality = "fundus"
) -> dict[str, Any]:
    """The part of a report that needs the files, which are read, framed, cached and compared.

    Args:
        records: Of images that are there.
        location: Its protocol has the sizes, its tick is called with what is being done.
    """
    data = location.protocol.data
    sizes = sorted({data.image_px, data.patch_image_px}, reverse=True)
    digests = cache.content_digests(records, location.cache, location.tick)
    where: dict[str, Any] = {"cache": location.cache, "tick": location.tick}
    framed = {**where, "size_px": sizes[0], "modality": modality}
    failed = cache.unreadable(records, digests, **framed)
    why = {digests[i]: sentence.partition("; ")[0] for i, sentence in failed.items()}
    names = _names(records)
    broken = {
        name: why[content] for name, content in zip(names, digests, strict=True) if content in why
    }
    kept = [i for i, content in enumerate(digests) if content not in why]
    records, digests = [records[i] for i in kept], [digests[i] for i in kept]
    entry = cache.clean(records, digests, **framed)
    for size_px in sizes[1:]:
        cache.smaller(entry, size_px=size_px, **where)
    whole = [r.image_id for r, d in zip(records, entry.details, strict=True) if not d["found"]]
    round_field = modality == "fundus"
    alike = duplicates.THRESHOLDS[modality]
    return {
        "unreadable": broken,
        "unusable": _unusable([names[i] for i in kept], entry),
        "no_field": whole if round_field else [],
        **_compared(records, digests, entry, alike, location.tick),
        "cached": len(records),
        "sizes_px": sizes,
    }


def _names(records: Sequence[Record]) -> list[str]:
    """Names of the files, with their folders where two have one name."""
    count = Counter(record.path.name for record in records)
    paths = [record.path for record in records]
    return [p.name if count[p.name] == 1 else f"{p.parent.name}/{p.name}" for p in paths]


def _unusable(names: Sequence[str], entry: cache.CachedImages) -> dict[str, str]:
    """Files that are pictures of which no network could make anything, and why."""
    found = {}
    for i, (name, details) in enumerate(zip(names, entry.details, strict=True)):
        field = FieldOfView(**details)
        width, height = field.x1 - field.x0, field.y1 - field.y0
        why = why_misshapen(width, height)
        if why is None:
            box = np.array([field.x0, field.y0, field.x1, field.y1])
            x0, y0, x1, y1 = np.rint(field.to_crop(box, entry.images.shape[1])[0]).astype(int)
            why = why_blank(entry.images[i][y0:y1, x0:x1])
        found |= {} if why is None else {name: why}
    return found


def _compared(
    records: Sequence[Record],
    digests: Sequence[str],
    entry: cache.CachedImages,
    alike: float,
    tick: cache.ProgressCallback,
) -> dict[str, Any]:
    """Groups of images that are one file or one picture, and those too dark or flat to compare."""
    prints = []
    for i in range(len(records)):
        prints.append(duplicates.fingerprint(entry.images[i]))
        tick("comparing images", i + 1, len(records))
    same = {
        "same_file": duplicates.same_content(digests, records),
        "same_picture": duplicates.same_picture(prints, digests, records, alike),
    }
    groups = {kind: [_group(group, records) for group in of_kind] for kind, of_kind in same.items()}
    dark = [
        r.image_id for r, fingerprint in zip(records, prints, strict=True) if fingerprint is None
    ]
    return groups | {"not_compared": dark}


def _group(group: duplicates.DuplicateGroup, records: Sequence[Record]) -> dict[str, Any]:
    members = [records[i] for i in group.images]
    return {
        "images": {r.image_id: {"split": r.split, "labels": list(r.labels)} for r in members},
        "across": group.across,
        "contradictory": group.contradictory,
        "differing_quality": group.differing_quality,
    }


def few(what: str, images: Sequence[str]) -> list[str]:
    """A line with how many there are and the first few; none if there are none."""
    if not images:
        return []
    more = ", ..." if len(images) > SHOWN else ""
    return [f"{what}: {len(images):,} ({', '.join(images[:SHOWN])}{more})"]


def unreadable_lines(unreadable: dict[str, str]) -> list[str]:
    """How many files cannot be read, and why each of them."""
    lines = [f"unreadable: {len(unreadable) or 'none'}"]
    for file, why in unreadable.items():
        lines.append(f"  {why}" if file in why else f"  {file}: {why}")
    return lines


def unusable_lines(unusable: dict[str, str]) -> list[str]:
    """Pictures that can be read and that show nothing, and why each of them; none without any."""
    if not unusable:
        return []
    lines = [f"  {file} {why}" for file, why in unusable.items()]
    return [f"readable, but of no use to any network: {len(unusable)}", *lines]


def same_lines(report: dict[str, Any], labelled: Callable[[list[int]], str]) -> list[str]:
    """Groups of images that are one file or one picture.

    Args:
        labelled: An image's labels in words.
    """
    lines = few("too dark or flat to compare", report["not_compared"])
    return lines + [line for kind in WHAT for line in _group_lines(kind, report[kind], labelled)]


def cached_line(report: dict[str, Any]) -> str:
    """How many images are in the cache now, and at which sizes."""
    sizes = " and ".join(f"{size} px" for size in report["sizes_px"])
    return f"cached: {report['cached']:,} images at {sizes}"


def _group_lines(
    kind: str, groups: Sequence[dict[str, Any]], labelled: Callable[[list[int]], str]
) -> list[str]:
    if not groups:
        return [f"{WHAT[kind]}: none"]
    far = Counter(group["across"] for group in groups)
    spread = ", ".join(f"{count} across {across}" for across, count in far.items())
    lines = [f"{WHAT[kind]}: {len(groups):,} ({spread.replace('across one', 'within one')})"]
    contradictory = sum(group["contradictory"] for group in groups)
    lines += [f"  with labels that contradict each other: {contradictory}"] if contradictory else []
    for group in groups[:SHOWN]:
        images = [
            f"{image} ({image_facts['split']}, {labelled(image_facts['labels'])})"
            for image, image_facts in group["images"].items()
        ]
        lines.append(f"  {' = '.join(images)}")
    return lines + (["  ..."] if len(groups) > SHOWN else [])
