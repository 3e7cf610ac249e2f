import math
from typing import Any

import pytest
import torch
from bowl import Bowl, Vectors

from bench.errors import RequestError
from bench.training.late import NonFiniteLoss
from bench.training.loop import Patience, fit
from bench.training.optim import build_optimizer, build_schedule

EPOCHS = 4


def train(module, path, *, sizes=(6, 6, 5), lr=0.01, epochs=EPOCHS, **arguments: Any):
    batches = Vectors(*sizes)
    optimizer = build_optimizer(module.parameters(), name="sgd", lr=lr)
    schedule = build_schedule(optimizer, kind="constant", total_steps=epochs * len(batches))
    arguments = {"precision": "fp32", "device": torch.device("cpu")} | arguments
    return fit(module, optimizer, schedule, batches, epochs=epochs, path=path, **arguments)


def same_weights(module, state):
    return all(torch.equal(value, state[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("step", [0, 4])
def test_a_nan_loss_stops_with_stage_epoch_and_step(tmp_path, step):
    epoch = 1 + step // 3
    where = rf"^pretrain, epoch {epoch} of 4, step {step + 1} of 12: the loss is nan"
    module = Bowl(first_nan=step)
    with pytest.raises(NonFiniteLoss, match=where) as caught:
        train(module, tmp_path / "c.pt", stage="pretrain")
    assert caught.value.exit_code == 1
    assert len(module.asked) == step + 1
    assert all(torch.isfinite(p).all() for p in module.parameters())


def test_an_exploding_loss_stops_as_a_nan_does(tmp_path):
    with pytest.raises(NonFiniteLoss, match=r"the loss is (inf|nan)"):
        train(Bowl(), tmp_path / "c.pt", lr=1e200)


@pytest.mark.parametrize(("accumulation", "sizes"), [(2, (8, 8)), (3, (8, 7)), (8, (8, 3))])
def test_a_batch_in_parts_gives_the_gradient_of_the_whole(tmp_path, accumulation, sizes):
    """Float64: a few sums in another order, hence 1e-12 where weights are of order 1."""
    whole, parts, single = Bowl(), Bowl(), Bowl()
    train(whole, tmp_path / "whole.pt", sizes=sizes, lr=0.5)
    fitted = train(parts, tmp_path / "parts.pt", sizes=sizes, lr=0.5, accumulation=accumulation)
    torch.testing.assert_close(parts.state_dict(), whole.state_dict(), rtol=1e-12, atol=1e-12)
    assert fitted.history[-1]["step"] == EPOCHS * len(sizes)
    train(single, tmp_path / "single.pt", sizes=[size // 2 for size in sizes], lr=0.5)
    assert not torch.allclose(single.linear.weight, whole.linear.weight, rtol=1e-3)


def test_a_part_of_a_batch_is_all_that_is_computed_at_once(tmp_path):
    module = Bowl()
    train(module, tmp_path / "c.pt", sizes=(8,), accumulation=4)
    assert {size for _, _, size in module.asked} == {2}


def test_the_loss_is_told_the_step_of_all_steps(tmp_path):
    module = Bowl()
    train(module, tmp_path / "c.pt", epochs=2)
    assert [(step, total) for step, total, _ in module.asked] == [(s, 6) for s in range(6)]


def test_after_step_follows_the_optimizer_and_comes_once_a_step(tmp_path):
    class Following(Bowl):
        def __init__(self):
            super().__init__()
            self.weights = [self.linear.weight.detach().clone()]

        def after_step(self):
            self.weights.append(self.linear.weight.detach().clone())

    module = Following()
    train(module, tmp_path / "c.pt", accumulation=2)
    assert len(module.weights) == 1 + EPOCHS * 3
    assert all(
        not torch.equal(before, after)
        for before, after in zip(module.weights, module.weights[1:], strict=False)
    )
    assert torch.equal(module.weights[-1], module.linear.weight)


def test_the_schedule_moves_once_a_step(tmp_path):
    """Three steps an epoch of a linear warm-up over twelve: epochs start at 1, 4, 7, 10 of 12."""
    module = Bowl()
    optimizer = build_optimizer(module.parameters(), name="sgd", lr=1.2)
    schedule = build_schedule(optimizer, kind="constant", total_steps=12, warmup_steps=12)
    fitted = fit(
        module,
        optimizer,
        schedule,
        Vectors(4, 4, 4),
        epochs=EPOCHS,
        path=tmp_path / "c.pt",
        precision="fp32",
        device=torch.device("cpu"),
    )
    rates = [event["learning_rate"] for event in fitted.history]
    assert rates == pytest.approx([0.1, 0.4, 0.7, 1.0])


def test_events_hold_the_means_of_the_epoch(tmp_path):
    fitted = train(Bowl(), tmp_path / "c.pt", stage="finetune", lr=0.25)
    event = fitted.history[1]
    assert event["train"]["step"] == pytest.approx((3 + 4 + 5) / 3)
    assert event["train"]["twice"] == pytest.approx(2 * event["train"]["loss"])
    assert (event["stage"], event["epoch"], event["step"]) == ("finetune", 2, 6)
    assert event["learning_rate"] == 0.25
    assert event["images_per_second"] == pytest.approx(17 / event["seconds"])
    losses = [event["train"]["loss"] for event in fitted.history]
    assert losses[-1] < losses[0]


def test_a_scalar_logged_in_some_steps_is_averaged_over_those(tmp_path):
    class Sometimes(Bowl):
        def loss(self, batch, *, step, total_steps):
            loss, _ = super().loss(batch, step=step, total_steps=total_steps)
            return loss, {"odd": float(step)} if step % 2 else {}

    fitted = train(Sometimes(), tmp_path / "c.pt")
    assert [event["train"]["odd"] for event in fitted.history] == [1, 4, 7, 10]


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ((0.1, 0.3, 0.2, 0.0), 2),
        ((0.1, 0.3, 0.3, 0.2), 2),
        ((-0.4, -0.3, -0.2, -0.1), 4),
        ((math.nan, 0.1, math.nan, 0.0), 2),
    ],
)
def test_the_best_epochs_weights_are_kept_the_earlier_of_equals(tmp_path, scores, best):
    snapshots, remaining = [], iter(scores)

    def validate(module):
        snapshots.append({name: value.clone() for name, value in module.state_dict().items()})
        return {"score": next(remaining)}

    module = Bowl()
    fitted = train(module, tmp_path / "c.pt", validate=validate)
    assert (fitted.best_epoch, fitted.best_score) == (best, scores[best - 1])
    chosen = [epoch for epoch in range(4) if same_weights(module, snapshots[epoch])]
    assert chosen == [best - 1]


@pytest.mark.parametrize("scores", [None, {"loss": 1.0}, {"score": math.nan}])
def test_without_a_score_that_is_a_number_the_last_epochs_weights_stay(tmp_path, scores):
    judged, plain = Bowl(), Bowl()
    validate = None if scores is None else lambda module: scores
    fitted = train(judged, tmp_path / "judged.pt", validate=validate)
    train(plain, tmp_path / "plain.pt")
    assert same_weights(judged, plain.state_dict())
    assert (fitted.best_epoch, fitted.best_score) == (None, None)


def scored(tmp_path, scores, patience):
    """A training of as many epochs as there are scores, unless it ends before."""
    remaining = iter(scores)
    return train(
        Bowl(),
        tmp_path / "c.pt",
        epochs=len(scores),
        patience=patience,
        validate=lambda module: {"score": next(remaining)},
    )


@pytest.mark.parametrize(
    ("patience", "trained", "best"), [(None, 6, 5), (4, 6, 5), (3, 4, 1), (2, 3, 1), (1, 2, 1)]
)
def test_patience_ends_a_training_that_has_stopped_to_improve(tmp_path, patience, trained, best):
    scores = (0.5, 0.4, 0.5, 0.4, 0.6, 0.1)
    fitted = scored(tmp_path, scores, None if patience is None else Patience(patience, 0.1))
    assert (len(fitted.history), fitted.best_epoch) == (trained, best)


@pytest.mark.parametrize(
    ("scores", "trained"),
    [
        ((0.0, 0.0, 0.0, 0.0, 0.0, 0.0), 6),
        ((math.nan,) * 6, 6),
        ((0.09, 0.0, 0.0, 0.1, 0.0, 0.0), 6),
        ((0.0, 0.0, 0.1, 0.0, 0.0, 0.2), 5),
    ],
)
def test_patience_waits_for_a_score_of_something_learnt(tmp_path, scores, trained):
    assert len(scored(tmp_path, scores, Patience(2, 0.1)).history) == trained


@pytest.mark.parametrize(("best", "trained"), [(3, 4), (6, 8), (12, 16), (16, 20)])
def test_patience_may_be_a_share_of_the_training_at_least(tmp_path, best, trained):
    # A patience of 1 and a quarter: the 3rd of 4 epochs, ... the 16th of 20, where the cap is.
    scores = [0.2 + 0.01 * epoch if epoch <= best else 0.1 for epoch in range(1, 21)]
    fitted = scored(tmp_path, scores, Patience(1, 0.1, 0.25))
    assert (len(fitted.history), fitted.best_epoch) == (trained, best)


def test_training_mode_is_back_after_a_validation_that_left_it(tmp_path):
    class Moody(Bowl):
        def loss(self, batch, *, step, total_steps):
            loss, _ = super().loss(batch, step=step, total_steps=total_steps)
            return loss, {"training": float(self.training)}

    def validate(module):
        module.eval()
        return {}

    fitted = train(Moody().eval(), tmp_path / "c.pt", validate=validate)
    assert [event["train"]["training"] for event in fitted.history] == [1.0] * EPOCHS


def test_no_batch_at_all_is_a_request_error(tmp_path):
    with pytest.raises(RequestError, match="0 batches per epoch"):
        train(Bowl(), tmp_path / "c.pt", sizes=())


def test_an_epoch_of_fewer_batches_than_promised_is_an_error(tmp_path):
    """A schedule that ends early would be a quiet wrong result."""

    class Short(Vectors):
        def __len__(self):
            return len(self.sizes) + 1

    module = Bowl()
    optimizer = build_optimizer(module.parameters(), name="sgd", lr=0.1)
    schedule = build_schedule(optimizer, kind="constant", total_steps=3)
    with pytest.raises(ValueError, match="zip"):
        fit(
            module,
            optimizer,
            schedule,
            Short(4, 4),
            epochs=1,
            path=tmp_path / "c.pt",
            precision="fp32",
            device=torch.device("cpu"),
        )


def test_progress_counts_every_step(tmp_path):
    reports = []
    train(Bowl(), tmp_path / "c.pt", progress=reports.append, stage="pretrain")
    assert [report.steps_done for report in reports] == list(range(1, 13))
    assert {(r.stage, r.epochs, r.total_steps) for r in reports} == {("pretrain", 4, 12)}
    assert all(r.images_per_second > 0 and math.isfinite(r.loss) for r in reports)


def test_progress_shows_the_loss_of_the_whole_batch(tmp_path):
    whole, parts = [], []
    train(Bowl(), tmp_path / "whole.pt", progress=whole.append)
    train(Bowl(), tmp_path / "parts.pt", progress=parts.append, accumulation=3)
    assert [r.loss for r in parts] == pytest.approx([r.loss for r in whole], rel=1e-12)
