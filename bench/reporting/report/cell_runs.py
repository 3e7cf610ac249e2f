"""What opens behind a cell: its runs, their curves, and where the first of them looks."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.evaluation.gates import pretraining_failed
from bench.reporting.figures.saliency import FILE
from bench.reporting.figures.study import ScoredStudy
from bench.reporting.report.answer import in_words
from bench.reporting.report.curves import TrainingPlot, plots
from bench.reporting.report.grids import CellKey
from bench.reporting.report.saliency_strip import SaliencyStrip, StripMaker

SHORT = 10


class RunRow(NamedTuple):
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
        unlearnt: What it has not learnt, as text; "" if it has.
    """

    id: str
    seed: int
    scores: tuple[str, ...]
    minutes: str
    device: str
    commit: str
    command: str
    stale: bool
    unlearnt: str


class CellRuns(NamedTuple):
    """One cell opened.

    Attributes:
        anchor: Its place in the page.
        names: As `bench explain` takes them, "T1:comcl:eyeq:0.7".
        title: Method, data set and ratio.
        metrics: Headings of the runs' scores.
        runs: By seed.
        plots: Training curves.
        saliency: None where no run holds maps.
    """

    anchor: str
    names: tuple[str, ...]
    title: str
    metrics: tuple[str, ...]
    runs: tuple[RunRow, ...]
    plots: tuple[TrainingPlot, ...]
    saliency: SaliencyStrip | None


def anchors(numbered: Sequence[tuple[str, CellKey]]) -> dict[CellKey, str]:
    """An anchor for each place, numbered: names come from files and may hold anything."""
    distinct = dict.fromkeys(key for _, key in numbered)
    return {key: f"cell-{number}" for number, key in enumerate(distinct, start=1)}


def cell_runs(
    studies: Mapping[str, ScoredStudy],
    numbered: Sequence[tuple[str, CellKey]],
    anchor_of: Mapping[CellKey, str],
) -> tuple[CellRuns, ...]:
    """Every cell with runs, once.

    Args:
        studies: Data set -> its scored runs.
        named: (number of the table, place) of each cell; a place may stand in several tables.
        anchor_of: Anchors of the places.
    """
    maker = StripMaker()
    tables: dict[CellKey, dict[str, None]] = {}
    for number, key in numbered:
        tables.setdefault(key, {})[number] = None
    return tuple(
        _opened(studies[key[0]], key, anchor_of[key], tuple(tables[key]), maker)
        for key in anchor_of
    )


def _opened(
    study: ScoredStudy, key: CellKey, anchor: str, tables: Sequence[str], maker: StripMaker
) -> CellRuns:
    dataset, method, ratio = key
    folders = study.folders(method, ratio)
    return CellRuns(
        anchor,
        tuple(f"T{number}:{method}:{dataset}:{ratio}" for number in tables),
        f"{study.title(method)} on {dataset} at {in_words(ratio)}",
        tuple(study.metrics.values()),
        tuple(_ran(study, key, seed, folder) for seed, folder in folders.items()),
        plots(folders),
        maker.strip(study.artefacts(FILE, method, ratio), dataset),
    )


def _ran(study: ScoredStudy, key: CellKey, seed: int, folder: Path) -> RunRow:
    _, method, ratio = key
    places = study.scored.seeds(method, ratio).values()
    index = next(i for i in places if seed in study.scored.runs.members[i])
    origin: dict[str, Any] = json.loads((folder / "provenance.json").read_text())
    about = json.loads((folder / "spec.json").read_text())["about"]
    values = [_score(study, metric, index, folder) for metric in study.metrics]
    seconds = origin.get("seconds")
    return RunRow(
        folder.name,
        seed,
        tuple(f"{value:.3f}" for value in values),
        "" if seconds is None else f"{seconds / 60:.1f}",
        str(origin.get("device_name") or origin.get("device") or ""),
        str(origin.get("commit") or "")[:SHORT],
        str(about.get("command") or origin.get("command") or ""),
        study.scored.runs.stale[index],
        "; ".join(_unlearnt(study, index, folder)),
    )


def _unlearnt(study: ScoredStudy, index: int, folder: Path) -> Iterator[str]:
    if index in study.scored.runs.untrained:
        yield "not trained"
    about = json.loads((folder / "spec.json").read_text())["about"]
    validation = json.loads((folder / "metrics.json").read_text())["validation"]
    if why := pretraining_failed(str(about.get("kind")), validation):
        yield why


def _score(study: ScoredStudy, metric: str, index: int, folder: Path) -> float:
    """A run's own score; of a fold, that of its own test images."""
    if len(study.scored.runs.members[index]) == 1:
        return float(study.scored.recorded[metric][index])
    own = json.loads((folder / "metrics.json").read_text())["test"].get(metric)
    return math.nan if own is None else own
