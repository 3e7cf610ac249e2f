"""From a roster entry to stages with modules and batches: the only importer of methods.

A recipe is one function a kind of method; it returns a literal tuple of stages.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench import roster
from bench.data.loaders import ImageBatches, LevelBatches
from bench.data.patches import Pool, box_pool, crop_pool
from bench.data.pixels import ImageSet
from bench.data.records import Dataset
from bench.errors import RequestError
from bench.protocol import Protocol
from bench.roster import Method
from bench.training.augment import CONTRASTIVE, FINETUNE, NONE, Augmentation, apply, to_input
from bench.training.stages import Stage, State, Supervised

# A contrastive step computes the query's forward and backward pass (three units) and the key's
# forward pass (one); a supervised step three.
CONTRASTIVE_COST = 4 / 3

AUGMENTATIONS = {
    "finetune": FINETUNE,
    "flips": Augmentation(flip_horizontal=0.5, flip_vertical=0.5),
    "none": NONE,
}


@dataclass(frozen=True)
class Materials:
    """What a recipe builds from.

    Attributes:
        name: Roster name of the method.
        boxes: "oracle", "given" or "random_lesion_crops".
        degraded: (N,) bool.
        weights: "random", "imagenet" or a file.
        device: Where training happens.
    """

    name: str
    method: Method
    protocol: Protocol
    dataset: Dataset
    images: ImageSet
    degraded: np.ndarray
    boxes: str
    weights: str
    seed: int
    device: torch.device


def stages(given: Materials) -> tuple[Stage, ...]:
    """The stages of a method, in order; the last one's module is scored.

    Raises:
        RequestError: when the data cannot serve the method, with the counts and the way out.
    """
    made = RECIPES[given.method.recipe](given)
    return tuple(replace(stage, module=partial(_with_way_out, stage.module)) for stage in made)


def notes(given: Materials) -> tuple[str, ...]:
    """What a page must say about this run beyond the data set's own assumptions."""
    if given.method.recipe != "comcl":
        return ()
    _, dropped = _pairs(given)
    return tuple(f"loss {pair.name} left out: a level is empty (D31)" for pair in dropped)


def class_count(given: Materials) -> int:
    """Number of logits."""
    return len(given.dataset.task.classes)


def prepare(given: Materials) -> Callable[[Tensor], Tensor]:
    """(n, S, S, 3) uint8 -> normalised network input on the device, without augmentation."""
    sizes = {"size_px": given.protocol.data.image_px, **_normalisation(given.protocol)}
    return lambda images: _laid_out(
        to_input(images.permute(0, 3, 1, 2).to(given.device), **sizes), given.protocol
    )


def _with_way_out(module: Callable[[], nn.Module]) -> nn.Module:
    """The module; never a silent random start where its weights are not to be had."""
    from baselines.backbones import WeightsMismatch, WeightsUnavailable

    try:
        return module()
    except (WeightsMismatch, WeightsUnavailable) as error:
        raise RequestError(
            f"{error}; give a file with --set init.weights=FILE, or start from nothing with "
            "--set init.weights=random"
        ) from error


def _classifier(given: Materials) -> tuple[Stage, ...]:
    """One supervised stage; `compute_matched` lengthens it by the cost of pretraining."""
    epochs = given.protocol.finetuning.epochs
    if given.method.options.get("compute_matched"):
        epochs = _compute_matched_epochs(given)
    return (_finetuning(given, partial(_network, given), epochs=epochs),)


def _comcl(given: Materials) -> tuple[Stage, ...]:
    """Pretraining on patches of the four levels, then the classifier on whole images."""
    from baselines.classifier import Classifier
    from comcl.views import LEVELS, levels_needed

    pairs, _ = _pairs(given)
    pools = _level_pools(given)
    codes = [LEVELS.index(level) for level in levels_needed(pairs)]
    needed = {code: pools[code] for code in codes if len(pools[code])}
    _require_patches(given, needed)

    def contrastive() -> nn.Module:
        kind: Any = roster.load(given.method, given.name)
        return kind(pairs=pairs, **_encoder(given), **_comcl_options(given))

    def classifier() -> nn.Module:
        return Classifier(class_count(given), task=given.dataset.task.kind, **_encoder(given))

    return (
        Stage(
            name="pretrain",
            module=contrastive,
            batches=_level_batches(given, needed),
            epochs=given.protocol.pretraining.epochs,
            settings=given.protocol.pretraining,
            outcome=lambda module: module.encoder_state(),
            shared_as="pretrain",
        ),
        _finetuning(given, classifier, starts_from=_load_trunk),
    )


