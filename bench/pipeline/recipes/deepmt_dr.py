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
from bench.pipeline.context import Materials
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


def deepmt_dr(given: Materials) -> tuple[Stage, ...]:
    """Super-resolution with segmentation on masks, the grader, then the joint phase.

    Where the data have no lesion masks to learn from (chest X-rays) the first phase is
    super-resolution alone, on the training images.
    """
    segments = given.masked is not None
    constant = "PHASES" if segments else "PHASES_WITHOUT_SEGMENTATION"
    phases = roster.constant(given.method, constant)
    epochs = shared_out(given.protocol.finetuning.epochs, [share for _, share, _ in phases])
    settings = given.protocol.finetuning
    stages = []
    for position, ((name, _, factor), count) in enumerate(zip(phases, epochs, strict=True)):
        stage = supervised(
            given,
            partial(_network, given, segments=segments, phase=name),
            name=name,
            epochs=count,
            settings=settings.model_copy(update={"lr": settings.lr * factor}),
            starts_from=transfer if position else None,
            outcome=whole_state,
            selects=position > 0,
            batches=_mask_batches(given) if name == "segmentation" else None,
        )
        stages.append(stage)
    return tuple(stages)


RECIPES: dict[str, Callable[[Materials], tuple[Stage, ...]]] = {"deepmt-dr": deepmt_dr}


def _network(given: Materials, *, segments: bool, phase: str) -> Any:
    """The module of a phase, told what its input was normalised with."""
    normalised = given.protocol.normalisation
    return network(
        given,
        phase=phase,
        segmentation=segments,
        pixel_mean=normalised.mean,
        pixel_std=normalised.std,
    )


def _mask_batches(given: Materials) -> MaskBatches:
    """As many photographs an epoch as the training split has: the budget is that of all methods."""
    assert given.masked is not None
    prepare = preparing(given, input_px(given))
    batch = given.protocol.finetuning.batch

    def images(pixels: Tensor) -> Tensor:
        return prepare(pixels)

    def masks(pixels: Tensor) -> Tensor:
        return (pixels.to(given.device).float() / 255).contiguous()

    return MaskBatches(
        images=torch.from_numpy(given.masked.images),
        masks=torch.from_numpy(given.masked.masks),
        batch=batch,
        steps=max(1, len(given.dataset.where("train")) // batch),
        prepare_images=images,
        prepare_masks=masks,
        purpose=(given.seed, "segmentation"),
    )
