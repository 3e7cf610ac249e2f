"""Contrastive methods: pretraining on views of patches or images, then the classifier."""

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench import roster
from bench.data.loaders import LevelBatches
from bench.data.patches import Pool, box_pool, boxes_else_crops, crop_pool
from bench.lesions.box_source import DETECTED
from bench.pipeline.context import RunContext
from bench.pipeline.levels import comcl_options, level_pools, require_patches, usable_pairs
from bench.pipeline.recipes.common import (
    augmenting,
    encoder,
    own_options,
    plain_classifier,
    shared_out,
    supervised,
    transfer,
    whole_state,
)
from bench.training.augmentations import AUGMENTATIONS
from bench.training.stages import Stage, StateDict

LESION, HEALTHY = 0, 2  # CoMCL's codes of the high-quality levels, where quality is not used


def comcl(context: RunContext) -> tuple[Stage, ...]:
    """Pretraining on patches of the four levels."""
    from comcl.views import LEVELS, levels_needed

    pairs, _ = usable_pairs(context)
    pools = level_pools(context)
    codes = [LEVELS.index(level) for level in levels_needed(pairs)]
    needed = {code: pools[code] for code in codes if len(pools[code])}
    require_patches(context, needed)
    options = {"entries": max(map(len, needed.values())), **comcl_options(context)}
    module = partial(_contrastive, context, pairs=pairs, **options)
    return (_pretraining(context, module, _patches(context, needed)), _finetuning(context))


def lesion_aware(context: RunContext) -> tuple[Stage, ...]:
    """A teacher, then a student that also learns from it, each half of the budget or its own.

    Source: docs/reference/methods.md#lesion-aware-cl.
    """
    train = context.dataset.where("train")
    lesion = context.dataset.task.shows_lesions(context.dataset.labels()[train])
    pools = {LESION: _lesions(context, train[lesion]), HEALTHY: _healthy(context, train[~lesion])}
    require_patches(context, pools)
    settings = context.protocol.lesion_aware
    parts = {LESION: 1, HEALTHY: settings.healthy_per_lesion}
    batches = _patches(context, pools, parts)
    teacher, student = (
        partial(_contrastive, context, phase=phase, **_contrast(context))
        for phase in ("teacher", "student")
    )
    if settings.teacher_only:
        return (_pretraining(context, teacher, batches), _finetuning(context))
    epochs, lengths = context.protocol.pretraining.epochs, settings.lengths or (0.5, 0.5)
    teacher_epochs, student_epochs = shared_out(round(epochs * sum(lengths)), list(lengths))
    first = _pretraining(
        context, teacher, batches, name="teacher", epochs=teacher_epochs, whole=True
    )
    second = _pretraining(
        context, student, batches, name="student", epochs=student_epochs, follows=True
    )
    return (first, second, _finetuning(context))


def moco(context: RunContext) -> tuple[Stage, ...]:
    """Pretraining on whole images, neither lesions nor grades nor quality used.

    Source: docs/reference/methods.md#basic-cl-moco.
    """
    pixels = context.images.whole
    size_px = context.protocol.data.image_px
    batches = LevelBatches(
        pixels=pixels,
        pools={LESION: crop_pool(context.dataset.where("train"))},
        image_px=size_px,
        patch_px=size_px,
        batch=context.protocol.pretraining.batch,
        steps=pretraining_steps(context),
        augment=_views(context, context.protocol.moco.image_px or context.protocol.patches.size_px),
        purpose=(context.seed, "pretrain"),
    )
    return _one_pool(context, batches)


def on_lesion_patches(context: RunContext) -> tuple[Stage, ...]:
    """Pretraining on lesion patches alone; grades and quality are not used.

    Source: docs/reference/open-questions.md#d41.
    """
    pools = {LESION: _lesions(context, context.dataset.where("train"))}
    require_patches(context, pools)
    return _one_pool(context, _patches(context, pools))


def _one_pool(context: RunContext, batches: LevelBatches) -> tuple[Stage, ...]:
    module = partial(_contrastive, context, **_contrast(context))
    return (_pretraining(context, module, batches), _finetuning(context))


