"""Training one stage: its module, optimizer and schedule, and the loop; or the shared outcome."""

import io
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench import checksums
from bench.errors import Interrupted
from bench.locking import Waiting, lock
from bench.protocol.settings import EngineSettings, FinetuningSettings
from bench.seeding import seed_for
from bench.store import EventLog, write_bytes
from bench.training import compute
from bench.training.batches import on_device
from bench.training.loop import StepReport, fit
from bench.training.memory import explaining, smaller
from bench.training.optim import build_optimizer, build_schedule
from bench.training.precision import autocast, channels_last, origin
from bench.training.stages import GateResult, Stage, StateDict, initial_weights

KEPT = ("outcome.pt", "events.jsonl")  # of a shared stage, with their digests in outcome.json
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


@dataclass(frozen=True)
class SharedOutcome:
    """What a stage that runs share has left.

    Attributes:
        state: The tensors that the next stage starts from.
        origin: Where and with what it was trained, which may have been by another run.
    """

    state: StateDict
    origin: dict[str, Any]


def train(
    stage: Stage, start: StateDict | None, folder: Path, training: TrainingContext
) -> nn.Module:
    """The stage's module, trained from where `folder`'s checkpoint left off.

    Args:
        start: The outcome of the stage before, None for the first.

    Raises:
        OutOfMemory: with a setting that needs less; the last checkpoint stands.
    """
    with explaining(f"{stage.name} on {training.device.type}", smaller(stage.settings)):
        return _train(stage, start, folder, training)


def _train(
    stage: Stage, start: StateDict | None, folder: Path, training: TrainingContext
) -> nn.Module:
    settings = stage.settings
    accumulation = settings.accumulation if isinstance(settings, FinetuningSettings) else 1
    engine = {"precision": training.engine.precision, "device": training.device}
    engine |= {"accumulation": accumulation}
    # Before the module that is trained: making one seeds torch's random state.
    cost = compute.of_epoch(make(stage, start, training), stage.batches, **engine)
    module = make(stage, start, training)
    steps = stage.epochs * len(stage.batches)
    optimizer = build_optimizer(
        trained_parameters(module, settings.lr),
        name=settings.optimizer,
        lr=settings.lr,
        momentum=settings.momentum if settings.optimizer == "sgd" else 0.0,
        nesterov=settings.nesterov and settings.optimizer == "sgd",
        weight_decay=settings.weight_decay,
        betas=(settings.momentum, 0.999),
        fused=training.device.type == "cuda",
    )
    warmup = round(settings.warmup_share * steps) if isinstance(settings, FinetuningSettings) else 0
    schedule = build_schedule(
        optimizer, kind=settings.schedule, total_steps=steps, warmup_steps=warmup
    )
    training.log.forget(stage.name)
    if training.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(training.device)
    fitted = fit(
        module,  # pyright: ignore[reportArgumentType]  # a method's `loss` is checked when called
        optimizer,
        schedule,
        stage.batches,
        path=folder / "checkpoint.pt",
        epochs=stage.epochs,
        validate=training.validate if stage.selects else None,
        patience=stage.patience,
        record=partial(_record, training),
        progress=training.step,
        interrupted=training.interrupted,
        stage=stage.name,
        fingerprint=training.fingerprint,
        **engine,
    )
    whole = compute.of_stage(cost, epochs=len(fitted.history))
    if training.device.type == "cuda":
        whole["peak_bytes"] = torch.cuda.max_memory_allocated(training.device)
    training.log.append({"stage": stage.name, "seconds": 0.0, "compute": whole})
    if stage.gate is not None:
        training.log.append(_judged(stage.name, stage.gate, module))
    return module


def _judged(name: str, gate: Callable[[Any], GateResult], module: nn.Module) -> dict[str, Any]:
    """The event that tells whether a trained stage passed its gate."""
    began = time.perf_counter()
    result = asdict(gate(module))
    return {"stage": name, "seconds": time.perf_counter() - began, "gate": result}


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
) -> SharedOutcome:
    """The outcome of a stage that runs share: found in `folder`, or trained and left there.

    Another process that is on the same stage is waited for. An outcome that was altered on disk is
    set aside, and the stage trained again.
    """
    assert stage.outcome is not None, f"{stage.name} has no outcome to share"
    waiting = Waiting(folder, f"the same stage, {stage.name}", training.say)
    while (made := _finished(folder)) is None:
        with lock(folder) as acquired:
            if acquired and _finished(folder) is None:
                log = EventLog(folder / "events.jsonl")
                log.path.unlink(missing_ok=True)  # its checkpoint tells them again
                inside = replace(training, log=log, fingerprint=folder.name)
                module = train(stage, start, folder, inside)
                _keep(stage.outcome(module), folder, training.device)
        if not (folder / "outcome.json").is_file():
            waiting.pause()
            if training.interrupted():
                raise Interrupted(f"{stage.name}: stopped while another process trains it")
    training.log.forget(stage.name)
    for event in EventLog(folder / "events.jsonl").read():
        training.log.append(event)
        if "gate" in event and not event["gate"]["passed"]:
            training.say(f"{stage.name}: {event['gate']['sentence']}")
    state = torch.load(folder / "outcome.pt", map_location="cpu", weights_only=True)
    return SharedOutcome(state, made)


def seconds_to_train(stage: Stage, training: TrainingContext) -> float:
    """An estimate from one timed step, the first being a warm-up; the module is thrown away."""
    module: Any = initial_weights(stage.module, 0).to(training.device)
    batch = on_device(next(iter(stage.batches.epoch(1))), training.device)
    began = 0.0
    for _ in range(2):
        began = time.perf_counter()
        with autocast(training.engine.precision, training.device):
            loss, _ = module.loss(batch, step=0, total_steps=1)
        loss.backward()
        loss.item()  # a graphics card has done the step when its loss is here
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


def _keep(state: StateDict, folder: Path, device: torch.device) -> None:
    """Leave a stage's outcome for other runs, with the digests of its files written last."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(folder / "outcome.pt", buffer.getvalue())
    seconds = sum(event["seconds"] for event in EventLog(folder / "events.jsonl").read())
    noted = {"files": checksums.digests(folder, KEPT), "origin": origin(device, seconds)}
    checksums.write_json(folder / "outcome.json", noted)
    (folder / "checkpoint.pt").unlink()


def _finished(folder: Path) -> dict[str, Any] | None:
    """The origin of a stage's outcome; None without one that is as it was written."""
    noted = checksums.read_json(folder / "outcome.json")
    if noted is None:
        return None
    altered = checksums.altered(folder, noted["files"])
    if not altered:
        return noted["origin"]
    (folder / "outcome.json").unlink(missing_ok=True)
    for name in altered:
        checksums.set_aside(folder / name)
    return None
