"""NIH ChestX-ray14 with its eight findings of ChestX-ray8, read by the real set and by its twin.

What the label files, lists and boxes say stands in `chest_files`, which images are used in
`chest_subset`, whose quality is low in `chest_quality`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.data import chest_files
from bench.data.cache import Tick
from bench.data.chest_files import Entry
from bench.data.chest_quality import quality
from bench.data.chest_subset import boxes_to_train, subset
from bench.data.chest_twin.mix import FINDINGS
from bench.data.folder import read_boxes
from bench.data.records import Box, Dataset, Record
from bench.errors import RequestError
from bench.protocol import Protocol
from bench.tasks import findings

DEGRADED = {
    "chain": "by noise, blur, tone and compression",
    "single": "by one corruption each",
    "fundus_literal": "by a fundus camera's faults on grey",
}


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
    rows, boxed = chest_files.entries(root), chest_files.boxes(root)
    unlike = chest_files.differences(rows, boxed) if real else []
    if unlike and not partial:
        raise RequestError(
            f"{unlike[0]}: other label files below {root} than NIH's; fetch them again, or take "
            "--partial to run on these"
        )
    given, said = protocol.patches.boxes == "given", list(unlike)
    if given:
        rows, sentence = boxes_to_train(rows, boxed.keys(), allow_leak=protocol.chest.allow_leak)
        said.append(sentence)
    paths = chest_files.image_paths(root)
    first = boxed.keys() if given else ()
    chosen = {"seed": protocol.data.data_seed, "first": first}
    wanted, sentence = subset(rows, protocol.chest, **chosen)
    gone = [row.image_id for row in wanted if row.image_id not in paths]
    if gone:
        _refuse_missing(root, gone, wanted, partial, any_there=bool(paths))
        there = [row for row in rows if row.image_id in paths]
        wanted, sentence = subset(there, protocol.chest, **chosen)
        said.append(f"{len(gone):,} of the images of the subset are not there; it is what is there")
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
        partial=bool(unlike or gone),
        assumptions=(
            *said,
            sentence,
            known.sentence,
            f"radiographs are degraded {DEGRADED[how]} ({how}); the paper names no model for them, "
            "so scores on degraded radiographs are not comparable with its",
        ),
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


def _refuse_missing(
    root: Path, gone: Sequence[str], wanted: Sequence[Entry], partial: bool, *, any_there: bool
) -> None:
    if partial and any_there:
        return
    way_out = "; --partial runs on what is there" if any_there else ""
    raise RequestError(
        f"{len(gone):,} of the {len(wanted):,} images wanted are missing below {root} (first: "
        f"{', '.join(gone[:3])}); put them into images/ or images_001/images/ ...{way_out}"
    )