def pretraining_steps(context: RunContext) -> int:
    """Steps of a pretraining epoch, the same for every contrastive method (D59).

    One pass over the lesion images of the training split at a quarter of the batch, or over all
    its images at the whole batch (docs/reference/methods.md#sizes-on-eyeq).
    """
    settings, train = context.protocol.pretraining, context.dataset.where("train")
    if settings.epoch_over == "all_images":
        return ceil(len(train) / settings.batch)
    lesions = context.dataset.task.shows_lesions(context.dataset.labels()[train]).sum()
    return max(1, ceil(lesions / (settings.batch // 4)))


def pretraining_samples_seen(context: RunContext) -> int:
    """Patches that pretraining sees in all."""
    settings = context.protocol.pretraining
    return settings.epochs * pretraining_steps(context) * settings.batch


def _contrastive(context: RunContext, **options: Any) -> nn.Module:
    kind: Any = roster.load(context.method, context.name)
    return kind(**encoder(context), **options)


def _contrast(context: RunContext) -> dict[str, Any]:
    """Keywords of a contrastive method: its own, and what all of them share."""
    shared = context.protocol.pretraining
    options = {"temperature": shared.temperature, **own_options(context)}
    if context.method.options.get("keeps_queue"):
        options |= {"queue_size": shared.queue, "momentum": shared.key_momentum}
    return options


def _pretraining(
    context: RunContext,
    module: Callable[[], nn.Module],
    batches: LevelBatches,
    *,
    name: str = "pretrain",
    epochs: int | None = None,
    whole: bool = False,
    follows: bool = False,
) -> Stage:
    """A contrastive stage that runs with other fine-tuning can share.

    Args:
        whole: The next stage starts from the whole module, not from its encoder alone.
        follows: It starts from the stage before.
    """
    return Stage(
        name=name,
        module=module,
        batches=batches,
        epochs=epochs or context.protocol.pretraining.epochs,
        settings=context.protocol.pretraining,
        starts_from=transfer if follows else None,
        outcome=whole_state if whole else _encoder_state,
        shared_as=name,
    )


def _finetuning(context: RunContext) -> Stage:
    module = partial(plain_classifier, context)
    return supervised(context, module, starts_from=_load_backbone)


def _lesions(context: RunContext, images: np.ndarray) -> Pool:
    """Lesion patches of images: around boxes, or without any, crops of lesion images."""
    if context.boxes != "random_lesion_crops":
        patch_px = context.protocol.patches.size_px
        return box_pool(images, context.images.boxes, patch_px=patch_px)
    lesion = context.dataset.task.shows_lesions(context.dataset.labels()[images])
    return crop_pool(images[lesion])


def _healthy(context: RunContext, images: np.ndarray) -> Pool:
    """Lesion-aware CL's healthy patches: around a detector's false boxes, or random crops."""
    if not false_positives(context):
        return crop_pool(images)
    patch_px = context.protocol.patches.size_px
    return boxes_else_crops(images, context.images.boxes, patch_px=patch_px)


def false_positives(context: RunContext) -> bool:
    """Whether Lesion-aware CL takes a detector's false boxes: if it is to, and there are any."""
    wanted = context.protocol.lesion_aware.healthy_pool == "false_positives"
    return wanted and context.boxes in DETECTED


def second_view(context: RunContext) -> str:
    """How the key's view is cut, "own_window" or "same": as requested, or the method's own (D56).

    A box in the middle of its patch leaves nothing to shift, nor does a crop without a box.
    """
    settings = context.protocol.patches
    if settings.expansion == "centred" or context.boxes in ("random_lesion_crops", "none"):
        return "same"
    by_method = context.method.options.get("second_view", "same")
    return by_method if settings.second_view == "by_method" else settings.second_view


def _patches(
    context: RunContext, pools: dict[int, Pool], parts: dict[int, int] | None = None
) -> LevelBatches:
    protocol = context.protocol
    return LevelBatches(
        pixels=context.images.for_patches,
        pools=pools,
        parts=parts,
        image_px=protocol.data.patch_image_px,
        patch_px=protocol.patches.size_px,
        batch=protocol.pretraining.batch,
        steps=pretraining_steps(context),
        augment=_views(context, protocol.patches.size_px),
        purpose=(context.seed, "pretrain"),
        expansion=protocol.patches.expansion,
        own_window=second_view(context) == "own_window",
    )


def _views(context: RunContext, size_px: int) -> Callable[[Tensor, torch.Generator], Tensor]:
    """What makes one of the two views of an image or a patch, `size_px` wide."""
    augmentation = AUGMENTATIONS[context.protocol.pretraining.augmentation]
    return augmenting(context, augmentation, size_px)


def _encoder_state(module: Any) -> StateDict:
    return module.encoder_state()


def _load_backbone(classifier: Any, state: StateDict) -> None:
    classifier.load_encoder(state)
