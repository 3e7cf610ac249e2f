"""A sweep: its plan carried out, one process a run, here, on Slurm or as lines to run elsewhere.

Nobody needs to remember where a sweep stood: what is done is found by its id, what was cut short
goes on from its checkpoint, and what another process is on is left to that process.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from bench.data import datasets
from bench.errors import Interrupted, RequestError
from bench.experiments import chosen, data_sets
from bench.pipeline.progress import ticking
from bench.protocol.presets import derive, named
from bench.reporting.sweeps import lines_page, outcome_page, plan_page, submitted_page
from bench.sweeps import budget, slurm
from bench.sweeps.board import board
from bench.sweeps.plan import Plan, Sweep, plan, undone, words
from bench.sweeps.pool import Outcome, carry_out
from bench.training.interrupt import catching_signals

LAUNCHERS = ("local", "slurm", "print")


class Answer(NamedTuple):
    """What goes to standard output, and whether a run failed."""

    text: str
    failed: bool = False


def sweep(
    asked: Sweep,
    *,
    launcher: str = "local",
    jobs: int | None = None,
    dry_run: bool = False,
    as_json: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Answer:
    """Carry out a sweep, or say what it would do.

    Args:
        launcher: "local", "slurm" or "print".
        jobs: How many runs at a time; None for one, or on Slurm for as many as it lets.
        say: Told what a reader must know beside the answer.

    Raises:
        RequestError: for what cannot be served.
        Interrupted: asked to stop; the same command goes on.
    """
    require(launcher, dry_run=dry_run)
    if launcher == "local":
        asked = split_cores(asked, jobs or 1, cores(), say)
    try:
        with ticking() as tick:
            made = plan(asked, tick)
    except KeyboardInterrupt:
        raise Interrupted("stopped before any run began") from None
    options = {"launcher": launcher, "jobs": jobs, "dry_run": dry_run}
    return serve(made, **options, as_json=as_json, say=say)


def require(launcher: str, *, dry_run: bool = False) -> None:
    """Refuse a launcher that there is not, or not here.

    Raises:
        RequestError: with those that there are.
    """
    if launcher not in LAUNCHERS:
        raise RequestError(f"--launcher {launcher}: there are {', '.join(LAUNCHERS)}")
    if launcher == "slurm" and not dry_run:
        slurm.require()


def serve(
    made: Plan,
    *,
    launcher: str,
    jobs: int | None,
    dry_run: bool,
    as_json: bool,
    say: Callable[[str], None],
) -> Answer:
    """Carry out a plan, or say what it would take; arguments as of `sweep`.

    Raises:
        RequestError: for what cannot be served.
        Interrupted: asked to stop; the same command goes on.
    """
    if dry_run:
        return Answer(_budget(made, jobs or 1, as_json))
    for sentence in made.left_out:
        say(f"left out: {sentence}")
    if launcher == "local":
        return here(made, jobs or 1, as_json)
    runs = list(undone(made.runs))
    if launcher == "print" or not runs:
        return Answer(lines_page([["bench", *words(run.request)] for run in runs], as_json=as_json))
    job, folder = slurm.submit(runs, throttle=jobs)
    return Answer(submitted_page(job, str(folder), len(runs), as_json=as_json))


def cores() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _budget(made: Plan, jobs: int, as_json: bool) -> str:
    """What there is to do, and what it takes."""
    with ticking() as tick:
        costs = [asdict(cost) for cost in budget.costs(made, tick)]
    root = made.runs[0].request.results.resolve()
    there = next(folder for folder in (root, *root.parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    return plan_page(
        made.states(), costs, made.left_out, jobs=jobs, free_bytes=free, as_json=as_json
    )


def here(made: Plan, jobs: int, as_json: bool) -> Answer:
    """All runs in processes of this machine.

    Raises:
        Interrupted: asked to stop; the runs have written their checkpoints.
    """
    waiting = list(undone(made.runs))
    ids = {run.spec.id for run in waiting}
    found = [Outcome(run, "found") for run in made.runs if run.spec.id not in ids]
    with catching_signals() as interrupted, board(len(made.runs), len(found)) as shown:
        outcomes = [*found, *carry_out(waiting, jobs=jobs, board=shown, interrupted=interrupted)]
    over = sum(outcome.state in ("done", "found") for outcome in outcomes)
    if len(outcomes) < len(made.runs):
        raise Interrupted(f"stopped with {over} of {len(made.runs)} runs done; the rest goes on")
    by_id = {outcome.run.spec.id: outcome for outcome in outcomes}
    rows = [_row(by_id[run.spec.id]) for run in made.runs]
    failed = any(row["state"] == "failed" for row in rows)
    return Answer(outcome_page(rows, made.left_out, as_json=as_json), failed)


def _row(outcome: Outcome) -> dict[str, Any]:
    """How a run ended, as `outcome_page` has it."""
    run, told = outcome.run, ("state", "why", "tries")
    row = {"title": run.title, "id": run.spec.id, "folder": str(run.folder)}
    return row | {name: getattr(outcome, name) for name in told}


def split_cores(asked: Sweep, jobs: int, available: int, say: Callable[[str], None]) -> Sweep:
    """The sweep with threads that fit: several runs at a time share the cores.

    Raises:
        RequestError: when not even one thread a run fits and threads were not asked for.
    """
    explicit = any(change.startswith("engine.threads=") for change in asked.common.changes)
    threads = _threads(asked)
    if explicit or jobs == 1 or jobs * threads <= available:
        return asked
    if jobs > available:
        raise RequestError(
            f"--jobs {jobs}: {jobs} runs of one thread each do not fit on {available} cores; "
            f"take --jobs {available} or less, or say --set engine.threads=1 to run them anyway"
        )
    share = available // jobs
    say(
        f"--jobs {jobs} on {available} cores: {share} thread{'s' * (share > 1)} a run instead of "
        f"{threads} (--set engine.threads={share}). Threads are part of what a run is, so these "
        "are other runs than those of --jobs 1, and share no table with them"
    )
    changes = (*asked.common.changes, f"engine.threads={share}")
    return replace(asked, common=replace(asked.common, changes=changes))


def _threads(asked: Sweep) -> int:
    """The most threads that a run of the sweep takes by its protocol."""
    common = asked.common
    sources = [
        datasets.SOURCES[name]
        for name in asked.datasets or data_sets(chosen(asked.table))
        if name in datasets.SOURCES
    ]
    names = {common.protocol or source.default_protocol for source in sources}
    changes = list(common.changes)
    return max((derive(named(name), changes).engine.threads for name in names), default=1)
