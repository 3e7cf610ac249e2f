"""DeepMT-DR's first phase: its own optimizer, its length, its crops, and the gate after it."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench.errors import RequestError
from bench.pipeline import build
from bench.pipeline.recipes.common import input_pixels
from bench.pipeline.recipes.restoration import beats_bicubic
from bench.training.crops import CroppedBatches
from bench.training.stages import initial_weights


def first_of(context_of, *changes):
    return build.stages(context_of("deepmt-dr", changes=changes))[0]


def test_super_resolution_has_an_optimizer_of_its_own_and_the_grader_that_of_all(context_of):
    changes = ("finetuning.optimizer=sgd", "deepmt_dr.sr_lr=0.005")
    stages = build.stages(context_of("deepmt-dr", changes=changes))
    optimizers = [(s.settings.optimizer, s.settings.weight_decay) for s in stages]
    assert optimizers == [("adam", 0.0), ("sgd", 0.05), ("sgd", 0.05)]
    assert [s.settings.lr for s in stages] == [0.005, 2e-3, 2e-3]


def test_each_phase_lasts_as_long_as_a_classifier_unless_its_steps_are_set(context_of):
    plain = build.stages(context_of("resnet50", changes=("finetuning.epochs=5",)))[0]
    stages = build.stages(context_of("deepmt-dr", changes=("finetuning.epochs=5",)))
    assert [s.epochs for s in stages] == [5, 5, 5]
    assert {len(s.batches) for s in stages} == {len(plain.batches)}
    steps = 7 * len(plain.batches)
    assert first_of(context_of, f"deepmt_dr.sr_steps={steps}").epochs == 7
    assert first_of(context_of, "deepmt_dr.sr_steps=1").epochs == 1


def test_crops_are_taken_in_the_first_phase_alone_and_never_larger_than_the_image(context_of):
    stages = build.stages(context_of("deepmt-dr", changes=("deepmt_dr.sr_crop_px=16",)))
    whole = first_of(context_of, "deepmt_dr.sr_crop_px=null")
    assert not isinstance(whole.batches, CroppedBatches)
    assert [isinstance(s.batches, CroppedBatches) for s in stages] == [True, False, False]
    batch = next(iter(stages[0].batches.epoch(1)))
    assert batch["images"].shape[2:] == batch["masks"].shape[2:] == (16, 16)
    with pytest.raises(RequestError, match="sr_crop_px=33: larger than the image of 32 px"):
        first_of(context_of, "deepmt_dr.sr_crop_px=33")


def decibels(pairs):
    errors = [np.square(a.astype(float) - b).mean() / 255**2 for a, b in pairs]
    return -10 * math.log10(np.mean(errors))


def test_the_gate_compares_with_bicubic_and_with_one_colour(context_of):
    """By Pillow, whose bicubic the released code enlarges with, on 8-bit values."""
    context = context_of("deepmt-dr")
    stage = build.stages(context)[0]
    module = initial_weights(stage.module, 0)
    measured = beats_bicubic(context, module).measured
    images = input_pixels(context).images(context.dataset.where("validation"))
    small = [Image.fromarray(i).resize((16, 16), Image.Resampling.BICUBIC) for i in images]
    large = [np.asarray(i.resize((32, 32), Image.Resampling.BICUBIC)) for i in small]
    colour = images.mean(axis=(0, 1, 2))
    # Rounding to 8 bits twice costs under 0.1 dB at errors of several grey levels.
    assert measured["bicubic_db"] == pytest.approx(
        decibels(zip(images, large, strict=True)), abs=0.1
    )
    assert measured["constant_db"] == pytest.approx(
        decibels((i, np.broadcast_to(colour, i.shape)) for i in images), abs=0.01
    )


def test_the_gate_is_passed_by_what_restores_and_not_by_an_untrained_network(context_of):
    context = context_of("deepmt-dr")
    stage = build.stages(context)[0]
    assert stage.gate is not None
    module: Any = initial_weights(stage.module, 0)
    untrained = stage.gate(module)
    assert not untrained.passed
    assert untrained.measured["restored_db"] < untrained.measured["bicubic_db"]
    assert "worse than plain enlargement" in untrained.sentence
    module.restored = lambda high: high
    perfect = stage.gate(module)
    assert perfect.passed
    assert "worse" not in perfect.sentence
    assert module.training


def test_measuring_leaves_the_network_and_the_random_state_as_they_were(context_of):
    context = context_of("deepmt-dr")
    module = initial_weights(build.stages(context)[0].module, 0)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = torch.get_rng_state()
    beats_bicubic(context, module)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
