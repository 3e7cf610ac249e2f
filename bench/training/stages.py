"""A stage: what is trained, on what, for how long, starting from what."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.protocol.settings import FinetuningSettings, PretrainingSettings
from bench.training.loop import Batches, Patience

StateDict = dict[str, Tensor]


@dataclass(frozen=True)
class GateResult:
    """Whether a stage has learnt what the next one builds on.

    Attributes:
        passed: If not, the run says so and goes on.
        demand: What was to be reached, for a footnote.
        measured: Numbers by name, with their unit in it.
        sentence: What was measured against what, for a reader.
    """

    passed: bool
    demand: str
    measured: dict[str, float]
    sentence: str


@dataclass(frozen=True)
class Stage:
    """One training of one module.

    Attributes:
        name: In events, seeds and messages.
        module: Makes the network; called after torch's random state is seeded for this stage.
        batches: What it sees.
        epochs: For how long; with `patience` at most.
        settings: Optimizer and schedule, from the protocol.
        starts_from: Given the outcome of the stage before, loads it into the module; None for a
            stage that starts from its own initial weights.
        outcome: The tensors that the next stage starts from.
        shared_as: Name of the shared copy of the outcome, None when no other run can need it.
        selects: Whether the validation split picks the epoch.
        patience: What ends it before `epochs`, where the validation split picks the epoch.
        gate: Measures, once the stage is trained, whether the next one has something to build on.
    """

    name: str
    module: Callable[[], nn.Module]
    batches: Batches
    epochs: int
    settings: PretrainingSettings | FinetuningSettings
    starts_from: Callable[[nn.Module, StateDict], None] | None = None
    outcome: Callable[[Any], StateDict] | None = None
    shared_as: str | None = None
    selects: bool = False
    patience: Patience | None = None
    gate: Callable[[Any], GateResult] | None = None


class Supervised(nn.Module):
    """A network with its task's usual loss: cross entropy for grades, binary for findings.

    A network that has a `loss` of its own does not need it.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, C) logits."""
        return self.network(images)

    def loss(
        self, batch: dict[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """Mean loss over a batch of images with (B,) grades or (B, C) findings."""
        logits, labels = self.network(batch["images"]), batch["labels"]
        if labels.ndim == 1:
            return functional.cross_entropy(logits, labels), {}
        return functional.binary_cross_entropy_with_logits(logits, labels), {}


def initial_weights(module: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The module, its random weights drawn from a seed."""
    torch.manual_seed(seed)
    return module()
