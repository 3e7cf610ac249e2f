"""DeepMT-DR: the one method that also learns from lesion masks, of other photographs.

Source: docs/reference/methods.md#deepmt-dr.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from baselines.host import sent
from bench import roster
from bench.errors import RequestError
from bench.lesions.lesion_masks import MaskBatches
from bench.pipeline.context import RunContext
from bench.pipeline.recipes.common import (
    input_px,
    network,
    preparing,
    supervised,
    transfer,
    whole_state,
)
from bench.pipeline.recipes.restoration import beats_bicubic
from bench.protocol.settings import FinetuningSettings
from bench.training.crops import CroppedBatches
from bench.training.stages import Stage


def deepmt_dr(context: RunContext) -> tuple[Stage, ...]:
    """Super-resolution with segmentation on masks, the grader, then the joint phase.

    Each lasts as long as a classifier's whole training, but for the first where its steps are set.
    Where the data have no lesion masks to learn from (chest X-rays) the first phase is
    super-resolution alone, on the training images.
    """
    segments = context.masked is not None
    constant = "PHASES" if segments else "PHASES_WITHOUT_SEGMENTATION"
    first, *rest = roster.constant(context.method, constant)
    settings, epochs = context.protocol.finetuning, context.protocol.finetuning.epochs
    graded = (
        supervised(
            context,
            partial(_network, context, segments=segments, phase=name),
            name=name,
            epochs=round(length * epochs),
            settings=settings.model_copy(update={"lr": settings.lr * factor}),
            starts_from=transfer,
            outcome=whole_state,
        )
        for name, length, factor in rest
    )
    return (_restoring(context, *first, segments=segments), *graded)


def _restoring(
    context: RunContext, name: str, length: float, factor: float, *, segments: bool
) -> Stage:
    """The first phase: with an optimizer of its own, and a gate at its end."""
    stage = supervised(
        context,
        partial(_network, context, segments=segments, phase=name),
        name=name,
        settings=_restoring_settings(context, factor),
        outcome=whole_state,
        batches=_mask_batches(context) if segments else None,
        selects=False,
    )
    own = context.protocol.deepmt_dr
    epochs = length * context.protocol.finetuning.epochs
    if own.sr_steps is not None:
        epochs = own.sr_steps / len(stage.batches)
    batches = stage.batches
    if own.sr_crop_px is not None:
        _refuse_large_crop(own.sr_crop_px, input_px(context))
        batches = CroppedBatches(batches, own.sr_crop_px, (context.seed, name))
    gate = partial(beats_bicubic, context)
    return replace(stage, epochs=max(1, round(epochs)), batches=batches, gate=gate)


def _restoring_settings(context: RunContext, factor: float) -> FinetuningSettings:
    """What a classifier has, but for the optimizer: this phase trains no classifier."""
    own = context.protocol.deepmt_dr
    changed = {
        "optimizer": own.sr_optimizer,
        "lr": own.sr_lr * factor,
        "weight_decay": own.sr_weight_decay,
    }
    return context.protocol.finetuning.model_copy(update=changed)


def _refuse_large_crop(crop_px: int, image_px: int) -> None:
    if crop_px > image_px:
        raise RequestError(
            f"--set deepmt_dr.sr_crop_px={crop_px}: larger than the image of {image_px} px that it "
            f"is cut from; take {image_px} at most, or null for the whole image"
        )


def _network(context: RunContext, *, segments: bool, phase: str) -> Any:
    """The module of a phase, told what its input was normalised with."""
    normalised = context.protocol.normalisation
    return network(
        context,
        phase=phase,
        segmentation=segments,
        pixel_mean=normalised.mean,
        pixel_std=normalised.std,
    )


def _mask_batches(context: RunContext) -> MaskBatches:
    """As many photographs per epoch as the training split has: the budget of all methods."""
    assert context.masked is not None
    prepare = preparing(context, input_px(context))
    batch = context.protocol.finetuning.batch

    def images(pixels: Tensor) -> Tensor:
        return prepare(pixels)

    def masks(pixels: Tensor) -> Tensor:
        return (sent(pixels, context.device).float() / 255).contiguous()

    return MaskBatches(
        images=torch.from_numpy(context.masked.images),
        masks=torch.from_numpy(context.masked.masks),
        batch=batch,
        steps=max(1, len(context.dataset.where("train")) // batch),
        prepare_images=images,
        prepare_masks=masks,
        purpose=(context.seed, "segmentation"),
        foreign=context.masked.name,
    )
