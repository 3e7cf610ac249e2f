"""DeepMT-DR: the one method that also learns from lesion masks, of other photographs.

Source: docs/reference/methods.md#deepmt-dr.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench import roster
from bench.lesions.lesion_masks import MaskBatches
from bench.pipeline.context import RunContext
from bench.pipeline.recipes.common import (
    input_px,
    network,
    preparing,
    shared_out,
    supervised,
    transfer,
    whole_state,
)
from bench.training.stages import Stage


def deepmt_dr(context: RunContext) -> tuple[Stage, ...]:
    """Super-resolution with segmentation on masks, the grader, then the joint phase.

    Where the data have no lesion masks to learn from (chest X-rays) the first phase is
    super-resolution alone, on the training images.
    """
    segments = context.masked is not None
    constant = "PHASES" if segments else "PHASES_WITHOUT_SEGMENTATION"
    phases = roster.constant(context.method, constant)
    epochs = shared_out(
        context.protocol.finetuning.epochs, [proportion for _, proportion, _ in phases]
    )
    settings = context.protocol.finetuning
    stages = []
    for position, ((name, _, factor), count) in enumerate(zip(phases, epochs, strict=True)):
        stage = supervised(
            context,
            partial(_network, context, segments=segments, phase=name),
            name=name,
            epochs=count,
            settings=settings.model_copy(update={"lr": settings.lr * factor}),
            starts_from=transfer if position else None,
            outcome=whole_state,
            selects=position > 0,
            batches=_mask_batches(context) if name == "segmentation" else None,
        )
        stages.append(stage)
    return tuple(stages)


RECIPES: dict[str, Callable[[RunContext], tuple[Stage, ...]]] = {"deepmt-dr": deepmt_dr}


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
        return (pixels.to(context.device).float() / 255).contiguous()

    return MaskBatches(
        images=torch.from_numpy(context.masked.images),
        masks=torch.from_numpy(context.masked.masks),
        batch=batch,
        steps=max(1, len(context.dataset.where("train")) // batch),
        prepare_images=images,
        prepare_masks=masks,
        purpose=(context.seed, "segmentation"),
    )
