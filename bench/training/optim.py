"""Optimizers by name, and learning rates as closed functions of the optimizer step."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from bench.errors import RequestError

STEPS_DOWN = (0.6, 0.8)  # source: MoCo's code, a tenth of the rate at epochs 120 and 160 of 200
POLY_POWER = 0.9  # source: LANet's code (docs/reference/methods.md#lanet)
INVERSE_TIME = 1e-5  # source: CABNet's code, Keras's `decay` (docs/reference/methods.md#cabnet)

# Factor of the learning rate, of the progress from 0 (first step after warm-up) to 1 (end of
# training) and of the steps since the warm-up.
DECAYS: dict[str, Callable[[float, int], float]] = {
    "cosine": lambda progress, _: (1 + math.cos(math.pi * progress)) / 2,
    "constant": lambda *_: 1.0,
    "poly": lambda progress, _: (1 - progress) ** POLY_POWER,
    "step": lambda progress, _: 0.1 ** sum(progress >= place for place in STEPS_DOWN),
    "inverse_time": lambda _, steps: 1 / (1 + INVERSE_TIME * steps),
}


def build_optimizer(
    parameter_groups: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
    *,
    name: str,
    lr: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    fused: bool = False,
) -> Optimizer:
    """SGD, Adam or AdamW over parameters, or over groups that may carry their own settings.

    Weight decay reaches every parameter, norms and biases too, as in the released code; a group
    with `weight_decay` 0 exempts its own. Adam adds it to the gradient, AdamW to the weight.

    Args:
        parameter_groups: parameters, or dicts with `params` and settings that override those here.
        name: sgd, adam or adamw.
        lr: learning rate > 0.
        momentum: of SGD, in [0, 1).
        nesterov: SGD looks ahead; needs a momentum.
        weight_decay: >= 0.
        betas: of Adam and AdamW: decay of the first and second moment.
        fused: one kernel for all parameters, which a graphics card has.

    Raises:
        RequestError: an unknown name, or nesterov without momentum.
    """
    if name == "sgd":
        if nesterov and momentum <= 0:
            raise RequestError(
                f"momentum {momentum}: must be above 0 for nesterov; set one of them"
            )
        return SGD(
            parameter_groups,
            lr,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
            fused=fused or None,
        )
    kinds = {"adam": Adam, "adamw": AdamW}
    if name in kinds:
        decay = {"weight_decay": weight_decay, "fused": fused or None}
        return kinds[name](parameter_groups, lr, betas, **decay)
    raise RequestError(f"optimizer {name}: choose one of: sgd, adam, adamw")


class Schedule:
    """Sets each group's learning rate to its own base rate times `factor(step)`.

    Unlike torch's schedulers it is a function of the number of steps taken alone, and no order of
    calls has to be kept.
    """

    def __init__(self, optimizer: Optimizer, factor: Callable[[int], float]) -> None:
        self.optimizer = optimizer
        self.factor = factor
        self.base_rates = [float(group["lr"]) for group in optimizer.param_groups]
        self.steps_done = 0
        self._apply()

    def step(self) -> None:
        """Move on to the learning rate of the next optimizer step."""
        self.steps_done += 1
        self._apply()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here."""
        return {"steps_done": self.steps_done, "base_rates": self.base_rates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a stored position."""
        self.steps_done = state_dict["steps_done"]
        self.base_rates = state_dict["base_rates"]
        self._apply()

    def _apply(self) -> None:
        for group, base_rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = base_rate * self.factor(self.steps_done)


def learning_rate_factor(kind: str, step: int, *, total_steps: int, warmup_steps: int) -> float:
    """The factor by which optimizer step `step` (from 0) uses, in [0, 1].

    Warm-up rises linearly and reaches 1 at its last step; the decay then starts from 1 and
    would reach its end value at step `total_steps`, the first that is not taken. An inverse_time
    decay has no end value: it depends on the number of steps, not on the length of the training.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    steps = step - warmup_steps
    progress = steps / max(total_steps - warmup_steps, 1)
    return DECAYS[kind](min(progress, 1.0), steps)


def build_schedule(
    optimizer: Optimizer, *, kind: str, total_steps: int, warmup_steps: int = 0
) -> Schedule:
    """The learning rate of every optimizer step, see `learning_rate_factor`.

    Args:
        optimizer: its groups' present learning rates are the base rates.
        kind: a key of `DECAYS`.
        total_steps: optimizer steps of the whole training.
        warmup_steps: steps of linear rise at its start, at most `total_steps`.

    Raises:
        RequestError: an unknown kind, or a warm-up longer than the training.
    """
    if kind not in DECAYS:
        raise RequestError(f"schedule {kind}: choose one of: {', '.join(DECAYS)}")
    if not 0 <= warmup_steps <= total_steps:
        raise RequestError(
            f"warmup_steps {warmup_steps}: must lie within the training's {total_steps} steps; "
            "shorten the warm-up or train longer"
        )

    def factor(step: int) -> float:
        return learning_rate_factor(kind, step, total_steps=total_steps, warmup_steps=warmup_steps)

    return Schedule(optimizer, factor)