RECIPES: dict[str, Callable[[Materials], tuple[Stage, ...]]] = {
    "classifier": _classifier,
    "comcl": _comcl,
}


def _finetuning(
    given: Materials,
    module: Callable[[], nn.Module],
    *,
    epochs: int | None = None,
    starts_from: Callable[[nn.Module, State], None] | None = None,
) -> Stage:
    settings = given.protocol.finetuning
    augmentation = AUGMENTATIONS[settings.augmentation]
    labels = given.dataset.labels()
    batches = ImageBatches(
        pixels=given.images.whole,
        indices=given.dataset.where("train"),
        labels=labels[:, 0] if given.dataset.task.kind == "grading" else labels.astype(np.float32),
        batch=settings.batch,
        augment=_augment(given, augmentation, given.protocol.data.image_px),
        purpose=(given.seed, "finetune"),
    )
    return Stage(
        name="finetune",
        module=module,
        batches=batches,
        epochs=epochs or settings.epochs,
        settings=settings,
        starts_from=starts_from,
        selects=settings.select == "best",
    )


def _network(given: Materials) -> nn.Module:
    """The method's own class, given what every plain method is given."""
    kind: Any = roster.load(given.method, given.name)
    network = kind(class_count(given), **_encoder(given))
    return network if hasattr(network, "loss") else Supervised(network)


def _encoder(given: Materials) -> dict[str, Any]:
    backbone = given.protocol.backbone
    name = getattr(backbone, given.method.backbone)
    narrow = backbone.channels is not None and name.startswith("resnet")
    options = {"channels": backbone.channels} if narrow else {}
    return {"backbone": name, "weights": given.weights, "backbone_options": options}


def _load_trunk(classifier: Any, state: State) -> None:
    classifier.load_encoder(state)


def _level_batches(given: Materials, pools: dict[int, Pool]) -> LevelBatches:
    protocol = given.protocol
    return LevelBatches(
        pixels=given.images.for_patches,
        pools=pools,
        image_px=protocol.data.patch_image_px,
        patch_px=protocol.patches.size_px,
        batch=protocol.pretraining.batch,
        steps=pretraining_steps(given),
        augment=_augment(given, CONTRASTIVE, protocol.patches.size_px),
        purpose=(given.seed, "pretrain"),
    )


