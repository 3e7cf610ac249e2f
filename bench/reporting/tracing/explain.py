"""Where the number in a cell comes from: runs, settings, environment, interval, verdict.

Everything is read from the records, and the cell is the one that `bench table` prints.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.evaluation import registry
from bench.evaluation.statistics import Estimate, prediction_interval
from bench.experiments import SEEDS
from bench.protocol.presets import CHANGES, flatten, named
from bench.reporting.results.comparability import whole
from bench.reporting.results.published import published
from bench.reporting.tables.cells import verdicts
from bench.reporting.tables.model import Cell, Line, Section
from bench.reporting.tables.sections import metrics_of, section
from bench.reporting.tracing import commands
from bench.reporting.tracing.cell_ids import CellId
from bench.reporting.tracing.lookup import Place, environment, find, origin_of

ABSENT = "absent"
Facts = dict[str, Any]


def explain(
    cell: CellId, records: pd.DataFrame, protocol: str | None = None, root: Path | None = None
) -> Facts:
    """All that the records say of a cell, as plain values; see `find` for errors.

    Args:
        cell: As for `find`, and so are `records` and `protocol`.
        root: The folder of the records, where `bench rerun` would not look for them by itself.
    """
    place = find(cell, records, protocol)
    asked = {"--records": root, "--protocol": protocol}
    if place is None:
        heading = registry.named(cell.score).title if cell.score else ""
        facts = _named(cell, heading, asked) | {"printed": "not run", "runs": [], "estimate": None}
        return facts | {"published": _published(cell, None), "missing": _missing(cell, protocol)}
    shown = section(cell.experiment, place.group, place.measured)
    return {
        **_named(place.cell, metrics_of(place.group.records)[place.cell.score], asked),
        **_printed(place.cell, shown),
        "runs": [_run(place, at) for at in range(len(place.runs))],
        "left_out": _left_out(place),
        "estimate": _estimate(place.estimate),
        "published": _published(place.cell, place),
        "protocol": _protocol(place),
        "environment": environment(place.origins),
        "missing": _missing(place.cell, protocol, place),
    }


def _named(cell: CellId, heading: str, asked: Mapping[str, object]) -> Facts:
    experiment = cell.experiment
    options = [str(word) for pair in asked.items() if pair[1] is not None for word in pair]
    return {
        "cell": str(cell),
        "table": f"Table {experiment.table}. {experiment.caption}",
        "row": cell.row.title,
        "score": heading,
        "again": shlex.join(["bench", "rerun", str(cell), *options]),
    }


def _printed(cell: CellId, shown: Section) -> Facts:
    """The text of the cell with the footnotes that its marks and those of its row stand for."""
    (block,) = (block for block in shown.blocks if block.metric == cell.score)
    places = [p for p, c in enumerate(shown.columns) if c.measured and c.ratio == cell.ratio]
    lines = [line for line in block.lines if line.method == cell.method]
    line = lines[0] if lines else Line(cell.method, cell.row.title, ())
    own = line.cells[places[0]] if lines and places else Cell("not run")
    texts = dict(shown.notes)
    notes = [{"mark": mark, "text": texts[mark]} for mark in (*own.marks, *line.marks)]
    return {"printed": own.text, "footnotes": notes}


def _run(place: Place, at: int) -> Facts:
    run, origin = place.runs[at], place.origins[at]
    return {
        "id": run["id"],
        "seed": int(run["seed"]),
        "score": float(run[place.cell.score]),
        "state": run["state"],
        "date": origin.get("date"),
        "seconds": origin["seconds"],
        "commit": origin["commit"],
        "command": commands.typed(commands.options(origin["command"])),
        "folder": str(run["folder"]),
    }


def _left_out(place: Place) -> list[str]:
    """Runs of the cell that give way to newer ones."""
    records, shown = place.group.records, {run["id"] for run in place.runs}
    same = (records["method"] == place.cell.method) & (records["lq_ratio"] == place.cell.ratio)
    return sorted(set(records.loc[same, "id"]) - shown)


def _estimate(found: Estimate | None) -> Facts | None:
    if found is None:
        return None
    sound = not found.why_not
    return {
        "mean": found.value,
        "per_seed": found.per_seed,
        "seeds": found.seeds,
        "patients": found.patients,
        "seed_sd": found.seed_sd,
        "v_seed": found.v_seed,
        "v_img": found.v_img,
        "standard_error": found.standard_error,
        "degrees_of_freedom": found.degrees_of_freedom if sound else None,
        "interval": found.interval(),
        "why_not": found.why_not,
        "interval_of_these_runs": found.interval_of_these_runs(),
        "prediction_interval": prediction_interval(found.per_seed),
    }


def _published(cell: CellId, place: Place | None) -> Facts:
    """The paper's number under both headers with the verdict on each, or why there is none."""
    metric = registry.named(cell.score) if cell.score else registry.primary("grading")
    if not cell.row.in_paper:
        return {"why_not": "the paper has no such row"}
    if not metric.paper:
        return {"why_not": "the paper prints no such score"}
    theirs = published(cell.table, cell.row.title, cell.dataset, cell.ratio)
    if theirs is None:
        why = "drawn images" if cell.dataset.endswith("-twin") else "no readable number there"
        return {"why_not": f"the paper prints nothing for this cell: {why}"}
    numbers = {"readings": theirs.readings(metric.paper), "note": theirs.note}
    if place is None:
        return numbers | {"verdicts": ("NOT RUN", "NOT RUN")}
    if not whole(place.group.records):
        return numbers | {"why_not": "not all of its images or labels: never judged"}
    score = place.cell.score
    found = verdicts(place.measured, cell.method, score, cell.ratio, theirs)
    return numbers | {"verdicts": tuple(one.text for one in found)}


