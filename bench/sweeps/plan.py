"""What a sweep needs: which runs, in which order, how far each is, and what is left out and why.

No process is started and torch is not imported. A data set is read once per method and ratio,
not once per run: a seed changes nothing but itself, and methods and ratios do not interact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench import experiments, store
from bench.data import datasets
from bench.data import lq_ratio as ratios
from bench.data.cache import ProgressCallback
from bench.errors import RequestError
from bench.evaluation.stored_runs import is_result
from bench.experiments import SEEDS, Experiment, RequiredRun
from bench.pipeline.description import changed_options
from bench.pipeline.resolve import Prepared, Request, prepare
from bench.protocol.presets import derive, named
from bench.reporting.results.records import states
from bench.roster import METHODS, resolve


@dataclass(frozen=True)
class SweepRequest:
    """What is to be run, as typed; what is empty or None is taken from the tables.

    Attributes:
        common: What all runs share; its method, data set, ratio and seed are not used.
        table: "1", "2", "3" or "all".
        seeds: Their number.
    """

    common: Request = field(default_factory=lambda: Request("", ""))
    table: str = "1"
    datasets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    ratios: tuple[str, ...] = ()
    seeds: int = SEEDS


@dataclass(frozen=True)
class PlannedRun:
    """One run that is needed.

    Attributes:
        request: As typed, with its preset named.
        spec: Its identity.
        key: Its comparability key.
        name: Of its method, as records have it: with the options that differ from their defaults.
        boxes: Where its lesion boxes come from.
    """

    request: Request
    spec: store.Spec
    key: str
    name: str
    boxes: str

    @property
    def folder(self) -> Path:
        """Where it lies, or will."""
        return store.folder_of(self.request.results, self.spec)

    def at(self, lq_ratio: str, seed: int) -> "PlannedRun":
        """The run of the same method on the same data at another ratio and seed."""
        where: dict[str, Any] = {"lq_ratio": lq_ratio, "seed": seed}
        return replace(
            self, request=replace(self.request, **where), spec=replace(self.spec, **where)
        )

    @property
    def title(self) -> str:
        """Method, data set, ratio and seed in a few words."""
        spec = self.spec
        return f"{self.name} {spec.dataset} {spec.lq_ratio} seed {spec.seed}"


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep in order, and a sentence for whatever is left out."""

    runs: tuple[PlannedRun, ...]
    left_out: tuple[str, ...]

    def states(self) -> list[dict[str, Any]]:
        """One row per run: done, running, failed, interrupted or missing, as `status_page` has it.

        Methods are named with the options that differ from their defaults.
        """
        results = {run.request.results for run in self.runs}
        by_id = {row["id"]: row for root in results for row in states(root)}
        rows = [(run, by_id.get(run.spec.id, _missing(run))) for run in self.runs]
        return [{**row, "method": run.name} for run, row in rows]


def plan(sweep: SweepRequest, tick: ProgressCallback) -> Plan:
    """Everything that a sweep would run.

    Raises:
        RequestError: for an unknown name or value, or when nothing is left to run.
    """
    tables = experiments.chosen(sweep.table)
    names = sweep.datasets or experiments.data_sets(tables)
    _refuse_unclear(sweep, names)
    methods, unknown = _methods(sweep, tables)
    order = list(
        experiments.balanced(tables, names, seeds=sweep.seeds, ratios=sweep.ratios, methods=methods)
    )
    runs: dict[RequiredRun, PlannedRun] = {}
    left_out: list[str] = []
    for dataset in names:
        cells = [cell for cell in order if cell.dataset == dataset]
        of_dataset, reasons = _of_dataset(sweep, dataset, cells, tick)
        runs |= of_dataset
        left_out += reasons
    left_out += unknown
    # Two names of one ratio are one run.
    kept = {runs[cell].spec.id: runs[cell] for cell in order if cell in runs}
    if not kept:
        raise RequestError("nothing to run: " + "; ".join(left_out))
    return Plan(tuple(kept.values()), tuple(left_out))


def words(request: Request) -> list[str]:
    """The arguments of `bench` that request a run."""
    arguments = ["run", "--method", request.method, "--dataset", request.dataset]
    arguments += ["--lq-ratio", request.lq_ratio, "--seed", str(request.seed)]
    named_values = {
        "--protocol": request.protocol,
        "--study": request.study,
        "--data": request.data,
        "--results": request.results,
        "--cache": request.cache,
    }
    arguments += [w for name, value in named_values.items() if value for w in (name, str(value))]
    arguments += ["--settings", request.settings] if request.settings != "common" else []
    arguments += ["--device", request.device] if request.device != "auto" else []
    arguments += [word for change in request.changes for word in ("--set", change)]
    return arguments + (["--partial"] if request.partial else [])


