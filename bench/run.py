"""One run, start to finish: read this first.

A run is a loop over stages, then predict, score, record. What was asked for becomes a Spec; its
hash names the folder; a folder with a valid DONE is the answer, and asking again finds it.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import nn

from bench import provenance, store
from bench.data.cache import Tick
from bench.data.leakage import images_of, leakage
from bench.data.pixels import open_images
from bench.errors import Interrupted, RequestError
from bench.evaluation import metrics, predict, registry
from bench.lesions import boxes, lesion_masks
from bench.lesions.lesion_masks import Masked
from bench.locking import lock, owner_of
from bench.pipeline import build, embeddings, saliency
from bench.pipeline.context import RunContext
from bench.pipeline.description import about, command
from bench.pipeline.resolve import Prepared, Request, prepare
from bench.training.callbacks import Callbacks
from bench.training.interrupt import catching_signals
from bench.training.loop import StepReport
from bench.training.precision import check_precision, choose_device, set_numerics
from bench.training.stages import Stage, State
from bench.training.train import TrainingContext, make, outcome, seconds_to_train, train


def execute(request: Request, callbacks: Callbacks) -> dict[str, Any]:
    """The record of a run: found, or made.

    Raises:
        RequestError: exit 2, the request is wrong or cannot be served here.
        Interrupted: exit 4, it was asked to stop; the same command resumes.
        BenchError: exit 1, it failed; the reason is in `failure.json` of its folder.
    """
    device = choose_device(request.device)
    with catching_signals() as interrupted:
        prepared = prepare(request, callbacks.tick)
        check_precision(prepared.protocol.engine.precision, device)
        while not store.is_done(prepared.folder):
            with lock(prepared.folder) as acquired:
                if acquired and not store.is_done(prepared.folder):
                    _carry_out(prepared, device, callbacks, interrupted)
                    break
            _wait(prepared, callbacks, interrupted)
    return store.record(prepared.folder)


def _carry_out(
    prepared: Prepared, device: torch.device, callbacks: Callbacks, interrupted: Callable[[], bool]
) -> None:
    """Run, and leave the reason behind if it fails."""
    failure = prepared.folder / "failure.json"
    try:
        _run(prepared, device, callbacks, interrupted)
    except Interrupted:
        raise
    except RequestError:
        (prepared.folder / "spec.json").unlink(missing_ok=True)  # never begun
        raise
    except Exception as error:
        store.write_json(failure, {"why": f"{type(error).__name__}: {error}"})
        raise
    failure.unlink(missing_ok=True)


def _run(
    prepared: Prepared, device: torch.device, callbacks: Callbacks, interrupted: Callable[[], bool]
) -> None:
    set_numerics(threads=prepared.protocol.engine.threads)
    context = run_context(
        prepared,
        device,
        callbacks.tick,
        step=callbacks.step,
        say=callbacks.say,
        interrupted=interrupted,
    )
    stages = build.stages(context)
    store.write_json(prepared.folder / "spec.json", _described(prepared, context))
    training = _surroundings(prepared, context, device, callbacks, interrupted)
    if context.located:
        training.log.forget("boxes")
        training.log.append({"stage": "boxes", **context.located})
    if prepared.protocol_name == "paper" and device.type == "cpu":
        _say_estimate(stages, training, callbacks)

    state: State | None = None
    for stage in stages[:-1]:
        state = outcome(stage, state, _stage_folder(prepared, stage), training)
    embedded = _embedded(stages, state, context, training)
    network = train(stages[-1], state, prepared.folder, training)

    predictions = pd.concat(
        [_predict(network, context, split) for split in ("validation", "test")], ignore_index=True
    )
    _keep_weights(network, prepared.folder)
    artefacts = {"saliency.npz": saliency.explain(network, context), "embeddings.npz": embedded}
    leaks = leakage(
        context.dataset,
        prepared.digests,
        context.images,
        {stage.name: images_of(stage.batches) for stage in stages},
    )
    _record(prepared, predictions, artefacts, leaks, training)
    (prepared.folder / "checkpoint.pt").unlink(missing_ok=True)
    for stage in stages[:-1]:
        if stage.shared_as is None:  # no other run will ask for it
            shutil.rmtree(_stage_folder(prepared, stage))


def run_context(
    prepared: Prepared,
    device: torch.device,
    tick: Tick,
    *,
    step: Callable[[StepReport], Any] = lambda _: None,
    say: Callable[[str], Any] = lambda _: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> RunContext:
    """What the run's method is built from: images decoded, degraded and cached, lesions located.

    Args:
        tick: What is being done, how many are done, of how many.
        step: Told after each training step of a lesion detector.
        say: Told a sentence.
        interrupted: Whether to stop.
    """
    images = open_images(
        prepared.dataset,
        prepared.digests,
        prepared.degraded,
        prepared.protocol,
        folder=prepared.cache,
        tick=tick,
    )
    images, located = boxes.locate(
        prepared.box_source,
        images,
        prepared.dataset,
        prepared.digests,
        prepared.protocol,
        boxes.DetectorContext(prepared.cache, device, Callbacks(tick, step, say), interrupted),
    )
    return RunContext(
        name=prepared.name,
        method=prepared.method,
        protocol=prepared.protocol,
        dataset=prepared.dataset,
        images=images,
        degraded=prepared.degraded,
        boxes=prepared.boxes,
        weights=prepared.weights,
        seed=prepared.request.seed,
        device=device,
        masked=_masked(prepared, tick),
        located=located,
    )


def _masked(prepared: Prepared, tick: Tick) -> Masked | None:
    """Photographs with lesion masks at the classifier's size, where the method needs them."""
    if prepared.masked is None:
        return None
    lesions, size_px = prepared.masked, prepared.protocol.data.image_px
    return lesion_masks.read(lesions.images(tick), size_px, lesions.name)


