"""Losses that are read one step late on a card, and steps that fp16 leaves out."""

import math

import pytest
import torch
from bowl import Bowl, Vectors
from pretend_cuda import CUDA, card

from bench.training import loop
from bench.training.late import LossReader, NonFiniteLoss
from bench.training.optim import build_optimizer, build_schedule

NAN = torch.tensor(math.nan)


def test_on_a_card_a_loss_is_known_once_the_next_step_is_there(tmp_path):
    with card():
        reader = LossReader(CUDA, tmp_path / "c.pt")
        reader.note(torch.tensor(1.0).to(CUDA), "step 1")
        assert math.isnan(reader.latest)
        reader.note(torch.tensor(2.0).to(CUDA), "step 2")
        assert reader.latest == 1.0
        reader.finish()
        assert reader.latest == 2.0


def test_on_a_processor_it_is_known_at_once(tmp_path):
    reader = LossReader(torch.device("cpu"), tmp_path / "c.pt")
    reader.note(torch.tensor(1.0), "step 1")
    assert reader.latest == 1.0


@pytest.mark.parametrize("last", [True, False])
def test_the_message_names_the_step_of_the_loss_not_the_one_that_was_under_way(tmp_path, last):
    with card():
        reader = LossReader(CUDA, tmp_path / "c.pt")
        reader.note(torch.tensor(1.0).to(CUDA), "step 1")
        reader.note(NAN.to(CUDA), "step 2")
        with pytest.raises(NonFiniteLoss, match=r"^step 2: the loss is nan; lower"):
            reader.finish() if last else reader.note(torch.tensor(1.0).to(CUDA), "step 3")
    reader = LossReader(torch.device("cpu"), tmp_path / "c.pt")
    with pytest.raises(NonFiniteLoss, match=r"^step 2: the loss is nan"):
        reader.note(NAN, "step 2")


class Skipping:
    """A loss scaler in whose second step a gradient overflows."""

    def __init__(self):
        self.steps, self.factor = 0, 1024.0

    def scale(self, loss):
        return loss

    def get_scale(self):
        return self.factor

    def step(self, optimizer):
        self.steps += 1
        if self.steps != 2:
            optimizer.step()

    def update(self):
        self.factor = self.factor / 2 if self.steps == 2 else self.factor

    def state_dict(self):
        return {"factor": self.factor}

    def load_state_dict(self, state):
        self.factor = state["factor"]


def test_a_step_that_fp16_leaves_out_moves_neither_schedule_nor_key_encoder(tmp_path, monkeypatch):
    class Following(Bowl):
        followed = 0

        def after_step(self):
            self.followed += 1

    def moved(scaler):
        module = Following()
        optimizer = build_optimizer(module.parameters(), name="sgd", lr=0.01)
        schedule = build_schedule(optimizer, kind="constant", total_steps=3)
        monkeypatch.setattr(loop, "loss_scaler", lambda *_: scaler)
        loop.fit(
            module,
            optimizer,
            schedule,
            Vectors(6, 6, 5),
            epochs=1,
            path=tmp_path / f"{type(scaler).__name__}.pt",
            precision="fp32",
            device=torch.device("cpu"),
        )
        return schedule.steps_done, module.followed

    assert moved(Skipping()) == (2, 2)
    assert moved(torch.amp.GradScaler("cpu", enabled=False)) == (3, 3)
