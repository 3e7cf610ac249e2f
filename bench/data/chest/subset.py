"""Which of ChestX-ray14's images a run uses: the paper's list is not published.

Source: docs/reference/data.md#which-images.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from bench.data.chest.files import ListedImage, names_in
from bench.errors import RequestError
from bench.protocol.chest import ChestSettings
from bench.seeding import seed_for


def subset(
    rows: Sequence[ListedImage], settings: ChestSettings, *, seed: int, first: Collection[str] = ()
) -> tuple[list[ListedImage], str]:
    """The images of `chest.subset` in their old order, and a sentence about them.

    Args:
        seed: `protocol.data.data_seed`.
        first: Images that official_8 takes before others.

    Raises:
        RequestError: when a list names an image that there is not.
    """
    kind, _, file = settings.subset.partition("=")
    if kind == "list":
        return _listed(rows, Path(file))
    if kind == "all":
        others = sum(row.others and not row.diseased for row in rows)
        counted = (
            f"; the {others:,} whose findings are none of the eight count as without a finding"
        )
        return list(rows), f"subset all: {len(rows):,} images" + (counted if others else "")
    caps = {"train": settings.train_images, "test": settings.test_images}
    names = {
        name
        for split, cap in caps.items()
        for name in matched([r for r in rows if r.split == split], cap, seed=seed, first=first)
    }
    kept = [row for row in rows if row.image_id in names]
    counts = " / ".join(f"{sum(row.split == split for row in kept):,}" for split in caps)
    return kept, (
        f"subset official_8: {counts} images of NIH's lists, half with one of the eight findings, "
        "half without any, alike in view, drawn by seed; not the paper's list, which is not public"
    )


def matched(
    rows: Sequence[ListedImage], cap: int, *, seed: int, first: Collection[str] = ()
) -> list[str]:
    """Names of at most `cap` images: with a finding, and each followed by a normal one of its view.

    What a smaller cap takes, a larger one takes too. Images that find no partner are left out.
    """
    order = sorted(
        rows, key=lambda r: (r.image_id not in first, seed_for(seed, "subset", r.image_id))
    )
    partners = {
        view: iter([r for r in order if r.normal and r.view == view]) for view in "PA AP".split()
    }
    names: list[str] = []
    for row in (row for row in order if row.diseased):
        partner = next(partners[row.view], None)
        if partner is not None:
            names += [row.image_id, partner.image_id]
        if len(names) >= cap:
            break
    return names[:cap]


def boxes_to_train(
    rows: Sequence[ListedImage], boxed: Collection[str], *, allow_leak: bool
) -> tuple[list[ListedImage], str]:
    """NIH's boxed images for training, and a sentence: all of them lie in the test list.

    Source: docs/reference/data.md#nihs-boxes.

    Without a leak their patients' other images go with them.
    """
    patients = {row.patient_id for row in rows if row.image_id in boxed}
    moved = [
        replace(row, split="train")
        if row.image_id in boxed or (row.patient_id in patients and not allow_leak)
        else row
        for row in rows
    ]
    count = sum(a.split != b.split for a, b in zip(rows, moved, strict=True))
    stay = sum(row.split == "test" and row.patient_id in patients for row in moved)
    left = (
        f"; {stay:,} other images of these patients stay in the test split: a leak, allowed by "
        "chest.allow_leak"
        if allow_leak
        else ""
    )
    return moved, (
        f"boxes are NIH's: {count:,} images of their {len(patients):,} patients moved from the "
        f"test list to the training images{left}"
    )


def _listed(rows: Sequence[ListedImage], path: Path) -> tuple[list[ListedImage], str]:
    names = set(names_in(path))
    unknown = sorted(names - {row.image_id for row in rows})
    if unknown:
        raise RequestError(
            f"--set chest.subset=list={path}: {len(unknown):,} of its {len(names):,} images are "
            f"not there (first: {unknown[0]})"
        )
    kept = [row for row in rows if row.image_id in names]
    return kept, f"subset of {len(kept):,} images, listed in {path.name}"