def _surroundings(
    prepared: Prepared,
    context: RunContext,
    device: torch.device,
    callbacks: Callbacks,
    interrupted: Callable[[], bool],
) -> TrainingContext:
    task = prepared.dataset.task

    def validate(network: nn.Module) -> dict[str, float]:
        rows = _predict(network, context, "validation")
        scores = metrics.score(rows, kind=task.kind, classes=task.classes)
        return {"score": scores[registry.primary(task.kind).name]}

    return TrainingContext(
        device=device,
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
    dataset, indices = context.dataset, context.dataset.where(split)
    probability = predict.probabilities(
        network, build.pixels(context), indices, dataset.task, build.prepare(context)
    )
    return predict.table(dataset, indices, probability, context.degraded)


def _embedded(
    stages: tuple[Stage, ...], state: State | None, context: RunContext, training: TrainingContext
) -> dict[str, np.ndarray]:
    """What a pretrained encoder makes of patches; nothing where no stage pretrains one."""
    if not embeddings.pretrained(stages):
        return {}
    return embeddings.embed(make(stages[-1], state, training), context)


def _record(
    prepared: Prepared,
    predictions: pd.DataFrame,
    artefacts: dict[str, dict[str, np.ndarray]],
    leaks: dict[str, Any],
    training: TrainingContext,
) -> None:
    """Write predictions, maps, embeddings, scores and origin, then DONE.

    Args:
        artefacts: File name -> named arrays; no file where there are none.
        leaks: What the splits share.
    """
    folder, task = prepared.folder, prepared.dataset.task
    store.write_predictions(folder / "predictions.parquet", predictions)
    stored = pd.read_parquet(folder / "predictions.parquet")
    scores = metrics.score_all(stored, kind=task.kind, classes=task.classes)
    for name, arrays in artefacts.items():
        if arrays:
            store.write_arrays(folder / name, arrays)
    if explained := artefacts["saliency.npz"]:
        scores["test"] |= saliency.pointing_scores(explained)
    store.write_json(folder / "metrics.json", scores)
    seconds = sum(event["seconds"] for event in training.log.read())
    name = torch.cuda.get_device_name() if training.device.type == "cuda" else provenance.cpu_name()
    origin = provenance.collect(
        device=training.device.type,
        device_name=name,
        seconds=seconds,
        command=command(prepared),
    )
    store.write_json(folder / "provenance.json", {**origin, "leakage": leaks})
    store.finish(folder)


def _keep_weights(network: nn.Module, folder: Path) -> None:
    """The weights that were scored; not part of the record, whoever lacks space may delete them."""
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    store.write_bytes(folder / "checkpoint.safetensors", safetensors.torch.save(state))


def _described(prepared: Prepared, context: RunContext) -> dict[str, Any]:
    spec = asdict(prepared.spec)
    located = {k: v for k, v in context.located.items() if not k.endswith("seconds")}
    return {
        "id": prepared.spec.id,
        "key": prepared.key,
        "spec": spec,
        "about": about(prepared, build.notes(context)) | {"located": located},
    }


def _stage_folder(prepared: Prepared, stage: Stage) -> Path:
    """Where a stage's outcome lies: named by all that can change it.

    A stage that runs with another fine-tuning can share leaves out what comes later.
    """
    spec = asdict(prepared.spec)
    if stage.shared_as is not None:
        spec["protocol"] = {k: v for k, v in spec["protocol"].items() if k != "finetuning"}
        del spec["study"]
    return prepared.cache / "stages" / store.digest([stage.shared_as or stage.name, spec])[:16]


def _say_estimate(
    stages: tuple[Stage, ...], training: TrainingContext, callbacks: Callbacks
) -> None:
    """Time estimate of a paper-protocol run on a CPU, before it starts."""
    hours = sum(seconds_to_train(stage, training) for stage in stages) / 3600
    callbacks.say(
        f"the paper's protocol on this CPU: about {hours:,.0f} hours of training "
        "(--protocol laptop takes a minute on a twin)"
    )


def _wait(prepared: Prepared, callbacks: Callbacks, interrupted: Callable[[], bool]) -> None:
    """Until whoever holds the run is done or gone."""
    owner = owner_of(prepared.folder)
    if owner is not None:
        callbacks.say(f"process {owner['pid']} on {owner['host']} is on this run; waiting for it")
    while owner_of(prepared.folder) is not None:
        time.sleep(0.5)
        if interrupted():
            raise Interrupted("stopped while waiting for another process; nothing is lost")
