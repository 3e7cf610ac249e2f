"""`bench sensitivity`: one open point at a time, through the same pool as a sweep, then its page.

A run of the main study that is the same but for the study's name is taken as it is, so that the
defaults and the rivals need not be trained twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from bench import store
from bench.data import datasets
from bench.data import lq_ratio as ratios
from bench.data.cache import Tick
from bench.errors import Interrupted, RequestError
from bench.pipeline.progress import ticking
from bench.pipeline.resolve import Request, prepare
from bench.protocol.presets import derive, named
from bench.protocol.switches import STUDY, Alternative, OpenQuestion, chosen
from bench.reporting.sensitivity.page import sensitivity_page
from bench.roster import METHODS
from bench.sweeps import launch
from bench.sweeps.launch import Answer
from bench.sweeps.plan import Plan, Run, Sweep, run_of

SEEDS = 2  # the fewest with an interval; a study takes an evening of two cores


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        common: What all runs share, data set and ratio included; method, seed and study unused.
        points: Their ids; () for the usual ones.
        seeds: How many of each run.
        records: Folders with runs of the main study, beside the one that runs go to.
    """

    common: Request = field(default_factory=lambda: Request("", "eyeq-twin"))
    points: tuple[str, ...] = ()
    seeds: int = SEEDS
    records: tuple[Path, ...] = ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where runs may lie, the study's own folder first."""
        return tuple(dict.fromkeys((self.common.results, *self.records)))


class Shown(NamedTuple):
    """How the page is shown: files beside it, its form, and who is told of them."""

    out: Path | None
    as_json: bool
    say: Callable[[str], None]


def sensitivity(
    asked: Asked,
    *,
    launcher: str = "local",
    jobs: int | None = None,
    dry_run: bool = False,
    only_report: bool = False,
    out: Path | None = None,
    as_json: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Answer:
    """Run what is missing of a study and say what each open point moves.

    Args:
        launcher: As of a sweep; with "slurm" and "print", and in a dry run, there is no page yet.
        only_report: From the records alone; of `asked.records` alone where some are named.
        out: Folder for the page, its numbers and the plot.
        say: Told what a reader must know beside the answer.

    Raises:
        RequestError: for what cannot be served.
        NotComparable: if the records of the study must not be compared.
        Interrupted: asked to stop; the same command goes on.
    """
    shown = Shown(out, as_json, say)
    if only_report:
        folders = asked.records or asked.folders
        return Answer(_page(asked, folders, asked.common.protocol, shown))
    launch.require(launcher, dry_run=dry_run)
    if launcher == "local":
        sweep = Sweep(asked.common, datasets=(asked.common.dataset,))
        common = launch.split_cores(sweep, jobs or 1, launch.cores(), say).common
        asked = replace(asked, common=common)
    try:
        with ticking() as tick:
            made = plan(asked, tick)
    except KeyboardInterrupt:
        raise Interrupted("stopped before any run began") from None
    options = {"launcher": launcher, "jobs": jobs, "dry_run": dry_run}
    before = dry_run or launcher != "local"
    answer = launch.serve(made, **options, as_json=as_json and before, say=say)
    if before:
        return answer
    say(answer.text)
    return Answer(_page(asked, asked.folders, made.runs[0].key, shown), answer.failed)


def plan(asked: Asked, tick: Tick) -> Plan:
    """The runs of a study, so ordered that points are level wherever one stops.

    All runs of a seed come before the next seed; within one, the defaults, then the first other
    reading of every point, then the second.

    Raises:
        RequestError: for an unknown name or value, or when nothing is left to run.
    """
    datasets.source(asked.common.dataset)
    if asked.common.protocol is not None:
        derive(named(asked.common.protocol), list(asked.common.changes))
    _refuse_own_options(asked.common.changes)
    first, left_out = _first_runs(asked, tick)
    runs = [run.at(run.spec.lq_ratio, seed) for seed in range(asked.seeds) for run in first]
    if not runs:
        raise RequestError("nothing to run: " + "; ".join(left_out))
    return Plan(tuple(_as_made(run, asked.folders) for run in runs), left_out)


def _first_runs(asked: Asked, tick: Tick) -> tuple[list[Run], tuple[str, ...]]:
    """Seed 0 of every reading, in order; and a sentence for each that is refused."""
    made: dict[str, Run] = {}
    left_out: dict[str, None] = {}
    for point, reading in _in_turn(chosen(asked.points)):
        changes = (*asked.common.changes, *([reading.change] if reading.change else []))
        request = replace(
            asked.common,
            method=reading.method,
            lq_ratio=point.ratio or asked.common.lq_ratio,
            seed=0,
            changes=changes,
            study=STUDY,
        )
        try:
            run = run_of(prepare(request, tick))
        except RequestError as error:
            left_out[f"{point.id}, {reading.name}: {error}"] = None
        else:
            made.setdefault(run.spec.id, run)
    return list(made.values()), tuple(left_out)


def _in_turn(points: Sequence[OpenQuestion]) -> Iterator[tuple[OpenQuestion, Alternative]]:
    """The defaults of all points, then their first other readings, and so on."""
    for place in range(max(len(point.readings) for point in points)):
        for point in points:
            if place < len(point.readings):
                yield point, point.readings[place]


def _as_made(run: Run, folders: Sequence[Path]) -> Run:
    """The run where it is done already, by this study or by the main one; else as it is."""
    for folder in folders:
        for study in (STUDY, None):
            request = replace(run.request, study=study, results=folder)
            there = replace(run, request=request, spec=replace(run.spec, study=study))
            if store.is_done(there.folder):
                return there
    return run


def _refuse_own_options(changes: Sequence[str]) -> None:
    own = {group for method in METHODS.values() for group in method.groups}
    for change in changes:
        if change.partition(".")[0] in own:
            raise RequestError(
                f"--set {change}: a study changes the options of one method by itself, one at a "
                "time; name the open points with --points"
            )


def _page(asked: Asked, folders: Sequence[Path], key: str | None, shown: Shown) -> str:
    dataset = asked.common.dataset
    lq_ratio = ratios.parse(asked.common.lq_ratio, dataset)
    options = {"dataset": dataset, "lq_ratio": lq_ratio, "protocol": key}
    where = {"out": shown.out, "as_json": shown.as_json}
    page = sensitivity_page(folders, chosen(asked.points), **options, **where)
    for path in page.written:
        shown.say(f"wrote {path}")
    return page.text
