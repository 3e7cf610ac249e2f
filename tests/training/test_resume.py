"""A training that was stopped and resumed against one that was not."""

import math
import os
import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from bench.errors import Interrupted, RequestError
from bench.seeding import seed_for
from bench.training.interrupt import catching_signals
from bench.training.loop import TIMINGS, Patience, fit
from bench.training.optim import build_optimizer, build_schedule

EPOCHS, STEPS = 4, 3


class Network(nn.Module):
    """All that a checkpoint must carry: batch statistics, dropout, state moved after steps."""

    follower: torch.Tensor
    pointer: torch.Tensor

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Flatten()
        )
        self.head = nn.Linear(4 * 4 * 4, 3)
        self.register_buffer("follower", torch.zeros(3))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))

    def loss(self, batch, *, step, total_steps):
        logits = self.head(self.body(batch["images"])) + self.follower * step / total_steps
        loss = functional.cross_entropy(logits, batch["labels"])
        return loss, {"accuracy": (logits.argmax(1) == batch["labels"]).float().mean()}

    def after_step(self):
        self.follower.lerp_(self.head.bias.detach(), 0.5)
        self.pointer += 1


class Photographs:
    indices = np.empty(0, dtype=np.int64)
    foreign = "random images"

    def __init__(self, seed=0, steps=STEPS):
        self.seed, self.steps = seed, steps

    def __len__(self):
        return self.steps

    def epoch(self, number):
        generator = torch.Generator().manual_seed(seed_for(self.seed, "batches", number))
        for size in (6, 6, 5)[: self.steps]:
            images = torch.rand(size, 3, 6, 6, generator=generator)
            yield {"images": images, "labels": torch.randint(0, 3, (size,), generator=generator)}


def train(path, *, seed=0, optimizer="sgd", epochs=EPOCHS, batches=None, **arguments: Any):
    """One training from scratch, or from what is at the path; as a new process would do it."""
    torch.manual_seed(seed)
    arguments = {"precision": "fp32", "device": torch.device("cpu")} | arguments
    batches = batches or Photographs()
    module = Network().to(arguments["device"])
    descent = build_optimizer(
        module.parameters(), name=optimizer, lr=0.05, momentum=0.9, weight_decay=1e-3
    )
    schedule = build_schedule(
        descent, kind="cosine", total_steps=epochs * len(batches), warmup_steps=2
    )
    return module, fit(module, descent, schedule, batches, epochs=epochs, path=path, **arguments)


def stop_after_steps(steps):
    """An answer to the loop, which asks before each epoch and after each step."""
    calls = iter(range(10**6))
    return lambda: next(calls) >= steps + (steps - 1) // STEPS


def timeless(fitted):
    kept = [{k: v for k, v in e.items() if k not in TIMINGS} for e in fitted.history]
    return replace(fitted, history=kept)


def same_weights(one, other):
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


def noisy_validation(module):
    """A score that uses up torch's random state, as some validation loaders do."""
    return {"score": float(module.head.bias.detach().sum() + 0 * torch.rand(1))}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("steps", [1, 3, 4, 6, 8, 9, 11, 12])
def test_resuming_changes_nothing(tmp_path, steps, optimizer):
    options: dict[str, Any] = {"optimizer": optimizer, "validate": noisy_validation}
    whole, expected = train(tmp_path / "whole.pt", **options)
    with pytest.raises(Interrupted):
        train(tmp_path / "parts.pt", interrupted=stop_after_steps(steps), **options)
    resumed, fitted = train(tmp_path / "parts.pt", **options)
    assert same_weights(resumed, whole)
    assert timeless(fitted) == timeless(expected)


def test_resuming_at_every_epoch_in_turn_changes_nothing(tmp_path):
    whole, expected = train(tmp_path / "whole.pt")
    for _ in range(EPOCHS - 1):
        with pytest.raises(Interrupted):
            train(tmp_path / "parts.pt", interrupted=stop_after_steps(STEPS + 1))
    resumed, fitted = train(tmp_path / "parts.pt")
    assert same_weights(resumed, whole)
    assert timeless(fitted) == timeless(expected)


def test_another_seed_or_other_batches_give_other_weights(tmp_path):
    one, _ = train(tmp_path / "0.pt")
    seeded, _ = train(tmp_path / "1.pt", seed=1)
    fed, _ = train(tmp_path / "2.pt", batches=Photographs(seed=1))
    assert not torch.equal(one.head.weight, seeded.head.weight)
    assert not torch.equal(one.head.weight, fed.head.weight)


def test_the_same_training_twice_is_the_same(tmp_path):
    one, _ = train(tmp_path / "one.pt")
    other, _ = train(tmp_path / "other.pt")
    assert same_weights(one, other)


