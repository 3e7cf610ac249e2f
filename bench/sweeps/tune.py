"""`bench tune`: each method's trials in the pool of a sweep, then the page with what they choose.

What is tried stands in `bench.protocol.tuning`. No test image decides anything: of a synthetic twin
a trial has few of them, and the page reads the validation split alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.data import datasets
from bench.data.cache import ProgressCallback
from bench.data.workers import cores
from bench.errors import Interrupted, RequestError
from bench.experiments import TABLE1
from bench.pipeline.progress import ticking
from bench.pipeline.resolve import Request, prepare
from bench.protocol import tuning
from bench.protocol.presets import derive, flatten, named
from bench.protocol.settings import Protocol
from bench.reporting.tuning.page import TuningPage, tuning_page
from bench.reporting.tuning.trials import diverged
from bench.roster import resolve
from bench.sweeps import launch
from bench.sweeps.launch import SweepResult
from bench.sweeps.plan import Plan, PlannedRun, SweepRequest, run_of

ROWS = tuple(row.method for row in TABLE1.rows if row.method not in tuning.INHERITS)
"""The methods that are tuned unless others are named."""


@dataclass(frozen=True)
class TuneRequest:
    """What is to be tuned.

    Attributes:
        common: What all trials share, data set included; method, ratio, seed, settings and study
            are not used.
        methods: Their names; () for the rows of Table 1.
    """

    common: Request = field(default_factory=lambda: Request("", "eyeq-twin"))
    methods: tuple[str, ...] = ()


def tune(
    request: TuneRequest,
    *,
    launcher: str = "local",
    jobs: int | None = None,
    dry_run: bool = False,
    only_page: bool = False,
    write: Path | None = None,
    as_json: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> SweepResult:
    """Run the trials that are missing, and say which value each method gets.

    Args:
        launcher: As of a sweep; with "slurm" and "print", and in a dry run, there is no page yet.
        only_page: From the trials that are there.
        write: File of tuned values to which the choices are added.
        say: Called with what a reader must know beside the answer.

    Raises:
        RequestError: for what cannot be served.
        NotComparable: if the trials of the folder must not be compared.
        Interrupted: asked to stop; the same command resumes.
    """
    if only_page:
        return _answer(_page(request, write, as_json), say)
    launch.require(launcher, dry_run=dry_run)
    if launcher == "local":
        sweep = SweepRequest(request.common, datasets=(request.common.dataset,))
        common = launch.split_cores(sweep, jobs or 1, cores(), say).common
        request = replace(request, common=common)
    try:
        with ticking() as tick:
            made = plan(request, tick)
    except KeyboardInterrupt:
        raise Interrupted("stopped before any trial began") from None
    before = dry_run or launcher != "local"
    options = {"launcher": launcher, "jobs": jobs, "dry_run": dry_run}
    todo = made if before else replace(made, runs=tuple(_undecided(made)))
    if before or todo.runs:
        answer = launch.serve(todo, **options, as_json=as_json and before, say=say)
        if before:
            return answer
        say(answer.text)
    return _answer(_page(request, write, as_json), say)


def plan(request: TuneRequest, tick: ProgressCallback) -> Plan:
    """All trials: each method's first before any method's second, the preset's own value first.

    Raises:
        RequestError: for an unknown name or value, or when nothing is left to run.
    """
    datasets.source(request.common.dataset)
    preset = derive(named(request.common.protocol_name), list(request.common.changes))
    shared = (*request.common.changes, *few_test_images(request.common, preset))
    wanted = {name: _declared(name) for name in request.methods or ROWS}
    _refuse_set_by_hand(request.common.changes, set(wanted.values()))
    order = sorted(tuning.FACTORS, key=lambda factor: factor != 1)
    first, left_out = {}, {}
    for method in wanted:
        trial = replace(
            request.common,
            method=method,
            lq_ratio="native",
            seed=tuning.SEED,
            settings="default",
            changes=shared,
            study=tuning.STUDY,
        )
        try:
            first[method] = run_of(prepare(trial, tick))
        except RequestError as error:
            left_out[f"{method}: {error}"] = None
    if not first:
        raise RequestError("nothing to tune: " + "; ".join(left_out))
    default = flatten(preset.model_dump())
    runs = (
        _at(run, wanted[method], tuning.value(default[wanted[method]], factor))
        for factor in order
        for method, run in first.items()
    )
    return Plan(tuple(runs), tuple(left_out))


def _at(run: PlannedRun, setting: str, value: float) -> PlannedRun:
    """The run with another value of the tuned setting, which no data set is read for."""
    group, _, field = setting.partition(".")
    protocol = run.spec.protocol
    spec = replace(run.spec, protocol={**protocol, group: {**protocol[group], field: value}})
    changes = (*run.request.changes, f"{setting}={value:g}")
    own_groups = resolve(run.request.method)[1].groups
    return replace(
        run,
        request=replace(run.request, changes=changes),
        spec=spec,
        key=spec.key((*own_groups, "detector")),
    )


def _declared(text: str) -> str:
    """The setting that is tuned for a method."""
    name, method = resolve(text)
    if name in tuning.INHERITS:
        other = tuning.INHERITS[name]
        raise RequestError(f"--methods {name}: it takes the values of {other}; tune {other}")
    return tuning.DECLARED[method.recipe][0]


def few_test_images(common: Request, preset: Protocol) -> tuple[str, ...]:
    """The change that gives a trial fewer test images; () where it would change other images too.

    The other photographs of a twin do not depend on how many are for testing, unless a limit is
    drawn from all. Radiographs do, since their patients are numbered together; and a set of files
    has those that it has.

    Args:
        common: What all trials share.
        preset: The preset with its changes.
    """
    by_hand = {change.partition("=")[0] for change in common.changes}
    data = preset.data
    if common.dataset != tuning.FEWER_TESTED or data.limit is not None:
        return ()
    if "data.twin_test" in by_hand or data.twin_test <= tuning.TEST_IMAGES:
        return ()
    return (f"data.twin_test={tuning.TEST_IMAGES}",)


def _refuse_set_by_hand(changes: tuple[str, ...], tuned: set[str]) -> None:
    for change in changes:
        if change.partition("=")[0] in tuned:
            raise RequestError(
                f"--set {change}: this is what is tuned, on a grid around the preset's value; "
                "leave it out"
            )


def _undecided(made: Plan) -> list[PlannedRun]:
    """All trials but those whose loss became infinite: with the same seed it would again."""
    return [run for run in made.runs if not diverged(run.folder)]


def _page(request: TuneRequest, write: Path | None, as_json: bool) -> TuningPage:
    common = request.common
    return tuning_page(
        common.results,
        dataset=common.dataset,
        protocol_name=request.common.protocol_name,
        write=write,
        as_json=as_json,
    )


def _answer(page: TuningPage, say: Callable[[str], None]) -> SweepResult:
    for path in page.written:
        say(f"wrote {path}")
    return SweepResult(page.text, failed=not page.complete)
