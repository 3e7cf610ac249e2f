"""One run, start to finish: read this first.

A request becomes a spec: all that can change the run's numbers. The hash of the spec names a
folder. A folder with a valid DONE is the answer, and re-running returns it. Else the run's method
is trained stage by stage, its last network predicts the validation and the test split, the
predictions are scored, and DONE is written last.

What the steps are made of: requests and identities are in `bench.pipeline.resolve`, a method's
stages in `bench.pipeline.recipes`, the training loop in `bench.training.loop`, scores in
`bench.evaluation.metrics`, the files of a folder in `bench.pipeline.record`.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from bench import store
from bench.data.leakage import images_of, leakage
from bench.errors import Interrupted, RequestError
from bench.evaluation import metrics, predict, registry, stored_runs
from bench.locking import Waiting, check, lock
from bench.pipeline import build, embeddings, probe, record, saliency
from bench.pipeline.context import RunContext
from bench.pipeline.gather import run_context
from bench.pipeline.resolve import Prepared, Request, prepare
from bench.reporting.run_summary import shared_sentences
from bench.training.callbacks import Callbacks, stopping
from bench.training.interrupt import PATIENCE_SECONDS, catching_signals
from bench.training.memory import explaining
from bench.training.precision import (
    check_precision,
    choose_device,
    set_numerics,
    tf32_for_predictions,
)
from bench.training.stages import Stage, StateDict
from bench.training.train import TrainingContext, make, outcome, seconds_to_train, train


def execute(request: Request, callbacks: Callbacks) -> dict[str, Any]:
    """The record of the requested run: read back if it is done, else made.

    One process at a time works on a run; a second one waits and returns the first one's record.

    Raises:
        RequestError: exit 2, the request is wrong or cannot be served here.
        Interrupted: exit 4, it was asked to stop, or (LostLock) was suspended and another process
            took over; the same command resumes.
        BenchError: exit 1, it failed; the reason is in `failure.json` of its folder.
    """
    device = choose_device(request.device)
    with catching_signals(PATIENCE_SECONDS) as interrupted:
        callbacks = stopping(callbacks, interrupted)
        prepared = prepare(request, callbacks.tick)
        check_precision(prepared.protocol.engine.precision, device)
        _refuse_blocked(prepared)
        while not stored_runs.is_result(prepared.folder):
            with lock(prepared.folder) as held:
                if held and not stored_runs.is_result(prepared.folder):
                    for sentence in record.cleared(prepared.folder):
                        callbacks.say(sentence)
                    _run_or_explain(prepared, device, callbacks, held.stopping(interrupted))
                    break
            _wait(prepared, callbacks, interrupted)
    return stored_runs.record(prepared.folder)


def _refuse_blocked(prepared: Prepared) -> None:
    """Refuse a run whose folder cannot be made, since a file has its name."""
    if blocking := store.blocked_by(prepared.folder):
        raise RequestError(
            f"{blocking} is a file, and a folder of runs belongs there; move it away, or name "
            "another folder with --results"
        )


def _run_or_explain(
    prepared: Prepared, device: torch.device, callbacks: Callbacks, interrupted: Callable[[], bool]
) -> None:
    """Run, and leave the reason in the folder if it fails."""
    failure = prepared.folder / "failure.json"
    try:
        _run(prepared, device, callbacks, interrupted)
    except Interrupted:
        raise
    except RequestError:
        check(prepared.folder)
        (prepared.folder / "spec.json").unlink(missing_ok=True)  # it never began
        raise
    except Exception as error:
        store.write_json(failure, {"why": f"{type(error).__name__}: {error}"})
        raise
    failure.unlink(missing_ok=True)


def _run(
    prepared: Prepared, device: torch.device, callbacks: Callbacks, interrupted: Callable[[], bool]
) -> None:
    """The run itself: gather, train stage by stage, predict, record, tidy up."""
    set_numerics(threads=prepared.protocol.engine.threads)
    context = run_context(prepared, device, callbacks, interrupted)
    stages = build.stages(context)
    record.write_spec(prepared, context)
    training = _training_context(prepared, context, callbacks, interrupted)
    leaks = _leaks(prepared, context, stages)
    for sentence in shared_sentences(leaks["shared"]) if prepared.dataset.real else ():
        training.say(f"warning: {sentence}")
    _log_boxes(context, training)
    if prepared.protocol_name == "paper" and device.type == "cpu":
        _say_estimate(stages, training)

    *shared, last = stages
    state: StateDict | None = None
    origins = dict(context.origins)
    for stage in shared:
        found = outcome(stage, state, _stage_folder(prepared, stage, device), training)
        state, origins[stage.name] = found.state, found.origin
    embedded, probed = _of_encoder(stages, state, context, training)
    network = train(last, state, prepared.folder, training)

    predictions = pd.concat(
        [_predict(network, context, split) for split in ("validation", "test")], ignore_index=True
    )
    record.keep_weights(network, prepared.folder)
    record.write_results(
        prepared,
        predictions,
        artefacts={
            "saliency.npz": saliency.explain(network, context),
            "embeddings.npz": embedded,
        },
        leaks=leaks,
        shared=origins,
        probed=probed,
        device=device,
        log=training.log,
    )
    _remove_intermediate(prepared, shared, device)


def _training_context(
    prepared: Prepared,
    context: RunContext,
    callbacks: Callbacks,
    interrupted: Callable[[], bool],
) -> TrainingContext:
    """What all stages train with; the validation split selects an epoch by the primary metric."""
    task = prepared.dataset.task

    def validate(network: nn.Module) -> dict[str, float]:
        predictions = _predict(network, context, "validation")
        scores = metrics.score(predictions, kind=task.kind, classes=task.classes)
        return {"score": scores[registry.primary(task.kind).name]}

    return TrainingContext(
        device=context.device,
        engine=prepared.protocol.engine,
        log=store.EventLog(prepared.folder / "events.jsonl"),
        purpose=(prepared.request.seed, prepared.name),
        fingerprint=prepared.spec.id,
        validate=validate,
        step=callbacks.step,
        say=callbacks.say,
        interrupted=interrupted,
    )


def _predict(network: nn.Module, context: RunContext, split: str) -> pd.DataFrame:
    """One row per image of a split: identity, labels, probabilities."""
    dataset, indices = context.dataset, context.dataset.where(split)
    pixels, precision = build.pixels(context), context.protocol.engine.precision
    way_out = "end what else uses it, then run the same command again"
    with (
        explaining(f"scoring the {split} split on {context.device.type}", way_out),
        tf32_for_predictions(precision, context.device),
    ):
        probabilities = predict.probabilities(
            network,
            pixels,
            indices,
            dataset.task,
            build.prepare(context),
            batch=predict.batch_for(context.device, pixels.clean.shape[1]),
        )
    return predict.table(dataset, indices, probabilities, context.degraded)


def _of_encoder(
    stages: tuple[Stage, ...],
    state: StateDict | None,
    context: RunContext,
    training: TrainingContext,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Features of patches by the pretrained encoder, and its probe; empty where none is."""
    if not embeddings.pretrained(stages):
        return {}, {}
    beginner: Any = make(stages[0], None, training)
    untrained = make(stages[-1], beginner.encoder_state(), training)
    trained = make(stages[-1], state, training)
    return embeddings.embed(trained, context), probe.compare(trained, untrained, context)


