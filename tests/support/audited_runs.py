"""The committed runs as the audit reads them, and one of them changed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from paths import FIRST

from bench.reporting.audit.audit import equalities
from bench.reporting.audit.runs import AuditedRun, TrainedStage, read_runs

SPLIT = {"patients": 0, "same_file": 0, "same_picture": 0}


@cache
def committed() -> tuple[AuditedRun, ...]:
    """Three runs each of resnet50 and comcl at the native ratio, of one commit, nothing leaked."""
    kept = [r for r in read_runs(FIRST) if r.spec["lq_ratio"] == "native"]
    kept = [run for run in kept if run.method in ("resnet50", "comcl")]
    kept.sort(key=lambda run: run.name)
    return tuple(
        with_origin(run, commit="a" * 40, leakage=clean(run), shared=as_itself(run)) for run in kept
    )


def as_itself(run: AuditedRun) -> dict[str, Any]:
    """The `shared` entry of a run that trained what it shares on its own machine."""
    return {s.name: dict(run.origin) for s in run.stages if s.contrastive}


def clean(run: AuditedRun) -> dict[str, Any]:
    """The `leakage` entry of a run that nothing leaks into."""
    stage = {"images": 1125, "in_test": 0, "of_test_patients": 0, "like_test": 0}
    pairs = ("train+validation", "train+test", "validation+test")
    return {
        "images": {"train": 1125, "validation": 129, "test": 1625},
        "shared": {pair: dict(SPLIT) for pair in pairs},
        "not_compared": 0,
        "stages": {each.name: dict(stage) for each in run.stages},
    }


def with_one(
    method: str,
    change: Callable[[AuditedRun], AuditedRun],
    runs: Sequence[AuditedRun] | None = None,
) -> list[AuditedRun]:
    """The runs, seed 1 of a method changed."""
    runs = committed() if runs is None else runs
    asked = [run.method == method and run.spec["seed"] == 1 for run in runs]
    assert sum(asked) == 1
    return [change(run) if yes else run for run, yes in zip(runs, asked, strict=True)]


def with_origin(run: AuditedRun, **changes: Any) -> AuditedRun:
    """Another provenance."""
    return replace(run, origin=run.origin | changes)


def with_about(run: AuditedRun, **changes: Any) -> AuditedRun:
    """Other things that pages say of it."""
    return replace(run, about=run.about | changes)


def with_spec(run: AuditedRun, **changes: Any) -> AuditedRun:
    """Another identity."""
    return replace(run, spec=run.spec | changes)


def with_setting(run: AuditedRun, group: str, **fields: Any) -> AuditedRun:
    """Another protocol."""
    protocol = run.spec["protocol"]
    return with_spec(run, protocol=protocol | {group: protocol[group] | fields})


def with_answers(run: AuditedRun, **changes: Any) -> AuditedRun:
    """Other predictions."""
    return replace(run, predictions=replace(run.predictions, **changes))


def with_stage(
    run: AuditedRun, name: str, change: Callable[[TrainedStage], TrainedStage]
) -> AuditedRun:
    """A stage that went otherwise."""
    stages = tuple(change(stage) if stage.name == name else stage for stage in run.stages)
    assert stages != run.stages
    return replace(run, stages=stages)


def verdicts(runs, studies=()):
    return {row.id: row.verdict for row in equalities(runs, studies)}


def row(runs, name, studies=()):
    return next(row for row in equalities(runs, studies) if row.id == name)


def more(what, by=1):
    return lambda stage: replace(stage, **{what: getattr(stage, what) + by})


def failing(runs, studies=()):
    return {row: v for row, v in verdicts(runs, studies).items() if v == "FAIL"}.keys()
