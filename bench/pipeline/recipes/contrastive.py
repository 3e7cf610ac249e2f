"""Contrastive methods: pretraining on views of patches or images, then the classifier."""

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Any

import numpy as np
from torch import nn

from bench import roster
from bench.data.loaders import LevelBatches
from bench.data.patches import Pool, box_pool, crop_pool
from bench.pipeline.context import Materials
from bench.pipeline.levels import comcl_options, level_pools, require_patches, usable_pairs
from bench.pipeline.recipes.common import (
    augmenting,
    class_count,
    encoder,
    own_options,
    shared_out,
    supervised,
    transfer,
    whole_state,
)
from bench.training.augment import CONTRASTIVE
from bench.training.stages import Stage, State

LESION, HEALTHY = 0, 2  # CoMCL's codes of the high-quality levels, where quality is not used


def comcl(given: Materials) -> tuple[Stage, ...]:
    """Pretraining on patches of the four levels."""
    from comcl.views import LEVELS, levels_needed

    pairs, _ = usable_pairs(given)
    pools = level_pools(given)
    codes = [LEVELS.index(level) for level in levels_needed(pairs)]
    needed = {code: pools[code] for code in codes if len(pools[code])}
    require_patches(given, needed)
    module = partial(_contrastive, given, pairs=pairs, **comcl_options(given))
    return (_pretraining(given, module, _patches(given, needed)), _finetuning(given))


def lesion_aware(given: Materials) -> tuple[Stage, ...]:
    """A teacher, then a student that also learns from it, each half of the budget.

    Source: docs/reference/methods.md#lesion-aware-cl.
    """
    train = given.dataset.where("train")
    lesion = given.dataset.task.shows_lesions(given.dataset.labels()[train])
    pools = {LESION: _lesions(given, train[lesion]), HEALTHY: crop_pool(train[~lesion])}
    require_patches(given, pools)
    own = given.protocol.lesion_aware
    parts = {LESION: 1, HEALTHY: own.healthy_per_lesion}
    batches = _patches(given, pools, parts)
    teacher, student = (
        partial(_contrastive, given, phase=phase, **_contrast(given))
        for phase in ("teacher", "student")
    )
    if own.teacher_only:
        return (_pretraining(given, teacher, batches), _finetuning(given))
    one, other = shared_out(given.protocol.pretraining.epochs, [0.5, 0.5])
    first = _pretraining(given, teacher, batches, name="teacher", epochs=one, whole=True)
    second = _pretraining(given, student, batches, name="student", epochs=other, follows=True)
    return (first, second, _finetuning(given))


def moco(given: Materials) -> tuple[Stage, ...]:
    """Pretraining on whole images, neither lesions nor grades nor quality used.

    Source: docs/reference/methods.md#basic-cl-moco.
    """
    pixels = given.images.whole
    size_px = given.protocol.data.image_px
    batches = LevelBatches(
        pixels=pixels,
        pools={LESION: crop_pool(given.dataset.where("train"))},
        image_px=size_px,
        patch_px=size_px,
        batch=given.protocol.pretraining.batch,
        steps=pretraining_steps(given),
        augment=augmenting(given, CONTRASTIVE, given.protocol.patches.size_px),
        purpose=(given.seed, "pretrain"),
    )
    return _one_pool(given, batches)


def on_lesion_patches(given: Materials) -> tuple[Stage, ...]:
    """Pretraining on lesion patches alone; grades and quality are not used.

    Source: docs/reference/open-questions.md#d41.
    """
    pools = {LESION: _lesions(given, given.dataset.where("train"))}
    require_patches(given, pools)
    return _one_pool(given, _patches(given, pools))


def _one_pool(given: Materials, batches: LevelBatches) -> tuple[Stage, ...]:
    module = partial(_contrastive, given, **_contrast(given))
    return (_pretraining(given, module, batches), _finetuning(given))


RECIPES: dict[str, Callable[[Materials], tuple[Stage, ...]]] = {
    "comcl": comcl,
    "lesion-patches": on_lesion_patches,
    "lesion-aware": lesion_aware,
    "moco": moco,
}


def pretraining_steps(given: Materials) -> int:
    """Steps of a pretraining epoch, the same for every contrastive method.

    One pass over the lesion images of the training split at a quarter of the batch
    (docs/reference/methods.md#sizes-on-eyeq).
    """
    train = given.dataset.where("train")
    lesions = given.dataset.task.shows_lesions(given.dataset.labels()[train]).sum()
    return max(1, ceil(lesions / (given.protocol.pretraining.batch // 4)))


def pretraining_presentations(given: Materials) -> int:
    """Patches that pretraining sees in all."""
    settings = given.protocol.pretraining
    return settings.epochs * pretraining_steps(given) * settings.batch


def _contrastive(given: Materials, **options: Any) -> nn.Module:
    kind: Any = roster.load(given.method, given.name)
    return kind(**encoder(given), **options)


def _contrast(given: Materials) -> dict[str, Any]:
    """Keywords of a contrastive method: its own, and what all of them share."""
    shared = given.protocol.pretraining
    options = {"temperature": shared.temperature, **own_options(given)}
    if given.method.options.get("keeps_queue"):
        options |= {"queue_size": shared.queue, "momentum": shared.key_momentum}
    return options


def _pretraining(
    given: Materials,
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
        epochs=epochs or given.protocol.pretraining.epochs,
        settings=given.protocol.pretraining,
        starts_from=transfer if follows else None,
        outcome=whole_state if whole else _encoder_state,
        shared_as=name,
    )


def _finetuning(given: Materials) -> Stage:
    from baselines.classifier import Classifier

    def module() -> nn.Module:
        return Classifier(class_count(given), task=given.dataset.task.kind, **encoder(given))

    return supervised(given, module, starts_from=_load_trunk)


def _lesions(given: Materials, images: np.ndarray) -> Pool:
    """Lesion patches of images: around boxes, or without any, crops of lesion images."""
    if given.boxes != "random_lesion_crops":
        patch_px = given.protocol.patches.size_px
        return box_pool(images, given.images.boxes, patch_px=patch_px)
    lesion = given.dataset.task.shows_lesions(given.dataset.labels()[images])
    return crop_pool(images[lesion])


def _patches(
    given: Materials, pools: dict[int, Pool], parts: dict[int, int] | None = None
) -> LevelBatches:
    protocol = given.protocol
    return LevelBatches(
        pixels=given.images.for_patches,
        pools=pools,
        parts=parts,
        image_px=protocol.data.patch_image_px,
        patch_px=protocol.patches.size_px,
        batch=protocol.pretraining.batch,
        steps=pretraining_steps(given),
        augment=augmenting(given, CONTRASTIVE, protocol.patches.size_px),
        purpose=(given.seed, "pretrain"),
    )


def _encoder_state(module: Any) -> State:
    return module.encoder_state()


def _load_trunk(classifier: Any, state: State) -> None:
    classifier.load_encoder(state)
