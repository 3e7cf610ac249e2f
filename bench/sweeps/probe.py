"""How long a run would train: its stages built as they would be, and a step of each timed."""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.data.cache import ProgressCallback
from bench.pipeline import build
from bench.pipeline.gather import run_context
from bench.pipeline.resolve import Request, prepare
from bench.store import EventLog
from bench.training.callbacks import Callbacks
from bench.training.precision import check_precision, choose_device, device_name, set_numerics
from bench.training.stages import Stage, initial_weights
from bench.training.train import TrainingContext, seconds_to_train

TIMINGS = 5
ENOUGH_SECONDS = 15.0


@dataclass(frozen=True)
class Probe:
    """What a probe found.

    Attributes:
        seconds: Of training, all stages.
        bytes: Of the weights that are kept.
        train_images: How many images an epoch had.
        device: Kind and model.
    """

    seconds: float
    bytes: int
    train_images: int
    device: str


def probe(request: Request, tick: ProgressCallback) -> Probe:
    """Time a step of every stage; nothing is trained and no run folder is written.

    Raises:
        RequestError: when the stages cannot be built.
    """
    device = choose_device(request.device)
    prepared = prepare(request, tick)
    check_precision(prepared.protocol.engine.precision, device)
    set_numerics(threads=prepared.protocol.engine.threads)
    stages = build.stages(run_context(prepared, device, Callbacks(tick)))
    training = TrainingContext(
        device=device,
        engine=prepared.protocol.engine,
        log=EventLog(Path("unused")),
        purpose=(prepared.request.seed, prepared.name),
        fingerprint=prepared.spec.id,
        validate=lambda _: {},
        step=lambda _: None,
        say=lambda _: None,
        interrupted=lambda: False,
    )
    kept = initial_weights(stages[-1].module, 0).state_dict().values()
    return Probe(
        seconds=sum(_seconds(stage, training) for stage in stages),
        bytes=sum(tensor.numel() * tensor.element_size() for tensor in kept),
        train_images=len(prepared.dataset.where("train")),
        device=f"{device.type}, {device_name(device)}",
    )


def _seconds(stage: Stage, training: TrainingContext) -> float:
    """The least of a few timings: what else the machine does can only lengthen one."""
    began, timings = time.perf_counter(), [seconds_to_train(stage, training)]
    while len(timings) < TIMINGS and time.perf_counter() - began < ENOUGH_SECONDS:
        timings.append(seconds_to_train(stage, training))
    return min(timings)
