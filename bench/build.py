"""From a roster entry to stages with modules and batches: the only importer of methods.

A recipe is one function a kind of method; it returns a literal tuple of stages.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench import roster
from bench.data.loaders import ImageBatches, LevelBatches
from bench.data.patches import Pool
from bench.errors import RequestError
from bench.levels import comcl_options, level_pools, require_patches, usable_pairs
from bench.materials import Materials
from bench.protocol import Protocol
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
    _, dropped = usable_pairs(given)
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

    pairs, _ = usable_pairs(given)
    pools = level_pools(given)
    codes = [LEVELS.index(level) for level in levels_needed(pairs)]
    needed = {code: pools[code] for code in codes if len(pools[code])}
    require_patches(given, needed)

    def contrastive() -> nn.Module:
        kind: Any = roster.load(given.method, given.name)
        return kind(pairs=pairs, **_encoder(given), **comcl_options(given))

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
