"""Every method on a graphics card: the processor's losses, every format, and no waiting."""

import math
from dataclasses import replace

import pytest
import torch

from bench.data.card_pixels import card_pixels
from bench.pipeline import build
from bench.roster import METHODS
from bench.training.batches import on_device
from bench.training.loop import fit
from bench.training.optim import build_optimizer, build_schedule
from bench.training.precision import Precision, autocast, set_numerics
from bench.training.stages import initial_weights
from bench.training.train import trained_parameters

pytestmark = pytest.mark.gpu
CPU = torch.device("cpu")


def started(stages):
    """Each stage with its module, started from the untrained outcome of the one before."""
    state = None
    for stage in stages:
        module = initial_weights(stage.module, 0)
        if stage.starts_from is not None:
            stage.starts_from(module, state)
        state = stage.outcome(module) if stage.outcome is not None else None
        yield stage, module


def loss_of(module, batch, device, precision: Precision = "fp32"):
    module = module.to(device).train()
    with autocast(precision, device):
        loss, _ = module.loss(on_device(batch, device), step=0, total_steps=10)
    loss.backward()
    return float(loss.detach())


@pytest.mark.parametrize("name", list(METHODS))
def test_losses_are_those_of_the_processor_and_finite_in_every_format(context_on, device, name):
    """One batch, made on the processor. Float32 sums in another order: a thousandth is generous.

    Dropout draws from a state of the device, so the networks are compared without it.
    """
    set_numerics()
    formats: tuple[Precision, ...] = ("bf16", "fp16") if device.type == "cuda" else ("bf16",)
    for stage, module in started(build.stages(context_on(name, CPU))):
        for part in module.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        batch = next(iter(stage.batches.epoch(1)))
        before = {key: value.clone() for key, value in module.state_dict().items()}
        here = loss_of(module, batch, CPU)
        module.load_state_dict(before)
        there = loss_of(module, batch, device)
        assert there == pytest.approx(here, rel=1e-3, abs=1e-4), stage.name
        for precision in formats:
            module.load_state_dict(before)
            assert math.isfinite(loss_of(module, batch, device, precision)), (stage.name, precision)


@pytest.mark.parametrize("name", ["resnet50", "comcl", "moco", "zoom-in-net"])
def test_images_kept_on_the_card_and_images_read_ahead_make_the_same_batches(
    context_on, device, name
):
    if device.type != "cuda":
        pytest.skip("tests/data/test_card_pixels.py has it for a pretended card")

    def batches(resident):
        context = context_on(name, device)
        sizes = {
            size: card_pixels(pixels, device, resident=resident)
            for size in ("whole", "for_patches", "own")
            if (pixels := getattr(context.images, size)) is not None
        }
        stage = build.stages(replace(context, images=replace(context.images, **sizes)))[0]
        return [batch for epoch in (1, 2) for batch in stage.batches.epoch(epoch)]

    kept, read = batches(True), batches(False)
    assert len(kept) == len(read) > 2
    for one, other in zip(kept, read, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert torch.equal(value.to(device), other[key].to(device)), key


@pytest.mark.parametrize("name", list(METHODS))
def test_no_step_waits_for_the_card(context_on, device, tmp_path, name):
    """Of PyTorch's own watch; what waits at an epoch's end is not within a step."""
    if device.type != "cuda":
        pytest.skip("tests/contracts/test_on_a_card.py has it for a pretended card")
    for stage, module in started(build.stages(context_on(name, device))):
        module = module.to(device)
        optimizer = build_optimizer(
            trained_parameters(module, 1e-3), name="adam", lr=1e-3, fused=True
        )
        steps = 2 * len(stage.batches)
        schedule = build_schedule(optimizer, kind="constant", total_steps=steps)

        def watch(report):
            inside = report.total_steps // 2 < report.steps_done < report.total_steps
            torch.cuda.set_sync_debug_mode("error" if inside else "default")

        try:
            fit(
                module,  # pyright: ignore
                optimizer,
                schedule,
                stage.batches,
                epochs=2,
                path=tmp_path / f"{stage.name}.pt",
                precision="bf16",
                device=device,
                progress=watch,
                stage=stage.name,
            )
        finally:
            torch.cuda.set_sync_debug_mode("default")