def _refuse_unclear(sweep: SweepRequest, names: Sequence[str]) -> None:
    """Refuse names and values that no data set could serve, and one folder for two data sets."""
    if sweep.common.data is not None and len(names) > 1:
        raise RequestError(
            f"--data {sweep.common.data} is one folder and there are {len(names)} data sets; name "
            "one with --dataset, or set $BENCH_DATA to the folder that holds them all"
        )
    for dataset in sweep.datasets:
        datasets.source(dataset)
        for text in sweep.ratios:
            ratios.parse(text, dataset, what="--ratios")
    if sweep.common.protocol is not None:
        derive(named(sweep.common.protocol), list(sweep.common.changes))


def _methods(sweep: SweepRequest, tables: Sequence[Experiment]) -> tuple[list[str], list[str]]:
    """The methods that were typed, or [] for the tables' own; and those not in the roster yet."""
    if sweep.methods:
        by_name = {resolve(text)[0]: text for text in sweep.methods}
        return list(by_name.values()), []
    rows = dict.fromkeys(row.method for table in tables for row in table.rows)
    unknown = [name for name in rows if name not in METHODS]
    return [], [f"{', '.join(unknown)}: not in this version's roster"] if unknown else []


def _of_dataset(
    sweep: SweepRequest, dataset: str, cells: Sequence[RequiredRun], tick: ProgressCallback
) -> tuple[dict[RequiredRun, PlannedRun], list[str]]:
    """The runs of one data set by cell, and what is left out of it."""
    if dataset not in datasets.SOURCES:
        return {}, [f"{dataset}: not among this version's data sets"]
    if not cells:
        return {}, [f"{dataset}: in no column of Table {sweep.table}"]
    names = dict.fromkeys(c.method for c in cells if sweep.methods or c.method in METHODS)
    methods, refused = _first_runs(sweep, dataset, tick, [(name, "native") for name in names])
    if not methods:
        return {}, _reasons(dataset, refused, whole=True)
    first_method = next(iter(methods))[0]
    ratio_texts = dict.fromkeys(c.lq_ratio for c in cells)
    by_ratio, too_low = _first_runs(
        sweep, dataset, tick, [(first_method, text) for text in ratio_texts]
    )
    by_method = {name: run for (name, _), run in methods.items()}
    canonical = {text: run.spec.lq_ratio for (_, text), run in by_ratio.items()}
    runs = {
        cell: by_method[cell.method].at(canonical[cell.lq_ratio], cell.seed)
        for cell in cells
        if cell.method in by_method and cell.lq_ratio in canonical
    }
    reasons = [f"{dataset} {text}: {why}" for (_, text), why in too_low.items()]
    return runs, [*_reasons(dataset, refused), *reasons]


def _first_runs(
    sweep: SweepRequest, dataset: str, tick: ProgressCallback, pairs: Sequence[tuple[str, str]]
) -> tuple[dict[tuple[str, str], PlannedRun], dict[tuple[str, str], str]]:
    """Seed 0 of pairs of method and ratio, and why others are refused."""
    runs, refused = {}, {}
    for method, ratio in pairs:
        request = replace(sweep.common, method=method, dataset=dataset, lq_ratio=ratio, seed=0)
        try:
            runs[method, ratio] = run_of(prepare(request, tick))
        except RequestError as error:
            refused[method, ratio] = str(error)
    return runs, refused


def _reasons(
    dataset: str, refused: dict[tuple[str, str], str], *, whole: bool = False
) -> list[str]:
    """One sentence per reason, with the methods that it keeps out unless it keeps out all."""
    methods: dict[str, list[str]] = {}
    for (method, _), why in refused.items():
        methods.setdefault(why, []).append(method)
    if whole and len(methods) == 1:
        return [f"{dataset}: {why}" for why in methods]
    return [f"{dataset}, {', '.join(names)}: {why}" for why, names in methods.items()]


def run_of(prepared: Prepared) -> PlannedRun:
    """What is kept of a prepared run: all but its data."""
    name = prepared.name + changed_options(prepared)
    request = replace(prepared.request, protocol=prepared.protocol_name)
    return PlannedRun(request, prepared.spec, prepared.key, name, prepared.boxes)


def _missing(run: PlannedRun) -> dict[str, Any]:
    spec = run.spec
    row = {name: getattr(spec, name) for name in ("dataset", "method", "lq_ratio", "seed", "id")}
    return {**row, "state": "missing", "why": "", "age_seconds": None}


def undone(runs: Sequence[PlannedRun]) -> Iterator[PlannedRun]:
    """Those that have no result yet."""
    return (run for run in runs if not is_result(run.folder))
