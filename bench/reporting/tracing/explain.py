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
from bench.protocol.settings import NOT_HASHED, Protocol
from bench.reporting.results.comparability import whole
from bench.reporting.results.published import published
from bench.reporting.tables.cells import verdicts
from bench.reporting.tables.model import Section, TableCell, TableLine
from bench.reporting.tables.sections import metrics_of, section
from bench.reporting.tracing import commands
from bench.reporting.tracing.cell_ids import CellId
from bench.reporting.tracing.lookup import LocatedCell, environment, find, origin_of

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
    located = find(cell, records, protocol)
    options = {"--records": root, "--protocol": protocol}
    if located is None:
        heading = registry.named(cell.score).title if cell.score else ""
        facts = _named(cell, heading, options) | {
            "printed": "not run",
            "runs": [],
            "estimate": None,
        }
        return facts | {"published": _published(cell, None), "missing": _missing(cell, protocol)}
    shown = section(cell.experiment, located.group, located.scored)
    return {
        **_named(located.cell, metrics_of(located.group.records)[located.cell.score], options),
        **_printed(located.cell, shown),
        "runs": [_run(located, index) for index in range(len(located.runs))],
        "left_out": _left_out(located),
        "estimate": _estimate(located.estimate),
        "published": _published(located.cell, located),
        "protocol": _protocol(located),
        "environment": environment(located.origins),
        "missing": _missing(located.cell, protocol, located),
    }


def _named(cell: CellId, heading: str, selection: Mapping[str, object]) -> Facts:
    experiment = cell.experiment
    options = [str(word) for pair in selection.items() if pair[1] is not None for word in pair]
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
    columns = [
        index for index, c in enumerate(shown.columns) if c.measured and c.ratio == cell.ratio
    ]
    lines = [line for line in block.lines if line.method == cell.method]
    line = lines[0] if lines else TableLine(cell.method, cell.row.title, ())
    shown_cell = line.cells[columns[0]] if lines and columns else TableCell("not run")
    texts = dict(shown.notes)
    notes = [{"mark": mark, "text": texts[mark]} for mark in (*shown_cell.marks, *line.marks)]
    return {"row": line.title, "printed": shown_cell.text, "footnotes": notes}


def _run(located: LocatedCell, index: int) -> Facts:
    run, origin = located.runs[index], located.origins[index]
    return {
        "id": run["id"],
        "seed": int(run["seed"]),
        "score": float(run[located.cell.score]),
        "state": run["state"],
        "date": origin.get("date"),
        "seconds": origin["seconds"],
        "commit": origin["commit"],
        "command": commands.typed(commands.options(origin["command"])),
        "folder": str(run["folder"]),
    }


def _left_out(located: LocatedCell) -> list[str]:
    """Runs of the cell that give way to newer ones."""
    records, shown = located.group.records, {run["id"] for run in located.runs}
    same = (records["method"] == located.cell.method) & (records["lq_ratio"] == located.cell.ratio)
    return sorted(set(records.loc[same, "id"]) - shown)


def _estimate(estimate: Estimate | None) -> Facts | None:
    if estimate is None:
        return None
    sound = not estimate.why_not
    return {
        "mean": estimate.value,
        "per_seed": estimate.per_seed,
        "seeds": estimate.seeds,
        "patients": estimate.patients,
        "seed_sd": estimate.seed_sd,
        "v_seed": estimate.v_seed,
        "v_img": estimate.v_img,
        "standard_error": estimate.standard_error,
        "degrees_of_freedom": estimate.degrees_of_freedom if sound else None,
        "interval": estimate.interval(),
        "why_not": estimate.why_not,
        "interval_of_these_runs": estimate.interval_of_these_runs(),
        "prediction_interval": prediction_interval(estimate.per_seed),
    }


def _published(cell: CellId, located: LocatedCell | None) -> Facts:
    """The paper's number under both headers with the verdict on each, or why there is none."""
    metric = registry.named(cell.score) if cell.score else registry.primary("grading")
    if not cell.row.in_paper:
        return {"why_not": "the paper has no such row"}
    if not metric.paper:
        return {"why_not": "the paper prints no such score"}
    printed = published(cell.table, cell.row.title, cell.dataset, cell.ratio)
    if printed is None:
        why = "synthetic images" if cell.dataset.endswith("-twin") else "no readable number there"
        return {"why_not": f"the paper prints nothing for this cell: {why}"}
    numbers = {"readings": printed.readings(metric.paper), "note": printed.note}
    if located is None:
        return numbers | {"verdicts": ("NOT RUN", "NOT RUN")}
    if not whole(located.group.records):
        return numbers | {"why_not": "not all of its images or labels: never judged"}
    score = located.cell.score
    pair = verdicts(located.scored, cell.method, score, cell.ratio, printed)
    return numbers | {"verdicts": tuple(verdict.text for verdict in pair)}


def _protocol(located: LocatedCell) -> Facts:
    run = (located.runs or located.group.records.to_dict("records"))[0]
    name = str(run["protocol_name"])
    return {
        "name": name,
        "key": run["key"],
        "settings": run["settings"],
        "versions": run["versions"],
        "differs": changed(run["protocol"], name) if located.runs else {},
    }


def changed(protocol: Mapping[str, Any], name: str) -> dict[str, tuple[Any, Any]]:
    """Each setting that is not as a named protocol has it today: (recorded, named).

    Args:
        protocol: Of a record: groups, and what was resolved, which is no setting.
        name: Of a preset.
    """
    groups = {group: protocol[group] for group in Protocol.model_fields if group in protocol}
    stored = json.loads(json.dumps(flatten(groups)))
    today = flatten(named(name).model_dump(mode="json"))
    today = {k: v for k, v in today.items() if k.partition(".")[0] in groups}
    keys = [key for key in {**today, **stored} if key not in NOT_HASHED]
    pairs = {key: (stored.get(key, ABSENT), today.get(key, ABSENT)) for key in keys}
    return {key: pair for key, pair in sorted(pairs.items()) if pair[0] != pair[1]}


def _missing(cell: CellId, protocol: str | None, located: LocatedCell | None = None) -> list[Facts]:
    """Seeds that the tables ask for or other cells have, each with the command that makes it."""
    present = set(located.scored.seeds(cell.method, cell.ratio)) if located else set()
    others = located.scored.runs.by_cell.values() if located else ()
    wanted = {*range(SEEDS), *(seed for seeds in others for seed in seeds)}
    like = _like(located)
    name = protocol if protocol in CHANGES else None
    return [
        {"seed": seed, "command": commands.missing(cell, seed, like, name)}
        for seed in sorted(wanted - present)
    ]


def _like(located: LocatedCell | None) -> str | None:
    """The command of a run of the cell, else of another that it must be comparable with."""
    if located is None:
        return None
    folders = [run["folder"] for run in located.runs] or list(located.group.records["folder"])
    return str(origin_of(folders[0])["command"])
