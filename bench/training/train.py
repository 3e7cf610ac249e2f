"""Training one stage: its module, optimizer and schedule, and the loop; or the shared outcome."""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.errors import Interrupted
from bench.locking import Waiting, lock
from bench.protocol.settings import EngineSettings, FinetuningSettings
from bench.seeding import seed_for
from bench.store import EventLog, write_bytes
from bench.training.loop import StepReport, fit
from bench.training.optim import build_optimizer, build_schedule
from bench.training.precision import autocast, channels_last
from bench.training.stages import Stage, StateDict, initial_weights

LEAST_SELECTED = 0.01  # proportion of anchors in an epoch, below which a run warns


@dataclass(frozen=True)
class TrainingContext:
    """What all stages of a run have in common.

    Attributes:
        purpose: Parts of the seed of weights: the run's seed and the method.
        fingerprint: What a checkpoint must belong to.
        validate: Scores of a network, "score" among them, for stages that select an epoch.
    """

    device: torch.device
    engine: EngineSettings
    log: EventLog
    purpose: tuple[str | int, ...]
    fingerprint: str
    validate: Callable[[nn.Module], dict[str, float]]
    step: Callable[[StepReport], Any]
    say: Callable[[str], Any]
    interrupted: Callable[[], bool]


def train(
    stage: Stage, start: StateDict | None, folder: Path, training: TrainingContext
) -> nn.Module:
    """The stage's module, trained from where `folder`'s checkpoint left off.

    Args:
        start: The outcome of the stage before, None for the first.
    """
    module = make(stage, start, training)
    settings = stage.settings
    steps = stage.epochs * len(stage.batches)
    optimizer = build_optimizer(
        trained_parameters(module, settings.lr),
        name=settings.optimizer,
        lr=settings.lr,
        momentum=settings.momentum if settings.optimizer == "sgd" else 0.0,
        nesterov=settings.optimizer == "sgd",
        weight_decay=settings.weight_decay,
        betas=(settings.momentum, 0.999),
    )
    warmup = round(settings.warmup_share * steps) if isinstance(settings, FinetuningSettings) else 0
    schedule = build_schedule(
        optimizer, kind=settings.schedule, total_steps=steps, warmup_steps=warmup
    )
    training.log.forget(stage.name)
    fit(
        module,  # pyright: ignore[reportArgumentType]  # a method's `loss` is checked when called
        optimizer,
        schedule,
        stage.batches,
        epochs=stage.epochs,
        path=folder / "checkpoint.pt",
        precision=training.engine.precision,
        device=training.device,
        accumulation=settings.accumulation if isinstance(settings, FinetuningSettings) else 1,
        validate=training.validate if stage.selects else None,
        record=partial(_record, training),
        progress=training.step,
        interrupted=training.interrupted,
        stage=stage.name,
        fingerprint=training.fingerprint,
    )
    return module


def trained_parameters(module: Any, lr: float) -> list[Any]:
    """What an optimizer gets: the module's own groups, where its parts learn at different rates."""
    if hasattr(module, "parameter_groups"):
        return module.parameter_groups(lr)
    return [p for p in module.parameters() if p.requires_grad]


def make(stage: Stage, start: StateDict | None, training: TrainingContext) -> nn.Module:
    """The stage's module on its device, with seeded weights or those it starts from."""
    module = initial_weights(stage.module, seed_for(*training.purpose, "weights", stage.name))
    if stage.starts_from is not None:
        assert start is not None, f"{stage.name} starts from the stage before it"
        stage.starts_from(module, start)
    module = module.to(training.device)
    return channels_last(module) if training.engine.channels_last else module


def outcome(
    stage: Stage, start: StateDict | None, folder: Path, training: TrainingContext
) -> StateDict:
    """The outcome of a stage that runs share: found in `folder`, or trained and left there.

    Another process that is on the same stage is waited for.
    """
    path = folder / "outcome.pt"
    assert stage.outcome is not None, f"{stage.name} has no outcome to share"
    waiting = Waiting(folder, f"the same stage, {stage.name}", training.say)
    while not path.is_file():
        with lock(folder) as acquired:
            if acquired and not path.is_file():
                log = EventLog(folder / "events.jsonl")
                inside = replace(training, log=log, fingerprint=folder.name)
                module = train(stage, start, folder, inside)
                _save(path, stage.outcome(module))
                (folder / "checkpoint.pt").unlink()
        if not path.is_file():
            waiting.pause()
            if training.interrupted():
                raise Interrupted(f"{stage.name}: stopped while another process trains it")
    training.log.forget(stage.name)
    for event in EventLog(folder / "events.jsonl").read():
        training.log.append(event)
    return torch.load(path, map_location="cpu", weights_only=True)


def seconds_to_train(stage: Stage, training: TrainingContext) -> float:
    """An estimate from one timed step, the first being a warm-up; the module is thrown away."""
    module: Any = initial_weights(stage.module, 0).to(training.device)
    batch = next(iter(stage.batches.epoch(1)))
    began = 0.0
    for _ in range(2):
        began = time.perf_counter()
        with autocast(training.engine.precision, training.device):
            loss, _ = module.loss(batch, step=0, total_steps=1)
        loss.backward()
    return (time.perf_counter() - began) * stage.epochs * len(stage.batches)


def _record(training: TrainingContext, event: dict[str, Any]) -> None:
    """Log an epoch, and warn where self-paced learning leaves next to nothing to learn from."""
    training.log.append(event)
    for name, proportion in event["train"].items():
        if name.startswith("selected/") and proportion < LEAST_SELECTED:
            training.say(
                f"{event['stage']}, epoch {event['epoch']}: only {proportion:.2%} of the anchors "
                f"of {name.removeprefix('selected/')} are selected (comcl.spl)"
            )


def _save(path: Path, state: StateDict) -> None:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(path, buffer.getvalue())
