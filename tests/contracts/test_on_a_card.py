"""Every stage of every method on a pretended card: nothing mixed, no waiting, the same numbers."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from pretend_cuda import COUNTED, CUDA, MixedDevices, card
from torch import nn
from unlike_methods import unlike_methods

from bench.data.card_pixels import on_card
from bench.evaluation.predict import probabilities
from bench.pipeline import build
from bench.pipeline.embeddings import embed
from bench.pipeline.saliency import explain
from bench.roster import METHODS
from bench.training.loop import fit
from bench.training.optim import build_optimizer, build_schedule
from bench.training.stages import Supervised, initial_weights
from bench.training.train import trained_parameters

SENT = {"images or their numbers", "draws", "labels"}
SENT_TWICE = {"patches or their numbers", "second patches", "draws", "second draws", "entries"}
SEEN = {"copy in, not awaited", "copy out, not awaited"}
"""Nothing else may happen in a step: no copy that is waited for, no number that Python asks for."""


class Few:
    """The first three batches of each epoch."""

    def __init__(self, batches):
        self.batches, self.indices, self.foreign = batches, batches.indices, batches.foreign

    def __len__(self):
        return min(3, len(self.batches))

    def epoch(self, number):
        yield from islice(self.batches.epoch(number), len(self))


def trained(stage, start, path, device, *, notice=None):
    """A stage's module after two epochs."""
    module = initial_weights(stage.module, 0)
    if stage.starts_from is not None:
        stage.starts_from(module, start)
    module = module.to(device)
    settings = stage.settings
    optimizer = build_optimizer(
        trained_parameters(module, settings.lr), name=settings.optimizer, lr=settings.lr
    )
    batches = Few(stage.batches)
    schedule = build_schedule(optimizer, kind="constant", total_steps=2 * len(batches))
    fit(
        module,  # pyright: ignore
        optimizer,
        schedule,
        batches,
        epochs=2,
        path=path,
        precision="fp32",
        device=device,
        progress=notice,
        stage=stage.name,
    )
    return module


def each_step(counts):
    """Notes what happened since the last step, for `fit` to call."""

    def note(_):
        counts.append(Counter(COUNTED))
        COUNTED.clear()

    return note


def sizes_of(images):
    return images.whole, images.for_patches, images.own


def refuse(counts, budget):
    """Fail unless a step has done nothing but send as many things as the budget has."""
    assert set(counts) == SEEN, counts
    assert counts["copy out, not awaited"] == 1  # the loss, to be read once the next step is there
    assert counts["copy in, not awaited"] <= budget, counts


LAST_LOSSES = "comcl.spl_losses=previous"
"""With which the levels are sent too, since patches are numbered by level."""

SETTINGS = [
    ("comcl", ("comcl.spl=kumar",)),
    ("comcl", (LAST_LOSSES, "patches.second_view=own_window")),
    ("comcl", ("comcl.topk_scope=global", "comcl.own_level_negatives=yes")),
    ("comcl", ("comcl.negatives=batch", "comcl.empty_level=paired_clean")),
    ("moco", ("moco.groups=2",)),
    ("moco", ("moco.negatives=batch",)),
    ("resnet50", ("finetuning.loss=regression", "finetuning.accumulation=2")),
]
"""That send or ask otherwise than the presets' settings."""


