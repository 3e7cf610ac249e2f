"""Whether ChestX-ray14's label files fit together, and are those that NIH published."""

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from bench.data.chest.files import BOX_SIDE, ListedImage, listing
from bench.data.records import Box
from bench.errors import RequestError

PUBLISHED = {
    "images": 112_120,
    "images in train_val_list.txt": 86_524,
    "images in test_list.txt": 25_596,
    "boxes": 984,
    "images with a box": 880,
    "images with a box in test_list.txt": 880,
}


def entries(root: Path) -> list[ListedImage]:
    """All images of the label file, in its order.

    Raises:
        RequestError: when a file is missing, a line wrong, an image in no list or in two, or a
            patient on both sides.
    """
    listed = listing(root)
    if listed.twice:
        raise RequestError(f"image {listed.twice[0]!r} stands in both lists; keep one line")
    no_line = f"no line of {listed.file}"
    for names, where in ((listed.unlisted, "neither of the lists"), (listed.unknown, no_line)):
        if names:
            raise RequestError(f"{len(names):,} images are in {where} (first: {names[0]})")
    refuse_shared_patients(listed.entries)
    return list(listed.entries)


def differences(rows: Collection[ListedImage], boxed: dict[str, tuple[Box, ...]]) -> list[str]:
    """Each count of the label files that is not NIH's own, with both numbers."""
    split = Counter(row.split for row in rows)
    tested = {row.image_id for row in rows if row.split == "test"}
    counts = {
        "images": len(rows),
        "images in train_val_list.txt": split["train"],
        "images in test_list.txt": split["test"],
        "boxes": sum(len(image_boxes) for image_boxes in boxed.values()),
        "images with a box": len(boxed),
        "images with a box in test_list.txt": len(tested & boxed.keys()),
    }
    return [
        f"the label files have {count:,} {what}, NIH's own {PUBLISHED[what]:,}"
        for what, count in counts.items()
        if count != PUBLISHED[what]
    ]


def refuse_shared_patients(rows: Iterable[ListedImage]) -> None:
    """Refuse splits that share a patient.

    Raises:
        RequestError: with the count and the first of them.
    """
    shared = shared_patients(rows)
    if shared:
        raise RequestError(
            f"{len(shared):,} patients stand in both lists (first: {shared[0]}); take NIH's own "
            "train_val_list.txt and test_list.txt, which share none"
        )


def shared_patients(rows: Iterable[ListedImage]) -> list[str]:
    """Patients with images in both splits, in their order."""
    sides: dict[str, set[str]] = {"train": set(), "test": set()}
    for row in rows:
        sides[row.split].add(row.patient_id)
    return sorted(sides["train"] & sides["test"])


def outside(boxed: dict[str, tuple[Box, ...]]) -> list[str]:
    """Images with a box that is empty, or does not lie inside NIH's picture."""
    return sorted(
        image
        for image, image_boxes in boxed.items()
        if not all(
            0 <= x0 < x1 <= BOX_SIDE and 0 <= y0 < y1 <= BOX_SIDE for x0, y0, x1, y1 in image_boxes
        )
    )
