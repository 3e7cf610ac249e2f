"""`bench sensitivity`: one open question at a time, in the pool of a sweep, then its page.

A run of the main study that is the same but for the study's name is taken as it is, so that the
defaults and the rivals need not be trained twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from bench.data import datasets
from bench.data import lq_ratio as ratios
from bench.data.cache import ProgressCallback
from bench.data.workers import cores
from bench.errors import Interrupted, RequestError
from bench.evaluation.stored_runs import is_result
from bench.pipeline.progress import ticking
from bench.pipeline.resolve import Request, prepare
from bench.protocol.method_settings import CoMCLSettings
from bench.protocol.presets import derive, named
from bench.protocol.switches import STUDY, Alternative, OpenQuestion, chosen
from bench.reporting.sensitivity.page import sensitivity_page
from bench.roster import METHODS
from bench.sweeps import launch
from bench.sweeps.launch import SweepResult
from bench.sweeps.plan import Plan, PlannedRun, SweepRequest, run_of

SEEDS = 3  # the fewest with an interval


@dataclass(frozen=True)
class StudyRequest:
    """What is to be studied.

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
    def answers(self) -> CoMCLSettings:
        """What the others are compared with."""
        return named(self.common.protocol_name).comcl

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where runs may lie, the study's own folder first."""
        return tuple(dict.fromkeys((self.common.results, *self.records)))


class PageOptions(NamedTuple):
    """How the page is shown: files beside it, its form, and what is called with its paths."""

    out: Path | None
    as_json: bool
    say: Callable[[str], None]


def sensitivity(
    study: StudyRequest,
    *,
    launcher: str = "local",
    jobs: int | None = None,
    dry_run: bool = False,
    only_report: bool = False,
    out: Path | None = None,
    as_json: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> SweepResult:
    """Run what is missing of a study and say what each open question moves.

    Args:
        launcher: As of a sweep; with "slurm" and "print", and in a dry run, there is no page yet.
        only_report: From the records alone; of `study.records` alone where some are named.
        out: Folder for the page, its numbers and the plot.
        say: Called with what a reader must know beside the answer.

    Raises:
        RequestError: for what cannot be served.
        NotComparable: if the records of the study must not be compared.
        Interrupted: asked to stop; the same command resumes.
    """
    shown = PageOptions(out, as_json, say)
    if only_report:
        folders = study.records or study.folders
        return SweepResult(_page(study, folders, study.common.protocol, shown))
    launch.require(launcher, dry_run=dry_run)
    if launcher == "local":
        sweep = SweepRequest(study.common, datasets=(study.common.dataset,))
        common = launch.split_cores(sweep, jobs or 1, cores(), say).common
        study = replace(study, common=common)
    try:
        with ticking() as tick:
            made = plan(study, tick)
    except KeyboardInterrupt:
        raise Interrupted("stopped before any run began") from None
    options = {"launcher": launcher, "jobs": jobs, "dry_run": dry_run}
    before = dry_run or launcher != "local"
    answer = launch.serve(made, **options, as_json=as_json and before, say=say)
    if before:
        return answer
    say(answer.text)
    return SweepResult(_page(study, study.folders, made.runs[0].key, shown), answer.failed)


def plan(study: StudyRequest, tick: ProgressCallback) -> Plan:
    """The runs of a study, so ordered that questions stay balanced wherever one stops.

    All runs of a seed come before the next seed; within one, the defaults, then the first other
    alternative of every question, then the second.

    Raises:
        RequestError: for an unknown name or value, or when nothing is left to run.
    """
    datasets.source(study.common.dataset)
    if study.common.protocol is not None:
        derive(named(study.common.protocol_name), list(study.common.changes))
    _refuse_own_options(study.common.changes)
    first, left_out = _first_runs(study, tick)
    runs = [run.at(run.spec.lq_ratio, seed) for seed in range(study.seeds) for run in first]
    if not runs:
        raise RequestError("nothing to run: " + "; ".join(left_out))
    return Plan(tuple(_as_made(run, study.folders) for run in runs), left_out)


def _first_runs(
    study: StudyRequest, tick: ProgressCallback
) -> tuple[list[PlannedRun], tuple[str, ...]]:
    """Seed 0 of every alternative, in order; and a sentence for each that is refused."""
    made: dict[str, PlannedRun] = {}
    left_out: dict[str, None] = {}
    for question, alternative in _in_turn(chosen(study.points, study.answers)):
        changes = (*study.common.changes, *([alternative.change] if alternative.change else []))
        request = replace(
            study.common,
            method=alternative.method,
            lq_ratio=question.ratio or study.common.lq_ratio,
            seed=0,
            changes=changes,
            study=STUDY,
        )
        try:
            run = run_of(prepare(request, tick))
        except RequestError as error:
            left_out[f"{question.id}, {alternative.name}: {error}"] = None
        else:
            made.setdefault(run.spec.id, run)
    return list(made.values()), tuple(left_out)


def _in_turn(questions: Sequence[OpenQuestion]) -> Iterator[tuple[OpenQuestion, Alternative]]:
    """The defaults of all questions, then their first alternatives, and so on."""
    for position in range(max(len(question.readings) for question in questions)):
        for question in questions:
            if position < len(question.readings):
                yield question, question.readings[position]


def _as_made(run: PlannedRun, folders: Sequence[Path]) -> PlannedRun:
    """The run where it is done already, by this study or by the main one; else as it is."""
    for folder in folders:
        for study in (STUDY, None):
            request = replace(run.request, study=study, results=folder)
            finished = replace(run, request=request, spec=replace(run.spec, study=study))
            if is_result(finished.folder):
                return finished
    return run


def _refuse_own_options(changes: Sequence[str]) -> None:
    method_groups = {group for method in METHODS.values() for group in method.groups}
    for change in changes:
        if change.partition(".")[0] in method_groups:
            raise RequestError(
                f"--set {change}: a study changes the options of one method by itself, one at a "
                "time; name the open questions with --points"
            )


def _page(study: StudyRequest, folders: Sequence[Path], key: str | None, shown: PageOptions) -> str:
    dataset = study.common.dataset
    lq_ratio = ratios.parse(study.common.lq_ratio, dataset)
    options = {"dataset": dataset, "lq_ratio": lq_ratio, "protocol": key}
    where = {"out": shown.out, "as_json": shown.as_json}
    page = sensitivity_page(folders, chosen(study.points, study.answers), **options, **where)
    for path in page.written:
        shown.say(f"wrote {path}")
    return page.text
