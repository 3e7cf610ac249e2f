"""NIH ChestX-ray14 with its eight findings of ChestX-ray8, read by the real set and by its twin.

What the label files, lists and boxes say stands in `chest_files`, whether they are NIH's in
`chest_checks`, which images are used in `chest_subset`, whose quality is low in `chest_quality`.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bench.data.cache import Tick
from bench.data.chest import checks as chest_checks
from bench.data.chest import files as chest_files
from bench.data.chest.files import Entry
from bench.data.chest.quality import quality
from bench.data.chest.subset import boxes_to_train, subset
from bench.data.folder import read_boxes
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


class Chosen(NamedTuple):
    """Which images a run uses.

    Attributes:
        rows: Those that are there.
        asked: How many there would be with all of them there.
        gone: Names of those that are not.
        said: Sentences about all this.
    """

    rows: list[Entry]
    asked: int
    gone: tuple[str, ...]
    said: tuple[str, ...]


def load(
    root: Path,
    *,
    name: str,
    real: bool,
    protocol: Protocol,
    cache: Path,
    tick: Tick,
    partial: bool = False,
) -> Dataset:
    """The data set below a folder.

    Args:
        name: "chestxray" or "chestxray-twin".
        real: False for the twin; label files of the real set must have NIH's counts.
        protocol: Its groups `chest` and `data`, and `patches.boxes`: "given" takes NIH's boxes
            for training.
        cache: Where measured qualities are kept.
        tick: Told how many images are measured.
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
    wanted, given = chosen.rows, protocol.patches.boxes == "given"
    oracle = not real and not given
    own = read_boxes(root / "boxes.csv") if oracle else boxed
    records = _records(wanted, paths, {Path(image).stem: b for image, b in own.items()}, oracle)
    known = quality(records, [row.view for row in wanted], protocol.chest, cache=cache, tick=tick)
    how = protocol.chest.degradation
    return Dataset(
        name=name,
        task=findings(FINDINGS),
        records=tuple(replace(r, quality=q) for r, q in zip(records, known.codes, strict=True)),
        boxes="given" if given else "oracle" if oracle else "none",
        real=real,
        modality="chest",
        synthetic_share=known.synthetic_share,
        partial=bool(unlike or chosen.gone),
        assumptions=(
            *unlike,
            *chosen.said,
            known.sentence,
            f"radiographs are degraded {DEGRADED[how]} ({how}); the paper names no model for them, "
            "so scores on degraded radiographs are not comparable with its",
        ),
    )


def choose(
    rows: Sequence[Entry],
    boxed: Collection[str],
    there: Collection[str],
    protocol: Protocol,
) -> Chosen:
    """The images of a run; where some are missing, official_8 is drawn from what is there.

    Args:
        rows: Of the label file.
        boxed: Images with a box.
        there: Images that have a file.
        protocol: As of `load`.

    Raises:
        RequestError: when a list names an image that the label file has not.
    """
    said: list[str] = []
    first: Collection[str] = ()
    if protocol.patches.boxes == "given":
        first = boxed
        rows, sentence = boxes_to_train(rows, boxed, allow_leak=protocol.chest.allow_leak)
        said.append(sentence)
    drawn = {"seed": protocol.data.data_seed, "first": first}
    asked, sentence = subset(rows, protocol.chest, **drawn)
    kept = [row for row in asked if row.image_id in there]
    gone = tuple(row.image_id for row in asked if row.image_id not in there)
    if gone:
        how = "these are left out"
        if protocol.chest.subset == "official_8":
            how = "it is drawn from those that are"
            at_hand = [row for row in rows if row.image_id in there]
            kept, sentence = subset(at_hand, protocol.chest, **drawn)
        said.append(f"{len(gone):,} of the {len(asked):,} images wanted are not there: {how}")
    return Chosen(kept, len(asked), gone, (*said, sentence))


def missing(root: Path, chosen: Chosen) -> str:
    """One sentence: how many of the images wanted are gone, and where to put them."""
    return (
        f"{len(chosen.gone):,} of the {chosen.asked:,} images wanted are missing below {root} "
        f"(first: {', '.join(chosen.gone[:3])}); put them into images/ or images_001/images/ ..."
    )


def _records(
    rows: Sequence[Entry], paths: dict[str, Path], boxes: dict[str, tuple[Box, ...]], oracle: bool
) -> list[Record]:
    """Records of good quality; boxes in pixels of the file, as the twin's own are already."""
    made = []
    for row in rows:
        path, own = paths[row.image_id], boxes.get(row.image_id, ())
        inside = own if oracle or not own else chest_files.scaled(own, path)
        made.append(Record(row.image_id, path, row.patient_id, row.labels, 0, row.split, inside))
    return made
