"""Data sets by name: where they lie, how they are read, and their splits and manifest."""

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.data import dataset_toml, eyeq, folder, splits
from bench.data.atomic_folder import is_whole
from bench.data.cache import ProgressCallback
from bench.data.chest import reader as chest_reader
from bench.data.modality import refuse_radiographs
from bench.data.records import Dataset
from bench.data.workers import cores
from bench.errors import RequestError
from bench.protocol.settings import Protocol
from bench.store import digest
from bench.versions import CHEST_TWIN, TWIN


@dataclass(frozen=True)
class Source:
    """A data set's entry.

    Attributes:
        title: For `bench datasets`, as `layout` and `origin`.
        real: Whether it is a user's files; a twin is drawn.
        read: Its reader.
        prepare: What `bench prepare` does with it: a function that
            `bench.inspection.prepare.carried_out` describes, or its "module:function"; None where
            nothing checks it.
        small_protocol: The preset that was designed for it, if it is a twin.
    """

    title: str
    layout: str
    origin: str
    real: bool
    read: Callable[["Location"], Dataset]
    prepare: str | Callable[[Any], Any] | None = None
    small_protocol: str = "laptop"

    @property
    def default_protocol(self) -> str:
        """The preset "paper" for real sets, a small one for synthetic twins."""
        return "paper" if self.real else self.small_protocol


@dataclass(frozen=True)
class Location:
    """Everything a reader may need.

    Attributes:
        seed: The run's, by which splits may be drawn.
    """

    root: Path | None
    cache: Path
    protocol: Protocol
    partial: bool
    tick: ProgressCallback
    seed: int = 0


def read(name: str, location: Location) -> Dataset:
    """A data set with its final splits, limited and shuffled as the protocol says.

    Raises:
        RequestError: for an unknown name, missing data, or a wrong file.
    """
    refuse_unread(name, location.protocol)
    dataset, data = source(name).read(location), location.protocol.data
    finished = splits.finish(dataset, data, location.seed)
    if splits.empty(finished):
        raise RequestError(splits.why_empty(dataset, data, location.seed))
    return finished


def refuse_unread(name: str, protocol: Protocol) -> None:
    """Refuse settings of a folder's layout for a set that has one of its own.

    Raises:
        RequestError: naming the setting.
    """
    for setting in ("modality", "columns"):
        value = getattr(protocol.data, setting)
        if value is not None and name != "folder":
            raise RequestError(
                f"--set data.{setting}={value}: the files of {name} say it themselves; it is for "
                "--dataset folder"
            )


def source(name: str) -> Source:
    """The entry of a data set.

    Raises:
        RequestError: for an unknown name, naming the nearest.
    """
    if name not in SOURCES:
        near = difflib.get_close_matches(name, list(SOURCES), n=1, cutoff=0)[0]
        raise RequestError(f"no data set {name!r}: did you mean {near!r}? See `bench datasets`")
    return SOURCES[name]


def cache_folder(folder: Path | None) -> Path:
    """--cache, else $BENCH_CACHE, else the user's cache folder.

    Raises:
        RequestError: without any of them.
    """
    if folder is not None:
        return folder
    if os.environ.get("BENCH_CACHE"):
        return Path(os.environ["BENCH_CACHE"])
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"]) / "comcl-bench"
    try:
        return Path.home() / ".cache" / "comcl-bench"
    except RuntimeError:
        raise RequestError(
            "no home folder is known here for the cache; give --cache DIR, or set $BENCH_CACHE"
        ) from None


def data_folder(name: str, data: Path | None) -> Path:
    """--data, else $BENCH_DATA/<name>, else data/<name>.

    Raises:
        RequestError: when the folder is not there.
    """
    root = data or Path(os.environ.get("BENCH_DATA", "data")) / name
    twin = f"{name}-twin" if f"{name}-twin" in SOURCES else "eyeq-twin"
    if not root.is_dir():
        raise RequestError(
            f"no folder {root} with the data set {name!r}; give --data DIR or set $BENCH_DATA "
            f"(layout: {SOURCES[name].layout}); without any download: --dataset {twin}"
        )
    return root


def _read_folder(location: Location) -> Dataset:
    return folder_set("folder", location)


