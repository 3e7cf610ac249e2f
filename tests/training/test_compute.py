"""What a stage computes, counted by hand; and that counting moves nothing that is trained."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from pretend_cuda import COUNTED, CUDA, PEAK_BYTES, card
from torch import nn

from bench.protocol.settings import EngineSettings, FinetuningSettings
from bench.store import EventLog
from bench.training import compute
from bench.training import train as one_stage
from bench.training.stages import GateResult, Stage
from bench.training.train import TrainingContext

CPU: dict[str, Any] = {"device": torch.device("cpu"), "precision": "fp32"}
BATCH, STEPS, EPOCHS, SIDE = 6, 3, 2, 4


class Net(nn.Module):
    """A convolution and a linear layer, with dropout that draws from torch's random state."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 1, bias=False)
        self.head = nn.Linear(5, 2, bias=False)

    def loss(self, batch, *, step, total_steps):
        maps = self.conv(batch["images"]).mean(dim=(2, 3))
        return self.head(nn.functional.dropout(maps, 0.5)).square().mean(), {}


class Images:
    """Batches of images and labels."""

    indices = np.empty(0, dtype=np.int64)
    foreign = "noise"

    def __len__(self):
        return STEPS

    def epoch(self, number):
        generator = torch.Generator().manual_seed(number)
        for _ in range(STEPS):
            yield {
                "images": torch.randn(BATCH, 3, SIDE, SIDE, generator=generator),
                "labels": torch.zeros(BATCH),
            }


def by_hand():
    """Twice the products of each layer, forward and for its weights; for its input if trained."""
    conv, head = BATCH * SIDE * SIDE * 3 * 5, BATCH * 5 * 2
    return 2 * (2 * conv + 3 * head) * STEPS * EPOCHS


@pytest.mark.parametrize("accumulation", [1, 2, 3])
def test_operations_are_those_of_the_layers_however_a_batch_is_parted(accumulation):
    epoch = compute.of_epoch(Net(), Images(), accumulation=accumulation, **CPU)
    counted = compute.of_stage(epoch, epochs=EPOCHS)
    steps = STEPS * EPOCHS
    expected = {"steps": steps, "samples": steps * BATCH, "px": SIDE, "flops": by_hand()}
    assert counted == expected


def test_a_stage_without_images_has_no_side():
    class Numbers(Images):
        def epoch(self, number):
            for batch in super().epoch(number):
                yield {"numbers": batch["images"].mean(dim=(2, 3)), "labels": batch["labels"]}

    class Linear(Net):
        def loss(self, batch, *, step, total_steps):
            return self.head(batch["numbers"].repeat(1, 2)[:, :5]).square().mean(), {}

    assert compute.of_epoch(Linear(), Numbers(), **CPU)["px"] == 0


@pytest.fixture
def training(tmp_path):
    said: list[str] = []
    return TrainingContext(
        device=CPU["device"],
        engine=EngineSettings(precision="fp32", channels_last=False),
        log=EventLog(tmp_path / "events.jsonl"),
        purpose=(0, "net"),
        fingerprint="these",
        validate=lambda _: {},
        step=lambda _: None,
        say=said.append,
        interrupted=lambda: False,
    ), said


def stage(**options: Any) -> Stage:
    batches: Any = Images()
    return Stage("net", Net, batches, EPOCHS, FinetuningSettings(optimizer="sgd"), **options)


def test_every_stage_logs_its_compute_once(training, tmp_path):
    context, _ = training
    for _ in range(2):  # the second time from its checkpoint
        one_stage.train(stage(), None, tmp_path, context)
    (logged,) = [event["compute"] for event in context.log.read() if "compute" in event]
    assert logged["flops"] == by_hand()
    assert logged["samples"] == STEPS * EPOCHS * BATCH


def test_on_a_card_a_stage_logs_its_peak_memory_and_a_step_is_timed_there(training, tmp_path):
    """The labels are moved too, and the optimizer is the fused one."""
    context, _ = training
    with card():
        there = replace(context, device=CUDA)
        one_stage.train(stage(), None, tmp_path, there)
        assert one_stage.seconds_to_train(stage(), there) > 0
        assert COUNTED["_local_scalar_dense"] >= 2  # waited for, else launches would be timed
    (logged,) = [event["compute"] for event in context.log.read() if "compute" in event]
    assert logged["peak_bytes"] == PEAK_BYTES
    assert logged["flops"] == by_hand()


def test_counting_moves_no_weight(training, tmp_path, monkeypatch):
    context, _ = training
    (tmp_path / "counted").mkdir()
    (tmp_path / "not").mkdir()
    counted = one_stage.train(stage(), None, tmp_path / "counted", context)
    monkeypatch.setattr(compute, "of_epoch", lambda *_, **__: {})
    uncounted = one_stage.train(stage(), None, tmp_path / "not", context)
    for first, second in zip(counted.parameters(), uncounted.parameters(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("passed", [True, False])
def test_a_gate_is_logged_and_said_where_it_is_not_passed(training, tmp_path, passed):
    context, said = training
    result = GateResult(passed, "more", {"found_db": 3.0}, "it found 3 of 4")
    gated = stage(gate=lambda _: result, outcome=lambda module: module.state_dict())
    for _ in range(2):  # trained, then found
        one_stage.outcome(gated, None, tmp_path / "shared", context)
    (logged,) = [event["gate"] for event in context.log.read() if "gate" in event]
    assert logged == {
        "passed": passed,
        "demand": "more",
        "measured": {"found_db": 3.0},
        "sentence": "it found 3 of 4",
    }
    assert said == ([] if passed else ["net: it found 3 of 4"] * 2)


class TwoConvolutions(nn.Module):
    """One whose image needs no gradient, and one whose image does."""

    def __init__(self, kind, groups):
        super().__init__()
        make = partial(kind, 8, 8, 3, padding=1, groups=groups, bias=False)
        self.first, self.second = make(), make()

    def loss(self, batch, *, step, total_steps):
        del step, total_steps
        return self.second(self.first(batch["images"])).square().mean(), {}


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
@pytest.mark.parametrize("groups", [1, 2, 8])
def test_grouped_convolutions_count_as_by_hand(kind, groups):
    """Forward twice, both weights' gradients, and one image's: five times a pass."""
    batch = {"images": torch.randn(2, 8, 16, 16)}
    counted = compute._of_step(TwoConvolutions(kind, groups), batch, 1, "fp32", torch.device("cpu"))
    one_pass = 2 * 2 * 16 * 16 * 8 * (8 // groups) * 9
    assert counted == 5 * one_pass
