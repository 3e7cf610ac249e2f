"""Training one stage: its settings reach the optimizer, and only chosen stages pick an epoch."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench.protocol.settings import EngineSettings, FinetuningSettings, PretrainingSettings
from bench.store import EventLog
from bench.training import train as one_stage
from bench.training.stages import Stage
from bench.training.train import TrainingContext

EPOCHS, STEPS = 2, 4
SHARED: dict[str, Any] = {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.05, "schedule": "constant"}


class Slope(nn.Module):
    """Weights whose gradient is the batch itself."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(2))

    def loss(self, batch, *, step, total_steps):
        return (self.weight * batch["slope"].mean(dim=0)).sum(), {}


class TwoRates(Slope):
    """A part that learns, and one whose rate is a tenth of it."""

    def __init__(self):
        super().__init__()
        self.slow = nn.Parameter(torch.rand(2))

    def loss(self, batch, *, step, total_steps):
        return ((self.weight + self.slow) * batch["slope"].mean(dim=0)).sum(), {}

    def parameter_groups(self, lr):
        return [{"params": [self.weight], "lr": lr}, {"params": [self.slow], "lr": lr / 10}]


class Slopes:
    def __len__(self):
        return STEPS

    def epoch(self, number):
        generator = torch.Generator().manual_seed(number)
        for _ in range(STEPS):
            yield {"slope": torch.randn(3, 2, generator=generator)}


@pytest.fixture
def training(tmp_path):
    """What a stage trains in; each epoch scores lower than the one before."""
    scores = iter(range(0, -100, -1))
    return TrainingContext(
        device=torch.device("cpu"),
        engine=EngineSettings(precision="fp32", channels_last=False),
        log=EventLog(tmp_path / "events.jsonl"),
        purpose=(0, "slope"),
        fingerprint="these",
        validate=lambda _: {"score": float(next(scores))},
        step=lambda _: None,
        say=lambda _: None,
        interrupted=lambda: False,
    )


def stage(module: Any = Slope, settings: Any = None, **options: Any) -> Stage:
    settings = settings or FinetuningSettings(optimizer="sgd", **SHARED)
    defaults: dict[str, Any] = {"name": "slope", "batches": Slopes(), "epochs": EPOCHS}
    return Stage(module=module, settings=settings, **(defaults | options))


def make(own: Stage, training: TrainingContext) -> Any:
    return one_stage.make(own, None, training)


def train(own: Stage, folder: Path, training: TrainingContext) -> Any:
    return one_stage.train(own, None, folder, training)


def descended(module, optimizer, rates):
    """The weights after all batches, one rate per step."""
    batches = (batch for epoch in range(1, EPOCHS + 1) for batch in Slopes().epoch(epoch))
    for batch, rate in zip(batches, rates, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        module.loss(batch, step=0, total_steps=1)[0].backward()
        optimizer.step()
    return module.weight


BETAS = (0.8, 0.999)
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
    "adam": (torch.optim.Adam, {"betas": BETAS}),
    "adamw": (torch.optim.AdamW, {"betas": BETAS}),
}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
@pytest.mark.parametrize("warmup", [0.0, 0.5])
def test_finetuning_uses_every_setting(training, tmp_path, name, warmup):
    settings = FinetuningSettings(optimizer=name, warmup_share=warmup, **SHARED)
    trained = train(stage(settings=settings), tmp_path, training)
    kind, options = OPTIMIZERS[name]
    module = make(stage(), training)
    steps = EPOCHS * STEPS
    rates = [0.1 * min(1.0, (t + 1) / max(warmup * steps, 1)) for t in range(steps)]
    optimizer = kind(module.parameters(), lr=0.1, weight_decay=0.05, **options)
    torch.testing.assert_close(trained.weight, descended(module, optimizer, rates))


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_pretraining_uses_every_setting(training, tmp_path, name):
    trained = train(
        stage(settings=PretrainingSettings(optimizer=name, **SHARED)), tmp_path, training
    )
    kind, options = OPTIMIZERS[name]
    module = make(stage(), training)
    optimizer = kind(module.parameters(), lr=0.1, weight_decay=0.05, **options)
    expected = descended(module, optimizer, [0.1] * EPOCHS * STEPS)
    torch.testing.assert_close(trained.weight, expected)


@pytest.mark.parametrize("kind", [FinetuningSettings, PretrainingSettings])
def test_sgd_looks_ahead_only_where_that_is_set(training, tmp_path, kind):
    plain, ahead = (kind(optimizer="sgd", nesterov=n, **SHARED) for n in (False, True))
    trained = train(stage(settings=plain), tmp_path, training)
    module = make(stage(), training)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.8, weight_decay=0.05)
    expected = descended(module, optimizer, [0.1] * EPOCHS * STEPS)
    torch.testing.assert_close(trained.weight, expected)
    (tmp_path / "ahead").mkdir()
    other = train(stage(settings=ahead), tmp_path / "ahead", training)
    assert not torch.allclose(trained.weight, other.weight)


def test_a_part_learns_at_the_rate_that_its_method_gives_it(training, tmp_path):
    undecayed: dict[str, Any] = SHARED | {"weight_decay": 0.0}
    settings = FinetuningSettings(optimizer="sgd", **undecayed)
    two = stage(TwoRates, settings)
    first, trained = make(two, training), train(two, tmp_path, training)
    fast, slow = (getattr(trained, n) - getattr(first, n) for n in ("weight", "slow"))
    assert fast.abs().min() > 0
    torch.testing.assert_close(slow, fast / 10, rtol=1e-4, atol=1e-6)  # sums of eight steps


def test_only_a_stage_that_selects_keeps_its_best_epoch(training, tmp_path):
    (tmp_path / "last").mkdir()
    best = train(stage(selects=True), tmp_path, training)
    last = train(stage(selects=False), tmp_path / "last", training)
    first = stage(epochs=1, selects=False)
    (tmp_path / "first").mkdir()
    assert torch.equal(best.weight, train(first, tmp_path / "first", training).weight)
    assert not torch.equal(best.weight, last.weight)


def test_the_first_weights_depend_on_the_stage_and_the_run(training):
    weights = [make(stage(name=name), training).weight for name in ("one", "one", "two")]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
