"""The training loop: one for every stage of every method.

What differs between stages (what to train, on what, how long) comes in as arguments; what every
training needs besides is called here. Epochs are counted from 1, optimizer steps from 0.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from bench.errors import Interrupted, RequestError
from bench.training.batches import Batch, parts, size
from bench.training.checkpoint import (
    BestEpoch,
    Event,
    Stateful,
    kept_in,
    restore_checkpoint,
    save_checkpoint,
)
from bench.training.late import LossReader
from bench.training.meter import Meter
from bench.training.precision import Precision, autocast, loss_scaler

TIMINGS = ("seconds", "images_per_second")  # the fields of an event that no rerun repeats


class Trainable(Stateful, Protocol):
    """What the loop asks of an nn.Module; methods satisfy it without importing the harness.

    An `after_step()` method, where there is one, runs after each optimizer step. Whatever training
    changes must be in `state_dict`.
    """

    def loss(
        self, batch: Batch, *, step: int, total_steps: int
    ) -> tuple[Tensor, Mapping[str, float | Tensor]]:
        """The batch's mean loss, a scalar, and scalars to log, left out where undefined."""
        ...

    def train(self, mode: bool = True) -> Any:
        """Switch dropout and batch statistics on."""
        ...


class Batches(Protocol):
    """A function of the epoch: order and augmentation draws are seeded inside."""

    @property
    def indices(self) -> np.ndarray:
        """(n,) indices of the images that some epoch may draw; empty where `foreign` is named."""
        ...

    @property
    def foreign(self) -> str:
        """Name of the other set from which the images come; "" for the run's own data set."""
        ...

    def __len__(self) -> int:
        """Optimizer steps per epoch."""
        ...

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch `number` >= 1; the first axis of every tensor is the image."""
        ...


class Steps(Stateful, Protocol):
    """A learning-rate schedule."""

    def step(self) -> Any:
        """Set the learning rate of the next optimizer step."""
        ...


@dataclass(frozen=True)
class StepReport:
    """Where the training stands after a step, for a progress bar."""

    stage: str
    epoch: int
    epochs: int
    at_most: bool  # the validation score may end the training before
    steps_done: int
    total_steps: int
    loss: float  # the last that is known: of the step before on a graphics card, nan at its first
    images_per_second: float  # in this epoch so far


@dataclass(frozen=True)
class Patience:
    """When a training has stopped to improve.

    Attributes:
        epochs: So many in a row without a better score end it.
        least: The score from which it counts as begun: before that no epoch is counted, since
            nothing has been learnt yet that could stop to improve.
        share: Of the epochs trained, in [0, 1), that have to be without a better score as well:
            where learning took long, so does waiting for more of it.
    """

    epochs: int
    least: float
    share: float = 0.0

    def is_over(self, epochs_done: int, best: BestEpoch | None) -> bool:
        """Whether training ends here."""
        if best is None or best.score < self.least:
            return False
        return epochs_done - best.epoch >= max(self.epochs, self.share * epochs_done)


@dataclass(frozen=True)
class Fitted:
    """A finished training: one event per epoch, and the best epoch if epochs were scored."""

    history: list[Event]
    best_epoch: int | None
    best_score: float | None


def fit(
    module: Trainable,
    optimizer: Optimizer,
    schedule: Steps,
    batches: Batches,
    *,
    epochs: int,
    path: Path,
    precision: Precision,
    device: torch.device,
    accumulation: int = 1,
    validate: Callable[[Any], Mapping[str, float]] | None = None,
    patience: Patience | None = None,
    record: Callable[[Event], Any] | None = None,
    progress: Callable[[StepReport], Any] | None = None,
    interrupted: Callable[[], bool] | None = None,
    stage: str = "train",
    fingerprint: str = "",
) -> Fitted:
    """Train `module`, which lives on `device`, and leave it with its best epoch's weights.

    Each epoch ends with a checkpoint. With one at `path`, training resumes from there and ends
    bit for bit as if it had never stopped. Torch's random state is the caller's to seed.

    Args:
        module: trained in place.
        optimizer: over the module's parameters.
        schedule: of the optimizer's learning rates, moved on after each step.
        batches: the training images.
        epochs: of the whole training, those before a resume included; with `patience` the most.
        path: the checkpoint, in a folder that exists.
        precision: number format of the forward pass.
        device: batches are brought here.
        accumulation: parts that each batch is computed in, to save memory. The gradient is that
            of the mean over the batch; batch statistics and negatives come from one part alone.
        validate: scores of the module after an epoch; the highest `score` decides whose weights
            are kept, the earlier of equals. Without it, the last epoch's.
        patience: ends the training before `epochs` are reached; None trains all of them. Needs
            `validate`.
        record: gets every epoch's event in order, once the checkpoint holds it; after a resume
            first those of the earlier epochs again.
        progress: called after each step.
        interrupted: asked after each step and before each epoch whether to stop.
        stage: its name, in events and messages.
        fingerprint: what else a checkpoint must agree on to be continued.

    Raises:
        NonFiniteLoss: the loss is nan or infinite; the last checkpoint stands.
        Interrupted: asked to stop; the last checkpoint stands.
        RequestError: no batch, a precision the device lacks, a checkpoint of other settings.
        CheckpointError: a checkpoint cannot be read or written.
    """
    record, progress = record or _ignore, progress or _ignore
    after_step = getattr(module, "after_step", _ignore)
    steps_per_epoch, total_steps = len(batches), epochs * len(batches)
    if not steps_per_epoch:
        raise RequestError(f"{stage}: 0 batches per epoch; use more images or a smaller batch")
    settings = {
        "fingerprint": fingerprint,
        "stage": stage,
        "epochs": epochs,
        "patience": None if patience is None else (patience.epochs, patience.least, patience.share),
        "steps an epoch": steps_per_epoch,
        "accumulation": accumulation,
        "precision": precision,
        "device": device.type,
    }
    scaler = loss_scaler(precision, device)
    stateful = {"module": module, "optimizer": optimizer, "schedule": schedule, "scaler": scaler}
    history, best = restore_checkpoint(path, stateful, settings=settings)
    losses = LossReader(device, path)
    for event in history:
        record(event)

    for epoch in range(len(history) + 1, epochs + 1):
        if patience is not None and patience.is_over(len(history), best):
            break
        steps = range((epoch - 1) * steps_per_epoch, epoch * steps_per_epoch)
        _stop_if(interrupted, f"{stage}: stopped before epoch {epoch} of {epochs}", path)
        learning_rate = optimizer.param_groups[0]["lr"]
        module.train()
        meter = Meter()
        for step, batch in zip(steps, batches.epoch(epoch), strict=True):
            where = f"epoch {epoch} of {epochs}, step {step + 1} of {total_steps}"
            optimizer.zero_grad()
            step_loss = torch.zeros((), dtype=torch.float64, device=device)
            for weight, part in parts(batch, accumulation, device):
                with autocast(precision, device):
                    loss, scalars = module.loss(part, step=step, total_steps=total_steps)
                step_loss += weight * loss.detach()
                scaler.scale(weight * loss).backward()
                meter.add({**scalars, "loss": loss}, weight)
            losses.note(step_loss, f"{stage}, {where}")
            if _is_taken(scaler, optimizer):
                schedule.step()
                after_step()
            meter.count(size(batch))
            progress(
                StepReport(
                    stage,
                    epoch,
                    epochs,
                    patience is not None,
                    step + 1,
                    total_steps,
                    losses.latest,
                    meter.images_per_second,
                )
            )
            _stop_if(interrupted, f"{stage}: stopped after {where}", path)

        losses.finish()
        event = {"stage": stage, "epoch": epoch, "step": steps.stop, "learning_rate": learning_rate}
        event |= meter.read()
        if validate is not None:
            event["validation"] = {name: float(score) for name, score in validate(module).items()}
        history.append(event)
        best = _better(best, event, module)
        save_checkpoint(path, stateful, settings=settings, history=history, best=best)
        record(event)

    if best is None:
        return Fitted(history, None, None)
    module.load_state_dict(best.weights)
    return Fitted(history, best.epoch, best.score)


def _is_taken(scaler: torch.amp.GradScaler, optimizer: Optimizer) -> bool:
    """Take the optimizer's step, unless a gradient is too large for fp16; whether it was taken."""
    scale = scaler.get_scale()  # in other precisions 1, and no question to the device
    scaler.step(optimizer)
    scaler.update()
    return scaler.get_scale() >= scale


def _stop_if(interrupted: Callable[[], bool] | None, message: str, path: Path) -> None:
    if interrupted is not None and interrupted():
        raise Interrupted(f"{message}; {kept_in(path)}")


def _better(best: BestEpoch | None, event: Event, module: Trainable) -> BestEpoch | None:
    score = event.get("validation", {}).get("score", math.nan)
    if math.isnan(score) or (best is not None and score <= best.score):
        return best
    return BestEpoch(event["epoch"], score, deepcopy(dict(module.state_dict())))


def _ignore(*_: Any) -> None:
    """The callback where nobody listens."""
