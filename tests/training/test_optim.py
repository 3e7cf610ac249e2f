import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bench.errors import RequestError
from bench.training.optim import DECAYS, build_optimizer, build_schedule

GRADIENTS = (0.5, -1.0, 2.0)
LR, DECAY = 0.1, 0.01


def descend(**arguments: Any):
    """The weight after each step against given gradients."""
    weight = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    optimizer = build_optimizer([weight], lr=LR, **arguments)
    path = []
    for gradient in GRADIENTS:
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        path.append(weight.item())
    return path


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_heavy_ball_with_decay_in_the_gradient(nesterov):
    weight, velocity, expected = 1.0, 0.0, []
    for gradient in GRADIENTS:
        slope = gradient + DECAY * weight
        velocity = 0.9 * velocity + slope
        weight -= LR * (slope + 0.9 * velocity if nesterov else velocity)
        expected.append(weight)
    path = descend(name="sgd", momentum=0.9, nesterov=nesterov, weight_decay=DECAY)
    assert path == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_decays_the_gradient_and_adamw_the_weight(name):
    (b1, b2), weight, first, second, expected = (0.8, 0.95), 1.0, 0.0, 0.0, []
    for step, gradient in enumerate(GRADIENTS, start=1):
        slope = gradient
        if name == "adam":
            slope += DECAY * weight
        else:
            weight *= 1 - LR * DECAY
        first = b1 * first + (1 - b1) * slope
        second = b2 * second + (1 - b2) * slope**2
        spread = math.sqrt(second / (1 - b2**step)) + 1e-8
        weight -= LR * first / (1 - b1**step) / spread
        expected.append(weight)
    path = descend(name=name, betas=(b1, b2), weight_decay=DECAY)
    assert path == pytest.approx(expected, rel=1e-12)


def test_the_optimizers_differ():
    ends = {descend(name=name, weight_decay=DECAY)[-1] for name in ("sgd", "adam", "adamw")}
    assert len(ends) == 3


def test_decay_reaches_norms_and_biases_unless_their_group_says_no():
    norm, layer = nn.BatchNorm1d(2), nn.Linear(2, 2)
    with torch.no_grad():
        layer.bias.fill_(1)
    groups = [{"params": [norm.weight], "weight_decay": 0.0}, {"params": [layer.bias]}]
    optimizer = build_optimizer(groups, name="sgd", lr=LR, weight_decay=DECAY)
    norm.weight.grad, layer.bias.grad = torch.zeros(2), torch.zeros(2)
    optimizer.step()
    assert torch.equal(norm.weight, torch.ones(2))
    torch.testing.assert_close(layer.bias.detach(), torch.full((2,), 1 - LR * DECAY))


def test_an_unknown_optimizer_lists_the_known_ones():
    with pytest.raises(RequestError, match="rmsprop: choose one of: sgd, adam, adamw"):
        descend(name="rmsprop")


def test_nesterov_without_momentum_is_refused():
    with pytest.raises(RequestError, match=r"momentum 0\.0: must be above 0 for nesterov"):
        descend(name="sgd", nesterov=True)


def rates(kind, total_steps, warmup_steps=0, lrs=(1.0,)):
    """The learning rate of every step, (steps, groups)."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in lrs]
    optimizer = build_optimizer(groups, name="sgd", lr=1.0)
    schedule = build_schedule(
        optimizer, kind=kind, total_steps=total_steps, warmup_steps=warmup_steps
    )
    used = []
    for _ in range(total_steps):
        used.append([group["lr"] for group in optimizer.param_groups])
        schedule.step()
    return used


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("constant", lambda t: 1.0),
        ("cosine", lambda t: 0.5 + 0.5 * math.cos(math.pi * t)),
        ("poly", lambda t: (1 - t) ** 0.9),
        ("step", lambda t: 1.0 if t < 0.6 else 0.1 if t < 0.8 else 0.01),
    ],
)
@pytest.mark.parametrize("warmup", [0, 1, 4])
def test_the_schedule_is_its_closed_form(kind, form, warmup):
    total = 20
    expected = [(s + 1) / warmup for s in range(warmup)]
    expected += [form((s - warmup) / (total - warmup)) for s in range(warmup, total)]
    assert [rate for (rate,) in rates(kind, total, warmup)] == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("steps_per_epoch", [1, 7, 195])
def test_steps_down_come_with_epochs_120_and_160_of_200(steps_per_epoch):
    used = [rate for (rate,) in rates("step", 200 * steps_per_epoch)]
    epochs = used[::steps_per_epoch]
    assert epochs == pytest.approx([1.0] * 120 + [0.1] * 40 + [0.01] * 40)
    assert used == [rate for rate in epochs for _ in range(steps_per_epoch)]


@pytest.mark.parametrize("warmup", [0, 3])
def test_an_inverse_time_decay_counts_steps_whatever_the_length(warmup):
    short, long = (rates("inverse_time", total, warmup) for total in (20, 400))
    assert short == long[:20]
    assert long[-1] == pytest.approx([1 / (1 + 1e-5 * (399 - warmup))], rel=1e-12)
    assert long[-1] < long[warmup] == [1.0]


def test_half_way_a_cosine_is_at_half_and_a_constant_is_not():
    assert rates("cosine", 10)[5] == pytest.approx([0.5])
    assert rates("constant", 10)[5] == [1.0]


def test_every_group_keeps_its_own_base_rate():
    for high, low in rates("cosine", 7, 2, lrs=(1.0, 0.01)):
        assert low == pytest.approx(high / 100)


@given(st.sampled_from(sorted(DECAYS)), st.integers(1, 40), st.data())
def test_a_rate_is_never_zero_nor_above_its_base_and_falls_after_the_warm_up(kind, total, data):
    warmup = data.draw(st.integers(0, total))
    used = [rate for (rate,) in rates(kind, total, warmup)]
    assert all(0 < rate <= 1 for rate in used)
    assert used[:warmup] == sorted(used[:warmup])
    assert used[warmup:] == sorted(used[warmup:], reverse=True)


def test_a_restored_schedule_goes_on_as_if_it_had_not_stopped():
    def fresh():
        optimizer = build_optimizer([nn.Parameter(torch.zeros(1))], name="sgd", lr=1.0)
        return optimizer, build_schedule(optimizer, kind="cosine", total_steps=9, warmup_steps=2)

    (first, schedule), (second, restored) = fresh(), fresh()
    for _ in range(5):
        schedule.step()
    assert second.param_groups[0]["lr"] != first.param_groups[0]["lr"]
    restored.load_state_dict(schedule.state_dict())
    assert second.param_groups[0]["lr"] == first.param_groups[0]["lr"]
    schedule.step()
    restored.step()
    assert second.param_groups[0]["lr"] == first.param_groups[0]["lr"]


def test_unknown_schedules_and_endless_warm_ups_are_refused():
    with pytest.raises(RequestError, match="stairs: choose one of: cosine, constant, poly, step"):
        rates("stairs", 5)
    with pytest.raises(RequestError, match="warmup_steps 6: must lie within the training's 5"):
        rates("cosine", 5, 6)
