"""A sweep: its plan carried out, one process per run, here, on Slurm or as lines to run elsewhere.

Nobody needs to remember where a sweep stood: what is done is found by its id, what was cut
short resumes from its checkpoint, and what another process works on is left to that process.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from bench.data import datasets
from bench.data.workers import cores
from bench.errors import Interrupted, RequestError
from bench.experiments import chosen, data_sets
from bench.pipeline.progress import ticking
from bench.protocol.presets import derive, named
from bench.reporting.sweep_pages import lines_page, outcome_page, plan_page, submitted_page
from bench.sweeps import budget, slurm
from bench.sweeps.display import display
from bench.sweeps.plan import Plan, SweepRequest, plan, undone, words
from bench.sweeps.pool import Outcome, carry_out
from bench.training.interrupt import catching_signals

LAUNCHERS = ("local", "slurm", "print")


class SweepResult(NamedTuple):
    """What goes to standard output, and whether a run failed."""

    text: str
    failed: bool = False


def sweep(
    request: SweepRequest,
    *,
    launcher: str = "local",
    jobs: int | None = None,
    dry_run: bool = False,
    as_json: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> SweepResult:
    """Carry out a sweep, or say what it would do.

    Args:
        launcher: "local", "slurm" or "print".
        jobs: How many runs at a time; None for one, or on Slurm for as many as it allows.
        say: Called with what a reader must know beside the answer.

    Raises:
        RequestError: for what cannot be served.
        Interrupted: asked to stop; the same command resumes.
    """
    require(launcher, dry_run=dry_run)
    if launcher == "local":
        request = split_cores(request, jobs or 1, cores(), say)
    try:
        with ticking() as tick:
            made = plan(request, tick)
    except KeyboardInterrupt:
        raise Interrupted("stopped before any run began") from None
    options = {"launcher": launcher, "jobs": jobs, "dry_run": dry_run}
    return serve(made, **options, as_json=as_json, say=say)


def require(launcher: str, *, dry_run: bool = False) -> None:
    """Refuse a launcher that is unknown, or not available here.

    Raises:
        RequestError: with those to choose from.
    """
    if launcher not in LAUNCHERS:
        raise RequestError(f"--launcher {launcher}: choose one of: {', '.join(LAUNCHERS)}")
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
) -> SweepResult:
    """Carry out a plan, or say what it would take; arguments as of `sweep`.

    Raises:
        RequestError: for what cannot be served.
        Interrupted: asked to stop; the same command resumes.
    """
    if dry_run:
        return SweepResult(_budget(made, jobs or 1, as_json))
    for sentence in made.left_out:
        say(f"left out: {sentence}")
    if launcher == "local":
        return here(made, jobs or 1, as_json)
    runs = list(undone(made.runs))
    if launcher == "print" or not runs:
        return SweepResult(
            lines_page([["bench", *words(run.request)] for run in runs], as_json=as_json)
        )
    job, folder = slurm.submit(runs, throttle=jobs)
    return SweepResult(submitted_page(job, str(folder), len(runs), as_json=as_json))


def _budget(made: Plan, jobs: int, as_json: bool) -> str:
    """What there is to do, and what it takes."""
    with ticking() as tick:
        costs = [asdict(cost) for cost in budget.costs(made, tick)]
    root = made.runs[0].request.results.resolve()
    existing = next(folder for folder in (root, *root.parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free
    return plan_page(
        made.states(), costs, made.left_out, jobs=jobs, free_bytes=free, as_json=as_json
    )


def here(made: Plan, jobs: int, as_json: bool) -> SweepResult:
    """All runs in processes of this machine.

    Raises:
        Interrupted: asked to stop; the runs have written their checkpoints.
    """
    waiting = list(undone(made.runs))
    ids = {run.spec.id for run in waiting}
    already_done = [Outcome(run, "found") for run in made.runs if run.spec.id not in ids]
    with catching_signals() as interrupted, display(len(made.runs), len(already_done)) as shown:
        outcomes = [
            *already_done,
            *carry_out(waiting, jobs=jobs, display=shown, interrupted=interrupted),
        ]
    over = sum(outcome.state in ("done", "found") for outcome in outcomes)
    if len(outcomes) < len(made.runs):
        raise Interrupted(
            f"stopped with {over} of {len(made.runs)} runs done; the same command resumes"
        )
    by_id = {outcome.run.spec.id: outcome for outcome in outcomes}
    rows = [_row(by_id[run.spec.id]) for run in made.runs]
    failed = any(row["state"] == "failed" for row in rows)
    return SweepResult(outcome_page(rows, made.left_out, as_json=as_json), failed)


def _row(outcome: Outcome) -> dict[str, Any]:
    """How a run ended, as `outcome_page` has it."""
    run, columns = outcome.run, ("state", "why", "tries")
    row = {"title": run.title, "id": run.spec.id, "folder": str(run.folder)}
    return row | {name: getattr(outcome, name) for name in columns}


def split_cores(
    request: SweepRequest, jobs: int, available: int, say: Callable[[str], None]
) -> SweepRequest:
    """The sweep with threads that fit: several runs at a time share the cores.

    Raises:
        RequestError: when not even one thread per run fits and the number of threads was not set.
    """
    explicit = any(change.startswith("engine.threads=") for change in request.common.changes)
    threads = _threads(request)
    if explicit or jobs == 1 or jobs * threads <= available:
        return request
    if jobs > available:
        raise RequestError(
            f"--jobs {jobs}: {jobs} runs of one thread each do not fit on {available} cores; "
            f"take --jobs {available} or less, or say --set engine.threads=1 to run them anyway"
        )
    threads_each = available // jobs
    plural = "s" * (threads_each > 1)
    say(
        f"--jobs {jobs} on {available} cores: {threads_each} thread{plural} per run instead "
        f"of {threads} (--set engine.threads={threads_each}). The number of threads is part of a "
        "run's identity, so these are other runs than those of --jobs 1 and share no table with "
        "them"
    )
    changes = (*request.common.changes, f"engine.threads={threads_each}")
    return replace(request, common=replace(request.common, changes=changes))


def _threads(request: SweepRequest) -> int:
    """The most threads that a run of the sweep takes by its protocol."""
    common = request.common
    sources = [
        datasets.SOURCES[name]
        for name in request.datasets or data_sets(chosen(request.table))
        if name in datasets.SOURCES
    ]
    names = {common.protocol or source.default_protocol for source in sources}
    changes = list(common.changes)
    return max((derive(named(name), changes).engine.threads for name in names), default=1)
