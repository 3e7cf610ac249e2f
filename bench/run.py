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
from bench.evaluation import metrics, predict
from bench.lesions import boxes, lesion_masks
from bench.lesions.lesion_masks import Masked
from bench.locking import claimed, holder
from bench.pipeline import build, embeddings, saliency
from bench.pipeline.context import Materials
from bench.pipeline.description import about, command
from bench.pipeline.resolve import Prepared, Request, prepare
from bench.training.callbacks import Watch
from bench.training.interrupt import catching_signals
from bench.training.loop import StepReport
from bench.training.precision import check_precision, choose_device, set_numerics
from bench.training.stages import Stage, State
from bench.training.train import Surroundings, make, outcome, seconds_to_train, train


def execute(request: Request, watch: Watch) -> dict[str, Any]:
    """The record of a run: found, or made.

    Raises:
        RequestError: exit 2, the request is wrong or cannot be served here.
        Interrupted: exit 4, it was asked to stop; the same command resumes.
        BenchError: exit 1, it failed; the reason is in `failure.json` of its folder.
    """
    device = choose_device(request.device)
    with catching_signals() as interrupted:
        prepared = prepare(request, watch.tick)
        check_precision(prepared.protocol.engine.precision, device)
        while not store.is_done(prepared.folder):
            with claimed(prepared.folder) as mine:
                if mine and not store.is_done(prepared.folder):
                    _carry_out(prepared, device, watch, interrupted)
                    break
            _wait(prepared, watch, interrupted)
    return store.record(prepared.folder)


def _carry_out(
    prepared: Prepared, device: torch.device, watch: Watch, interrupted: Callable[[], bool]
) -> None:
    """Run, and leave the reason behind if it fails."""
    failure = prepared.folder / "failure.json"
    try:
        _run(prepared, device, watch, interrupted)
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
    prepared: Prepared, device: torch.device, watch: Watch, interrupted: Callable[[], bool]
) -> None:
    set_numerics(threads=prepared.protocol.engine.threads)
    given = materials(
        prepared, device, watch.tick, step=watch.step, say=watch.say, interrupted=interrupted
    )
    stages = build.stages(given)
    store.write_json(prepared.folder / "spec.json", _described(prepared, given))
    around = _surroundings(prepared, given, device, watch, interrupted)
    if given.located:
        around.log.forget("boxes")
        around.log.append({"stage": "boxes", **given.located})
    if prepared.protocol_name == "paper" and device.type == "cpu":
        _say_estimate(stages, around, watch)

    state: State | None = None
    for stage in stages[:-1]:
        state = outcome(stage, state, _stage_folder(prepared, stage), around)
    embedded = _embedded(stages, state, given, around)
    network = train(stages[-1], state, prepared.folder, around)

    predictions = pd.concat(
        [_predict(network, given, split) for split in ("validation", "test")], ignore_index=True
    )
    _keep_weights(network, prepared.folder)
    artefacts = {"saliency.npz": saliency.explain(network, given), "embeddings.npz": embedded}
    leaked = leakage(
        given.dataset,
        prepared.digests,
        given.images,
        {stage.name: images_of(stage.batches) for stage in stages},
    )
    _record(prepared, predictions, artefacts, leaked, around)
    (prepared.folder / "checkpoint.pt").unlink(missing_ok=True)
    for stage in stages[:-1]:
        if stage.shared_as is None:  # no other run will ask for it
            shutil.rmtree(_stage_folder(prepared, stage))


def materials(
    prepared: Prepared,
    device: torch.device,
    tick: Tick,
    *,
    step: Callable[[StepReport], Any] = lambda _: None,
    say: Callable[[str], Any] = lambda _: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Materials:
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
        boxes.Around(prepared.cache, device, Watch(tick, step, say), interrupted),
    )
    return Materials(
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
    return lesion_masks.read(prepared.masked.images(tick), prepared.protocol.data.image_px)


def _surroundings(
    prepared: Prepared,
    given: Materials,
    device: torch.device,
    watch: Watch,
    interrupted: Callable[[], bool],
) -> Surroundings:
    task = prepared.dataset.task

    def validate(network: nn.Module) -> dict[str, float]:
        rows = _predict(network, given, "validation")
        scores = metrics.score(rows, kind=task.kind, classes=task.classes)
        return {"score": scores[task.primary_metric]}

    return Surroundings(
        device=device,
        engine=prepared.protocol.engine,
        log=store.EventLog(prepared.folder / "events.jsonl"),
        purpose=(prepared.request.seed, prepared.name),
        fingerprint=prepared.spec.id,
        validate=validate,
        step=watch.step,
        say=watch.say,
        interrupted=interrupted,
    )


def _predict(network: nn.Module, given: Materials, split: str) -> pd.DataFrame:
    dataset, indices = given.dataset, given.dataset.where(split)
    probability = predict.probabilities(
        network, build.pixels(given), indices, dataset.task, build.prepare(given)
    )
    return predict.table(dataset, indices, probability, given.degraded)


def _embedded(
    stages: tuple[Stage, ...], state: State | None, given: Materials, around: Surroundings
) -> dict[str, np.ndarray]:
    """What a pretrained encoder makes of patches; nothing where no stage pretrains one."""
    if not embeddings.pretrained(stages):
        return {}
    return embeddings.embed(make(stages[-1], state, around), given)


def _record(
    prepared: Prepared,
    predictions: pd.DataFrame,
    artefacts: dict[str, dict[str, np.ndarray]],
    leaked: dict[str, Any],
    around: Surroundings,
) -> None:
    """Write predictions, maps, embeddings, scores and origin, then DONE.

    Args:
        artefacts: File name -> named arrays; no file where there are none.
        leaked: What the splits share.
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
    seconds = sum(event["seconds"] for event in around.log.read())
    name = torch.cuda.get_device_name() if around.device.type == "cuda" else provenance.cpu_name()
    origin = provenance.collect(
        device=around.device.type,
        device_name=name,
        seconds=seconds,
        command=command(prepared),
    )
    store.write_json(folder / "provenance.json", {**origin, "leakage": leaked})
    store.finish(folder)


def _keep_weights(network: nn.Module, folder: Path) -> None:
    """The weights that were scored; not part of the record, whoever lacks space may delete them."""
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    store.write_bytes(folder / "checkpoint.safetensors", safetensors.torch.save(state))


def _described(prepared: Prepared, given: Materials) -> dict[str, Any]:
    spec = asdict(prepared.spec)
    located = {k: v for k, v in given.located.items() if not k.endswith("seconds")}
    return {
        "id": prepared.spec.id,
        "key": prepared.key,
        "spec": spec,
        "about": about(prepared, build.notes(given)) | {"located": located},
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


def _say_estimate(stages: tuple[Stage, ...], around: Surroundings, watch: Watch) -> None:
    """Time estimate of a paper-protocol run on a CPU, before it starts."""
    hours = sum(seconds_to_train(stage, around) for stage in stages) / 3600
    watch.say(
        f"the paper's protocol on this CPU: about {hours:,.0f} hours of training "
        "(--protocol laptop takes a minute on a twin)"
    )


def _wait(prepared: Prepared, watch: Watch, interrupted: Callable[[], bool]) -> None:
    """Until whoever holds the run is done or gone."""
    owner = holder(prepared.folder)
    if owner is not None:
        watch.say(f"process {owner['pid']} on {owner['host']} is on this run; waiting for it")
    while holder(prepared.folder) is not None:
        time.sleep(0.5)
        if interrupted():
            raise Interrupted("stopped while waiting for another process; nothing is lost")
