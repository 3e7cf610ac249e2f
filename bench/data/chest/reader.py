"""NIH ChestX-ray14 with the eight findings of ChestX-ray8: the real set and its synthetic twin.

What the label files, lists and boxes say stands in `chest_files`, whether they are NIH's in
`chest_checks`, which images are used in `chest_subset`, whose quality is low in `chest_quality`.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bench.data import given_boxes
from bench.data.cache import ProgressCallback
from bench.data.chest import checks as chest_checks
from bench.data.chest import files as chest_files
from bench.data.chest.files import ListedImage
from bench.data.chest.quality import quality
from bench.data.chest.subset import boxes_to_train, subset
from bench.data.published import FINDINGS
from bench.data.records import Box, Dataset, Record
from bench.errors import RequestError
from bench.protocol.settings import Protocol
from bench.tasks import findings

DEGRADED = {
    "chain": "by noise, blur, tone and compression",
    "single": "by one corruption each",
    "fundus_literal": "by a fundus camera's faults on grey",
}


class ChosenImages(NamedTuple):
    """Which images a run uses.

    Attributes:
        rows: Those that are there.
        wanted: How many there would be with all of them there.
        gone: Names of those that are not.
        notes: Sentences about all this.
    """

    rows: list[ListedImage]
    wanted: int
    gone: tuple[str, ...]
    notes: tuple[str, ...]


def load(
    root: Path,
    *,
    name: str,
    real: bool,
    protocol: Protocol,
    cache: Path,
    tick: ProgressCallback,
    partial: bool = False,
) -> Dataset:
    """The data set below a folder.

    Args:
        name: "chestxray" or "chestxray-twin".
        real: False for the synthetic twin; label files of the real set must have NIH's counts.
        protocol: Its groups `chest` and `data`, and `patches.boxes`: "given" takes NIH's boxes
            for training.
        cache: Where measured qualities are kept.
        tick: Called with how many images are measured.
        partial: Accept that images are missing or counts differ, and use what is there.

    Raises:
        RequestError: on a wrong file, and without `partial` on other counts than NIH's or missing
            images, with the numbers.
    """
    rows, boxed = chest_checks.entries(root), chest_files.boxes(root)
    unlike = chest_checks.differences(rows, boxed) if real else []
    if unlike and not partial:
        raise RequestError(
            f"{unlike[0]}: other label files below {root} than NIH's; fetch them again, or take "
            "--partial to run on these"
        )
    paths = chest_files.image_paths(root)
    chosen = choose(rows, boxed, paths, protocol)
    if chosen.gone and not (partial and paths):
        way_out = "; --partial runs on what is there" if paths else ""
        raise RequestError(missing(root, chosen) + way_out)
    wanted, uses_nih_boxes = chosen.rows, protocol.patches.boxes == "given"
    oracle = not real and not uses_nih_boxes
    records = _records(wanted, paths, {} if oracle else boxed)
    if oracle:
        records = list(given_boxes.attach(records, root, (row.image_id for row in rows)).records)
    known = quality(records, [row.view for row in wanted], protocol.chest, cache=cache, tick=tick)
    how = protocol.chest.degradation
    return Dataset(
        name=name,
        task=findings(FINDINGS),
        records=tuple(replace(r, quality=q) for r, q in zip(records, known.codes, strict=True)),
        boxes="given" if uses_nih_boxes else "oracle" if oracle else "none",
        real=real,
        modality="chest",
        synthetic_proportion=known.synthetic_proportion,
        partial=bool(unlike or chosen.gone),
        assumptions=(
            *unlike,
            *chosen.notes,
            known.sentence,
            f"radiographs are degraded {DEGRADED[how]} ({how}); the paper names no model for them, "
            "so scores on degraded radiographs are not comparable with its",
        ),
    )


def choose(
    rows: Sequence[ListedImage],
    boxed: Collection[str],
    available: Collection[str],
    protocol: Protocol,
) -> ChosenImages:
    """The images of a run; where some are missing, official_8 is drawn from what is there.

    Args:
        rows: Of the label file.
        boxed: Images with a box.
        available: Images that have a file.
        protocol: As of `load`.

    Raises:
        RequestError: when a list names an image that the label file has not.
    """
    notes: list[str] = []
    first: Collection[str] = ()
    if protocol.patches.boxes == "given":
        first = boxed
        rows, sentence = boxes_to_train(rows, boxed, allow_leak=protocol.chest.allow_leak)
        notes.append(sentence)
    drawn = {"seed": protocol.data.data_seed, "first": first}
    wanted, sentence = subset(rows, protocol.chest, **drawn)
    kept = [row for row in wanted if row.image_id in available]
    gone = tuple(row.image_id for row in wanted if row.image_id not in available)
    if gone:
        how = "these are left out"
        if protocol.chest.subset == "official_8":
            how = "it is drawn from those that are"
            at_hand = [row for row in rows if row.image_id in available]
            kept, sentence = subset(at_hand, protocol.chest, **drawn)
        notes.append(f"{len(gone):,} of the {len(wanted):,} images wanted are not there: {how}")
    return ChosenImages(kept, len(wanted), gone, (*notes, sentence))


def missing(root: Path, chosen: ChosenImages) -> str:
    """One sentence: how many of the images wanted are gone, and where to put them."""
    return (
        f"{len(chosen.gone):,} of the {chosen.wanted:,} images wanted are missing below {root} "
        f"(first: {', '.join(chosen.gone[:3])}); put them into images/ or images_001/images/ ..."
    )


def _records(
    rows: Sequence[ListedImage], paths: dict[str, Path], boxes: dict[str, tuple[Box, ...]]
) -> list[Record]:
    """Records of good quality; NIH's boxes in pixels of the file."""
    records = []
    for row in rows:
        path, image_boxes = paths[row.image_id], boxes.get(row.image_id, ())
        inside = chest_files.scaled(image_boxes, path) if image_boxes else ()
        records.append(Record(row.image_id, path, row.patient_id, row.labels, 0, row.split, inside))
    return records