def _protocol(place: Place) -> Facts:
    run = (place.runs or place.group.records.to_dict("records"))[0]
    name = str(run["protocol_name"])
    return {
        "name": name,
        "key": run["key"],
        "settings": run["settings"],
        "versions": run["versions"],
        "differs": changed(run["protocol"], name) if place.runs else {},
    }


def changed(protocol: Mapping[str, Any], name: str) -> dict[str, tuple[Any, Any]]:
    """Each setting that is not as a named protocol has it today: (recorded, named).

    Args:
        protocol: Of a record: groups, and what stands beside them.
        name: paper, laptop or smoke.
    """
    groups = {group: body for group, body in protocol.items() if isinstance(body, dict)}
    stored = json.loads(json.dumps(flatten(groups)))
    today = flatten(named(name).model_dump(mode="json"))
    today = {key: value for key, value in today.items() if key.partition(".")[0] in groups}
    pairs = {key: (stored.get(key, ABSENT), today.get(key, ABSENT)) for key in {**today, **stored}}
    return {key: pair for key, pair in sorted(pairs.items()) if pair[0] != pair[1]}


def _missing(cell: CellId, protocol: str | None, place: Place | None = None) -> list[Facts]:
    """Seeds that the tables ask for or other cells have, each with the command that makes it."""
    there = set(place.measured.seeds(cell.method, cell.ratio)) if place else set()
    others = place.measured.runs.by_cell.values() if place else ()
    wanted = {*range(SEEDS), *(seed for seeds in others for seed in seeds)}
    like = _like(place)
    name = protocol if protocol in CHANGES else None
    return [
        {"seed": seed, "command": commands.missing(cell, seed, like, name)}
        for seed in sorted(wanted - there)
    ]


def _like(place: Place | None) -> str | None:
    """The command of a run of the cell, else of another that it must be comparable with."""
    if place is None:
        return None
    folders = [run["folder"] for run in place.runs] or list(place.group.records["folder"])
    return str(origin_of(folders[0])["command"])