def _leaks(prepared: Prepared, context: RunContext, stages: tuple[Stage, ...]) -> dict[str, Any]:
    """What the splits have in common, and whether a stage could draw test images."""
    drawn_by = {stage.name: images_of(stage.batches) for stage in stages}
    return leakage(context.dataset, prepared.digests, context.images, drawn_by)


def _stage_folder(prepared: Prepared, stage: Stage, device: torch.device) -> Path:
    """Where a stage's outcome lies: named by all that can change it, the kind of device included.

    A stage that runs with other fine-tuning may share is named without what comes after it.
    """
    spec = asdict(prepared.spec)
    if stage.shared_as is not None:
        spec["protocol"] = {k: v for k, v in spec["protocol"].items() if k != "finetuning"}
        del spec["study"]
    named = [stage.shared_as or stage.name, spec, device.type]
    return prepared.cache / "stages" / store.digest(named)[:16]


def _remove_intermediate(prepared: Prepared, stages: list[Stage], device: torch.device) -> None:
    """Drop the checkpoint, and outcomes of stages that no other run can use."""
    (prepared.folder / "checkpoint.pt").unlink(missing_ok=True)
    for stage in stages:
        if stage.shared_as is None:
            shutil.rmtree(_stage_folder(prepared, stage, device))


def _log_boxes(context: RunContext, training: TrainingContext) -> None:
    """Log how lesion boxes were located, where a detector or a file did it."""
    if context.located:
        training.log.forget("boxes")
        training.log.append({"stage": "boxes", **context.located})


def _say_estimate(stages: tuple[Stage, ...], training: TrainingContext) -> None:
    """Say how long a run of the paper's protocol takes on this CPU, before it starts."""
    hours = sum(seconds_to_train(stage, training) for stage in stages) / 3600
    training.say(
        f"the paper's protocol on this CPU: about {hours:,.0f} hours of training "
        "(--protocol laptop takes a minute on a synthetic twin)"
    )


def _wait(prepared: Prepared, callbacks: Callbacks, interrupted: Callable[[], bool]) -> None:
    """Wait until the process that holds the run's lock is done or gone."""
    waiting = Waiting(prepared.folder, "this run", callbacks.say)
    while waiting.pause():
        if interrupted():
            raise Interrupted("stopped while waiting for another process; nothing is lost")