def folder_set(name: str, location: Location) -> Dataset:
    """A set in a folder's layout, before its splits are drawn.

    Raises:
        RequestError: as `folder.load`, and where its pictures look like radiographs and nothing
            says what they are.
    """
    root, data = data_folder(name, location.root), location.protocol.data
    dataset = folder.load(root, modality=data.modality, columns=data.columns)
    if data.modality is None and dataset_toml.read(root).modality is None:
        refuse_radiographs(dataset.records, name)
    return replace(dataset, name=name)


def _read_eyeq(location: Location) -> Dataset:
    root = data_folder("eyeq", location.root)
    return eyeq.load(root, name="eyeq", real=True, boxes="given", partial=location.partial)


def _read_eyeq_twin(location: Location) -> Dataset:
    from bench.data import twin

    root, origin = _drawn(location, "eyeq", TWIN, twin.write_eyeq)
    dataset = eyeq.load(root, name="eyeq-twin", real=False, boxes="oracle")
    return replace(dataset, origin=origin)


def _read_chestxray(location: Location) -> Dataset:
    root = data_folder("chestxray", location.root)
    return _chest(root, location, name="chestxray", real=True)


def _read_chestxray_twin(location: Location) -> Dataset:
    from bench.data import chest_twin

    root, origin = _drawn(location, "chestxray", CHEST_TWIN, chest_twin.write_chestxray)
    return replace(_chest(root, location, name="chestxray-twin", real=False), origin=origin)


def _chest(root: Path, location: Location, *, name: str, real: bool) -> Dataset:
    return chest_reader.load(
        root,
        name=name,
        real=real,
        protocol=location.protocol,
        cache=location.cache,
        tick=location.tick,
        partial=location.partial,
    )


def _drawn(
    location: Location, name: str, version: int, write: Callable[..., None]
) -> tuple[Path, dict[str, Any]]:
    """The folder of a synthetic twin, drawn if it is not there yet, and what it is drawn from."""
    if location.root is not None:
        raise RequestError(f"--data: {name}-twin is drawn, not read; leave --data out")
    data = location.protocol.data
    origin = {
        "twin": name,
        "version": version,
        "train": data.twin_train,
        "test": data.twin_test,
        "px": data.twin_px,
        "seed": 0,
    }
    root = location.cache / "twins" / f"{name}-{digest(origin)[:12]}"
    if not is_whole(root):
        count, drawn = data.twin_train + data.twin_test, iter(range(1, 10**9))
        write(
            root,
            train=data.twin_train,
            test=data.twin_test,
            size_px=data.twin_px,
            seed=0,
            workers=cores(),
            on_image=lambda: location.tick("drawing the synthetic twin", next(drawn), count),
        )
    return root, origin


LESION_SETS: dict[str, str | Callable[[Any], Any]] = {
    "idrid": "bench.inspection.detector:prepare",
}
"""Sets that teach where lesions are and that no run is scored on: what `bench prepare` does."""

SOURCES: dict[str, Source] = {
    "folder": Source(
        "any set of yours",
        "labels.csv (image, label or one 0/1 column per finding; optional patient_id, quality, "
        "split), images/, optional boxes.csv (image, x0, y0, x1, y1) and dataset.toml (modality, "
        "columns, findings, ...)",
        "you",
        True,
        _read_folder,
        "bench.inspection.labels:prepare",
    ),
    "eyeq": Source(
        "EyeQ: 12,543 / 16,249 fundus photographs, grade 0-4, three qualities",
        "Label_EyeQ_train.csv, Label_EyeQ_test.csv, train/, test/ (or images/)",
        "your download of EyePACS, and EyeQ's label files",
        True,
        _read_eyeq,
        "bench.inspection.labels:prepare",
    ),
    "eyeq-twin": Source(
        "drawn fundus photographs with known lesions, in EyeQ's mix of grades and qualities",
        "none: drawn on first use",
        "generated",
        False,
        _read_eyeq_twin,
    ),
    "chestxray": Source(
        "NIH ChestX-ray14, eight findings: a subset of 8,573 / 7,007 radiographs, not the paper's",
        "Data_Entry_2017_v2020.csv, train_val_list.txt, test_list.txt, BBox_List_2017.csv, images/ "
        "(or images_001/images/ ...)",
        "your download from NIH",
        True,
        _read_chestxray,
        "bench.inspection.chest:prepare",
    ),
    "chestxray-twin": Source(
        "drawn frontal radiographs with known findings, in ChestX-ray14's mix and format",
        "none: drawn on first use",
        "generated",
        False,
        _read_chestxray_twin,
        small_protocol="laptop-chest",
    ),
}
