"""What a sweep answers: its plan with time and disk, its lines, or how its runs ended."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.reporting.console import for_stdout, json_object
from bench.reporting.status import RunState, age, status_grid

COST_HEADS = ("data set", "method", "runs to do", "each", "known from")
UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))

SweepRow = Mapping[str, Any]


def plan_page(
    states: Sequence[RunState],
    costs: Sequence[SweepRow],
    left_out: Sequence[str],
    *,
    jobs: int,
    free_bytes: int,
    as_json: bool = False,
) -> str:
    """What a sweep would run, how far each run is, and the time and disk of the rest.

    Args:
        states: One a run, as `status_page` has them.
        costs: `dataset`, `method`, `runs` (not done), `seconds` and `bytes` of one (None: nobody
            can tell) and `source` (where they come from).
        left_out: A sentence for what is not run.
        jobs: Runs at a time.
        free_bytes: Of the disk that the runs go to.
    """
    totals = _totals(costs, jobs)
    if as_json:
        answer = {"runs": states, "left_out": left_out, "costs": costs, "jobs": jobs}
        return json_object({**answer, **totals, "free_bytes": free_bytes})
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in COST_HEADS:
        grid.add_column(head)
    for cost in costs:
        each = "unknown" if cost["seconds"] is None else age(cost["seconds"])
        texts = (cost["dataset"], cost["method"], str(cost["runs"]), each, cost["source"])
        grid.add_row(*(Text(text) for text in texts))
    lines = [f"left out: {sentence}" for sentence in left_out]
    lines += _sums(totals, jobs, free_bytes) if costs else []
    parts = [status_grid(states), *([grid] if costs else []), *(Text(line) for line in lines)]
    return for_stdout(Group(*parts)).rstrip("\n")


def lines_page(lines: Sequence[Sequence[str]], *, as_json: bool = False) -> str:
    """Command lines for a shell, one a line, in order."""
    quoted = [shlex.join(line) for line in lines]
    return json_object({"lines": quoted}) if as_json else "\n".join(quoted)


def submitted_page(job: str, folder: str, count: int, *, as_json: bool = False) -> str:
    """A job array that Slurm has taken."""
    if as_json:
        return json_object({"job": job, "folder": folder, "runs": count})
    return (
        f"Slurm job {job}: {count} runs, logs in {folder}/logs\n"
        "Look with `squeue` and `bench status`; run again when it is over, this sweep submits "
        "what is not done"
    )


def outcome_page(
    outcomes: Sequence[SweepRow], left_out: Sequence[str], *, as_json: bool = False
) -> str:
    """How a sweep ended: counts, each failure with its reason, and what was left out.

    Args:
        outcomes: `title`, `state` ("done", "found" or "failed"), `why`, `tries`, `folder` and `id`
            of every run.
        left_out: A sentence for what was not run.
    """
    if as_json:
        return json_object({"runs": outcomes, "left_out": left_out})
    counts = Counter(row["state"] for row in outcomes)
    lines = [
        f"{len(outcomes)} runs: {counts['done']} made, {counts['found']} found done, "
        f"{counts['failed']} failed"
    ]
    lines += [
        f"failed: {row['title']}: {row['why']}{_tried(row)}\n  log: {row['folder']}/sweep.log"
        for row in outcomes
        if row["state"] == "failed"
    ]
    return "\n".join([*lines, *(f"left out: {sentence}" for sentence in left_out)])


def size(number: float) -> str:
    """Bytes in the largest unit that they fill: "3.5 MB", "512 B"."""
    for unit, scale in UNITS:
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number:.0f} B"


def _totals(costs: Sequence[SweepRow], jobs: int) -> dict[str, Any]:
    """Seconds and bytes of all runs to do that have an estimate, and how many have none."""
    known = [cost for cost in costs if cost["seconds"] is not None]
    return {
        "seconds": sum(cost["seconds"] * cost["runs"] for cost in known) / jobs,
        "bytes": sum(cost["bytes"] * cost["runs"] for cost in known),
        "without_estimate": sum(c["runs"] for c in costs if c["seconds"] is None),
    }


def _sums(totals: SweepRow, jobs: int, free_bytes: int) -> list[str]:
    lines = [
        f"time: about {age(totals['seconds'])} of training, {jobs} at a time; starting a run, "
        "decoding images and training a shared lesion detector come on top",
        f"disk: about {size(totals['bytes'])} stay, {size(free_bytes)} are free; the image cache "
        "comes on top",
    ]
    if totals["without_estimate"]:
        lines.append(f"{totals['without_estimate']} runs have no estimate and are not in the sums")
    return lines


def _tried(row: SweepRow) -> str:
    return f" (tried {row['tries']} times)" if row["tries"] > 1 else ""