@pytest.mark.parametrize(
    ("name", "resident", "changes"),
    [
        *((name, True, ()) for name in unlike_methods()),
        ("resnet50", False, ()),
        ("comcl", False, ()),
        *((name, True, changes) for name, changes in SETTINGS),
    ],
)
def test_no_step_waits_for_the_card(context_of, tmp_path, name, resident, changes):
    """And the weights are those that the processor comes to, since the kernels are its own.

    But for a gradient that has no repeatable kernel on a card: there to rounding.
    """
    here = context_of(name, changes=changes)
    there = replace(here, device=CUDA)
    if resident:
        there = replace(there, images=on_card(here.images, CUDA, free_bytes=2**40))
    start = start_there = None
    for stage, same in zip(build.stages(here), build.stages(there), strict=True):
        counts = []
        module = trained(stage, start, tmp_path / f"{stage.name}.pt", here.device)
        with card():
            for pixels in filter(None, sizes_of(there.images) if resident else ()):
                pixels.batch(np.arange(len(pixels.clean)))  # all of them, once
            moved = trained(
                same,
                start_there,
                tmp_path / f"{stage.name}-card.pt",
                CUDA,
                notice=each_step(counts),
            )
            state = {key: value.cpu() for key, value in moved.state_dict().items()}
        pair = {"query", "key"} <= set(next(iter(stage.batches.epoch(1))))
        later = counts[
            len(counts) // 2 + 1 :
        ]  # the first epoch fills the card, its end reads means
        assert later
        for step in later:
            refuse(step, len(SENT_TWICE if pair else SENT) + (LAST_LOSSES in changes))
        # Adam moves a weight by its rate at most a step, whichever way a sum near zero is rounded.
        moved_by = len(counts) * stage.settings.lr if name == "deepmt-dr" else 0.0
        close: dict[str, Any] = {"rtol": moved_by, "atol": 2 * moved_by}
        torch.testing.assert_close(state, dict(module.state_dict()), **close)
        if stage.outcome is not None:
            start = stage.outcome(module)
            start_there = {key: state.get(key, value) for key, value in start.items()}


@pytest.mark.parametrize("name", ["comcl", "zoom-in-net", "deepmt-dr"])
def test_predictions_maps_and_embeddings_on_a_card_are_those_of_the_processor(context_of, name):
    answers = []
    for device in (torch.device("cpu"), CUDA):
        context = replace(context_of(name), device=device)
        module = initial_weights(build.stages(context)[-1].module, 0)
        indices = context.dataset.where("test")
        with card():
            if device == CUDA:
                images = on_card(context.images, CUDA, free_bytes=2**40)
                context = replace(context, images=images)
            moved = module.to(device)
            pixels, prepare = build.pixels(context), build.prepare(context)
            given = probabilities(moved, pixels, indices, context.dataset.task, prepare)
            embedded = embed(moved, context) if name == "comcl" else {}
            answers.append({"given": given, **explain(moved, context), **embedded})
    here, there = answers
    assert here.keys() == there.keys()
    for key, value in here.items():
        np.testing.assert_array_equal(value, there[key], err_msg=key)


class Planted(nn.Module):
    """A network that does in a step what none may."""

    def __init__(self, what):
        super().__init__()
        self.linear, self.what = nn.Linear(3, 5), what

    def forward(self, images):
        means = images.mean(dim=(2, 3))
        if self.what == "mixed":
            means = means + torch.ones(3)
        if self.what == "asked":
            assert means.sum().item() < torch.inf
        if self.what == "picked":
            means = means[means[:, 0] > -torch.inf]
        if self.what == "sent":
            means = means * torch.tensor([1.0, 1.0, 1.0]).to(means.device)
        return self.linear(means)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("mixed", "expected all tensors to be on the same device"),
        ("asked", "_local_scalar_dense"),
        ("picked", "index"),
        ("sent", "copy in"),
        ("nothing", None),
    ],
)
def test_what_no_step_may_do_is_found(context_of, tmp_path, what, told):
    context = replace(context_of("resnet50"), device=CUDA)
    (stage,) = build.stages(context)
    stage = replace(stage, module=lambda: Supervised(Planted(what)))
    counts = []

    def run():
        with card():
            trained(stage, None, tmp_path / "c.pt", CUDA, notice=each_step(counts))
        refuse(counts[-1], len(SENT))

    if told is None:
        return run()
    with pytest.raises((MixedDevices, AssertionError), match=told):
        run()
    return None


def test_every_kind_of_method_is_tried():
    recipes = {METHODS[name].recipe for name in unlike_methods()}
    assert recipes == {method.recipe for method in METHODS.values()}
