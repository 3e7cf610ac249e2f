"""What opens behind a cell: its runs, their curves, and where the first of them looks."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.reporting.figures.saliency import FILE
from bench.reporting.figures.study import Study
from bench.reporting.report.answer import in_words
from bench.reporting.report.curves import Plot, plots
from bench.reporting.report.grids import Place
from bench.reporting.report.looks import Camera, Looks

SHORT = 10


class Ran(NamedTuple):
    """One run.

    Attributes:
        id: Of its folder.
        seed: Its own.
        scores: As printed, in the order of the cell's metrics.
        minutes: How long it took, as text; "" where the record does not tell.
        device: What it ran on.
        commit: The first digits of the code's commit.
        command: What makes it again.
        stale: Whether older code made it.
    """

    id: str
    seed: int
    scores: tuple[str, ...]
    minutes: str
    device: str
    commit: str
    command: str
    stale: bool


class Opened(NamedTuple):
    """One cell opened.

    Attributes:
        anchor: Its place in the page.
        names: As `bench explain` takes them, "T1:comcl:eyeq:0.7".
        title: Method, data set and ratio.
        metrics: Headings of the runs' scores.
        runs: By seed.
        plots: Training curves.
        looks: None where no run holds maps.
    """

    anchor: str
    names: tuple[str, ...]
    title: str
    metrics: tuple[str, ...]
    runs: tuple[Ran, ...]
    plots: tuple[Plot, ...]
    looks: Looks | None


def anchors(named: Sequence[tuple[str, Place]]) -> dict[Place, str]:
    """An anchor for each place, numbered: names come from files and may hold anything."""
    distinct = dict.fromkeys(place for _, place in named)
    return {place: f"cell-{number}" for number, place in enumerate(distinct, start=1)}


def opened(
    studies: Mapping[str, Study], named: Sequence[tuple[str, Place]], at: Mapping[Place, str]
) -> tuple[Opened, ...]:
    """Every cell with runs, once.

    Args:
        studies: Data set -> its scored runs.
        named: (number of the table, place) of each cell; a place may stand in several tables.
        at: Anchors of the places.
    """
    camera = Camera()
    tables: dict[Place, dict[str, None]] = {}
    for number, place in named:
        tables.setdefault(place, {})[number] = None
    return tuple(
        _opened(studies[place[0]], place, at[place], tuple(tables[place]), camera) for place in at
    )


def _opened(
    study: Study, place: Place, anchor: str, tables: Sequence[str], camera: Camera
) -> Opened:
    dataset, method, ratio = place
    folders = study.folders(method, ratio)
    return Opened(
        anchor,
        tuple(f"T{number}:{method}:{dataset}:{ratio}" for number in tables),
        f"{study.title(method)} on {dataset} at {in_words(ratio)}",
        tuple(study.metrics.values()),
        tuple(_ran(study, place, seed, folder) for seed, folder in folders.items()),
        plots(folders),
        camera.looks(study.artefacts(FILE, method, ratio), dataset),
    )


def _ran(study: Study, place: Place, seed: int, folder: Path) -> Ran:
    _, method, ratio = place
    index = study.measured.seeds(method, ratio)[seed]
    origin: dict[str, Any] = json.loads((folder / "provenance.json").read_text())
    about = json.loads((folder / "spec.json").read_text())["about"]
    values = [study.measured.recorded[metric][index] for metric in study.metrics]
    seconds = origin.get("seconds")
    return Ran(
        study.measured.runs.ids[index],
        seed,
        tuple(f"{value:.3f}" for value in values),
        "" if seconds is None else f"{seconds / 60:.1f}",
        str(origin.get("device_name") or origin.get("device") or ""),
        str(origin.get("commit") or "")[:SHORT],
        str(about.get("command") or origin.get("command") or ""),
        study.measured.runs.stale[index],
    )