def pretraining_steps(given: Materials) -> int:
    """Steps of a pretraining epoch, the same for every contrastive method.

    One pass over the lesion images of the training split at a quarter of the batch (card 2.7).
    """
    train = given.dataset.where("train")
    lesions = given.dataset.task.shows_lesions(given.dataset.labels()[train]).sum()
    return max(1, ceil(lesions / (given.protocol.pretraining.batch // 4)))


def _compute_matched_epochs(given: Materials) -> int:
    """Fine-tuning epochs that cost what pretraining and fine-tuning cost together."""
    protocol = given.protocol
    patches = protocol.pretraining.epochs * pretraining_steps(given) * protocol.pretraining.batch
    area = (protocol.patches.size_px / protocol.data.image_px) ** 2
    extra = patches * CONTRASTIVE_COST * area / len(given.dataset.where("train"))
    return protocol.finetuning.epochs + round(extra)


def _comcl_options(given: Materials) -> dict[str, Any]:
    from comcl.mining import WITHOUT_SPL

    own, shared = given.protocol.comcl, given.protocol.pretraining
    removed = WITHOUT_SPL[own.no_spl_removes] if _variant(given) == "comcl-no-spl" else {}
    options = {
        "queue_size": shared.queue,
        "momentum": shared.key_momentum,
        "temperature": shared.temperature,
        "head": own.head,
        "negatives": own.negatives,
        "topk": own.topk,
        "k_rule": own.k_rule,
        "k_min": own.k_min,
        "k_direction": own.k_direction,
        "topk_scope": own.topk_scope,
        "spl": own.spl,
    }
    return {**options, **removed}


def _variant(given: Materials) -> str:
    return given.method.options["variant"]


def _pairs(given: Materials) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The variant's losses that the data can feed, and those that they cannot (D31).

    Raises:
        RequestError: when a level is empty and that is not allowed, or no loss is left.
    """
    from comcl.views import LEVELS, drop_empty, pairs_for

    own = given.protocol.comcl
    pairs = pairs_for(
        _variant(given),
        la_role=own.la_role,
        without_levels=own.no_multilevel_pool,
        loss_weights=own.loss_weights,
    )
    pools = _level_pools(given)
    kept, dropped = drop_empty(pairs, [LEVELS[level] for level in pools if len(pools[level])])
    if dropped and own.empty_level == "error":
        raise RequestError(f"{given.name}: no patches for the losses {_names(dropped)}")
    if not kept:
        raise RequestError(
            f"{given.name}: no loss is left, since a level of each ({_names(dropped)}) has no "
            "patches at this ratio; --set comcl.empty_level=paired_clean keeps the undegraded "
            "originals as the high-quality levels"
        )
    return kept, dropped


def _names(pairs: tuple[Any, ...]) -> str:
    return ", ".join(pair.name for pair in pairs)


def _level_pools(given: Materials) -> dict[int, Pool]:
    """Training patches of each of the four levels, by level code."""
    from comcl.views import level_codes

    train = given.dataset.where("train")
    lesion = given.dataset.task.shows_lesions(given.dataset.labels()[train])
    low = ((given.dataset.quality() > 0) | given.degraded)[train]
    levels = level_codes(lesion, low & _quality_matters(given))
    pools = {code: _pool(given, train[levels == code], lesion=code < 2) for code in range(4)}
    if given.protocol.comcl.empty_level == "paired_clean":
        originals = level_codes(lesion, np.zeros_like(low))
        for code in (0, 2):
            if not len(pools[code]):
                images = train[(originals == code) & given.degraded[train]]
                pools[code] = _pool(given, images, lesion=code < 2, clean=True)
    return pools


def _quality_matters(given: Materials) -> bool:
    """Whether the variant knows quality; the union of Table 2's "w/o Multi-level" does not."""
    without = _variant(given) == "comcl-no-multilevel"
    return not (without and given.protocol.comcl.no_multilevel_pool == "all")


def _pool(given: Materials, images: np.ndarray, *, lesion: bool, clean: bool = False) -> Pool:
    if lesion and given.boxes != "random_lesion_crops":
        patch_px = given.protocol.patches.size_px
        return box_pool(images, given.images.boxes, patch_px=patch_px, clean=clean)
    return crop_pool(images, clean=clean)


def _require_patches(given: Materials, pools: dict[int, Pool]) -> None:
    minimum = given.protocol.patches.minimum
    if any(len(pool) < minimum for pool in pools.values()):
        from comcl.views import LEVELS

        counts = ", ".join(f"{LEVELS[code]}: {len(pool)}" for code, pool in pools.items())
        raise RequestError(
            f"{given.name} needs at least {minimum} training patches in each level, and has "
            f"{counts}; add images or boxes, or lower --set patches.minimum"
        )


def _augment(
    given: Materials, augmentation: Augmentation, size_px: int
) -> Callable[[Tensor, torch.Generator], Tensor]:
    normalisation = _normalisation(given.protocol)

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        draws = augmentation.draw(len(images), generator)
        moved = images.permute(0, 3, 1, 2).to(given.device)
        return _laid_out(apply(moved, draws, size_px=size_px, **normalisation), given.protocol)

    return augment


def _laid_out(images: Tensor, protocol: Protocol) -> Tensor:
    if protocol.engine.channels_last:
        return images.contiguous(memory_format=torch.channels_last)
    return images


def _normalisation(protocol: Protocol) -> dict[str, Any]:
    return {"mean": protocol.normalisation.mean, "std": protocol.normalisation.std}