@pytest.mark.parametrize("epochs_before", [1, 2, 3])
def test_a_training_that_patience_ends_ends_there_after_a_resume_too(tmp_path, epochs_before):
    def falling(module):
        return {"score": -float(module.head.weight.detach().norm())}

    options: dict[str, Any] = {"validate": falling, "patience": Patience(2, -math.inf)}
    whole, expected = train(tmp_path / "whole.pt", **options)
    assert len(expected.history) == 3 < EPOCHS
    with pytest.raises(Interrupted):
        train(tmp_path / "parts.pt", interrupted=stop_after_steps(epochs_before * STEPS), **options)
    resumed, fitted = train(tmp_path / "parts.pt", **options)
    assert same_weights(resumed, whole)
    assert timeless(fitted) == timeless(expected)


def test_a_finished_training_is_found_and_not_trained_again(tmp_path):
    whole, expected = train(tmp_path / "c.pt", validate=noisy_validation)

    def refuse(module):
        raise AssertionError("trained again")

    found, fitted = train(tmp_path / "c.pt", validate=refuse)
    assert same_weights(found, whole)
    assert fitted == expected


def test_sigterm_ends_after_the_step_and_the_rest_gives_the_same(tmp_path):
    whole, expected = train(tmp_path / "whole.pt")
    done = []

    def end_at_the_fifth(report):
        done.append(report.steps_done)
        if report.steps_done == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with (
        catching_signals() as interrupted,
        pytest.raises(Interrupted, match=r"epoch 2 of 4, step 5 of 12") as caught,
    ):
        train(tmp_path / "parts.pt", progress=end_at_the_fifth, interrupted=interrupted)
    assert done == [1, 2, 3, 4, 5]
    assert caught.value.exit_code == 4
    resumed, fitted = train(tmp_path / "parts.pt")
    assert same_weights(resumed, whole)
    assert timeless(fitted) == timeless(expected)


@pytest.mark.parametrize("epochs_before", [0, 1, 3])
def test_record_gets_every_epoch_once_and_in_order_after_a_resume_too(tmp_path, epochs_before):
    log = []
    if epochs_before:
        with pytest.raises(Interrupted):
            train(tmp_path / "c.pt", interrupted=stop_after_steps(STEPS * epochs_before + 1))
    _, fitted = train(tmp_path / "c.pt", record=log.append)
    assert log == fitted.history
    assert [event["epoch"] for event in log] == [1, 2, 3, 4]


def test_an_epoch_is_recorded_only_when_its_checkpoint_is_safe(tmp_path):
    class Crash(Exception):
        pass

    def crash(event):
        raise Crash

    log = []
    with pytest.raises(Crash):
        train(tmp_path / "c.pt", record=crash)
    with pytest.raises(Interrupted):
        train(tmp_path / "c.pt", record=log.append, interrupted=lambda: True)
    assert [event["epoch"] for event in log] == [1]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"fingerprint": "b"}, "fingerprint 'a', now 'b'"),
        ({"epochs": 5}, "epochs 4, now 5"),
        ({"batches": Photographs(steps=2)}, "steps an epoch 3, now 2"),
        ({"precision": "bf16"}, "precision 'fp32', now 'bf16'"),
        ({"accumulation": 2}, "accumulation 1, now 2"),
        ({"stage": "finetune"}, "stage 'train', now 'finetune'"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused_and_left_alone(tmp_path, changed, named):
    path = tmp_path / "c.pt"
    train(path, fingerprint="a")
    before = path.read_bytes()
    with pytest.raises(RequestError, match=named) as caught:
        train(path, **{"fingerprint": "a"} | changed)
    assert caught.value.exit_code == 2
    assert path.read_bytes() == before


def test_bf16_trains_in_float32_weights_and_differs_from_fp32(tmp_path):
    exact, _ = train(tmp_path / "fp32.pt")
    rounded, fitted = train(tmp_path / "bf16.pt", precision="bf16")
    assert rounded.head.weight.dtype == torch.float32
    assert not torch.equal(rounded.head.weight, exact.head.weight)
    assert all(math.isfinite(event["train"]["loss"]) for event in fitted.history)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_resuming_on_a_gpu_changes_nothing(tmp_path, precision):
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    options: dict[str, Any] = {"device": torch.device("cuda"), "precision": precision}
    whole, _ = train(tmp_path / "whole.pt", **options)
    with pytest.raises(Interrupted):
        train(tmp_path / "parts.pt", interrupted=stop_after_steps(5), **options)
    resumed, _ = train(tmp_path / "parts.pt", **options)
    assert same_weights(resumed, whole)


@pytest.mark.parametrize(("steps", "kept"), [(1, False), (STEPS + 1, True)])
def test_a_checkpoint_is_named_only_where_there_is_one(tmp_path, steps, kept):
    with pytest.raises(Interrupted) as caught:
        train(tmp_path / "c.pt", interrupted=stop_after_steps(steps))
    assert (tmp_path / "c.pt").is_file() == kept
    assert ("finished epochs are kept in" in str(caught.value)) == kept
    assert ("no epoch was finished" in str(caught.value)) != kept
