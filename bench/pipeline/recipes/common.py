"""What recipes share: what a network starts from and sees, and the supervised stage."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from baselines.host import sent
from bench import roster
from bench.data.loaders import ImageBatches
from bench.data.pixels import Pixels
from bench.evaluation.gates import LEFT_THE_GROUND
from bench.pipeline.context import RunContext, input_side
from bench.protocol.chest import ChestSettings
from bench.protocol.settings import FinetuningSettings, Protocol
from bench.training.augment import Augmentation, apply, to_input
from bench.training.augmentations import AUGMENTATIONS
from bench.training.loop import Batches, Patience
from bench.training.stages import Stage, StateDict, Supervised

SIZES = ("channels", "narrow", "growth_rate", "block_config")  # of backbones, by family
READ_BY_RECIPES = (
    *SIZES,
    "image_px",
    "lengths",
    "healthy_per_lesion",
    "healthy_pool",
    "teacher_only",
    "sr_optimizer",
    "sr_lr",
    "sr_weight_decay",
    "sr_steps",
    "sr_crop_px",
)


def class_count(context: RunContext) -> int:
    """Number of logits."""
    return len(context.dataset.task.classes)


def encoder(context: RunContext) -> dict[str, Any]:
    """Keywords that choose a backbone, its first weights and its width."""
    backbone = context.protocol.backbone
    name = getattr(backbone, context.method.backbone)
    of_family = {n: v for n, v in _own_settings(context).items() if n in SIZES}
    narrowed = {"channels": backbone.channels, "stem_width": backbone.stem_width}
    ours = {n: v for n, v in narrowed.items() if v is not None}
    options = ours if ours and name.startswith("resnet") else of_family
    return {"backbone": name, "weights": context.weights, "backbone_options": options}


def own_options(context: RunContext) -> dict[str, Any]:
    """The protocol's settings for this method, as keywords, less those that recipes read."""
    return {n: v for n, v in _own_settings(context).items() if n not in READ_BY_RECIPES}


def _own_settings(context: RunContext) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for group in context.method.groups:
        named |= getattr(context.protocol, group).model_dump()
    return named


def network(context: RunContext, **options: Any) -> nn.Module:
    """The method's own class, given what every classifier is given; a user's file, no more."""
    from baselines.classifier import Classifier

    kind: Any = roster.load(context.method, context.name)
    if kind is Classifier:
        return plain_classifier(context)
    ours = context.method.digest is None
    task = {"task": context.dataset.task.kind, **own_options(context)} if ours else {}
    made = kind(class_count(context), **encoder(context), **task, **options)
    return made if hasattr(made, "loss") else Supervised(made)


def plain_classifier(context: RunContext) -> nn.Module:
    """The plain classifier, which plain methods are and contrastive ones are fine-tuned in."""
    from baselines.classifier import Classifier

    kind = context.dataset.task.kind
    loss = context.protocol.finetuning.loss if kind == "grading" else "classification"
    return Classifier(class_count(context), task=kind, loss=loss, **encoder(context))


def input_px(context: RunContext) -> int:
    """Side of the images that the method's classifier is given."""
    return input_side(context.method, context.protocol)


def input_pixels(context: RunContext) -> Pixels:
    """The cached images from which the method's input is taken: the smallest that hold it.

    A network that needs more pixels but is to see no more detail gets the smaller size enlarged.
    """
    images, data, side = context.images, context.protocol.data, input_px(context)
    if side <= data.image_px or context.method.options.get("enlarged"):
        return images.whole
    if side <= data.patch_image_px:
        return images.for_patches
    assert images.own is not None, "opened with the size of the method's input"
    return images.own


def supervised(
    context: RunContext,
    module: Callable[[], nn.Module],
    *,
    name: str = "finetune",
    epochs: int | None = None,
    settings: FinetuningSettings | None = None,
    starts_from: Callable[[nn.Module, StateDict], None] | None = None,
    outcome: Callable[[Any], StateDict] | None = None,
    batches: Batches | None = None,
    selects: bool = True,
) -> Stage:
    """A stage on whole images with labels, the validation split picking the epoch.

    Args:
        name: In events and seeds; every method's order and augmentation are seeded alike.
        epochs: Of this stage, those of the protocol unless given.
        settings: The protocol's unless given.
        batches: The training images with their labels unless given.
        selects: Whether the validation split may pick the epoch, where the protocol wants that.
    """
    settings = settings or context.protocol.finetuning
    selects = selects and settings.select == "best"
    return Stage(
        name=name,
        module=module,
        batches=batches or _images(context, settings, name),
        epochs=epochs or settings.epochs,
        settings=settings,
        starts_from=starts_from,
        outcome=outcome,
        selects=selects,
        patience=_patience(context, settings) if selects else None,
    )


def _patience(context: RunContext, settings: FinetuningSettings) -> Patience | None:
    """Counted from a score that luck does not give (`bench.evaluation.gates`)."""
    if settings.patience is None:
        return None
    least = LEFT_THE_GROUND[context.dataset.task.kind]
    return Patience(settings.patience, least, settings.patience_share)


def _images(context: RunContext, settings: FinetuningSettings, name: str) -> ImageBatches:
    labels = context.dataset.labels()
    return ImageBatches(
        pixels=input_pixels(context),
        indices=context.dataset.where("train"),
        labels=labels[:, 0]
        if context.dataset.task.kind == "grading"
        else labels.astype(np.float32),
        batch=settings.batch,
        augment=augmenting(context, AUGMENTATIONS[settings.augmentation], input_px(context)),
        purpose=(context.seed, name),
    )


def shared_out(total: int, proportions: list[float]) -> list[int]:
    """Whole epochs by the largest remainders, at least one each.

    With fewer epochs than phases each still gets one, and the total grows: a phase that is
    left out would be another method.
    """
    spare = total - len(proportions)
    if spare <= 0:
        return [1] * len(proportions)
    exact = [part / sum(proportions) * total for part in proportions]
    counts = [max(1, int(value)) for value in exact]
    while sum(counts) != total:
        step = 1 if sum(counts) < total else -1
        gaps = [
            (step * (value - count), -position)
            for position, (value, count) in enumerate(zip(exact, counts, strict=True))
            if count + step >= 1
        ]
        counts[-max(gaps)[1]] += step
    return counts


def transfer(module: Any, state: StateDict) -> None:
    """Start a phase from the whole state of the one before."""
    module.transfer(state)


def whole_state(module: nn.Module) -> StateDict:
    """All tensors of a module, for the next phase."""
    return module.state_dict()


def augmenting(
    context: RunContext, augmentation: Augmentation, size_px: int
) -> Callable[[Tensor, torch.Generator], Tensor]:
    """(n, S, S, 3) uint8 and a generator -> augmented, normalised input on the device."""
    sizes = {"size_px": size_px, **_normalisation(context.protocol)}
    if context.dataset.modality == "chest":
        augmentation = upright(augmentation, context.protocol.chest)

    def augment(images: Tensor, generator: torch.Generator) -> Tensor:
        draws = augmentation.draw(len(images), generator)
        moved = sent(images, context.device).permute(0, 3, 1, 2)
        return _laid_out(apply(moved, draws, **sizes), context.protocol)

    return augment


def upright(augmentation: Augmentation, chest: ChestSettings) -> Augmentation:
    """An augmentation as far as a frontal radiograph bears it: never upside down.

    Source: docs/reference/training.md#chest-extension.
    """
    mirrored = chest.flip_horizontal if augmentation.flip_horizontal else 0.0
    return replace(
        augmentation,
        flip_horizontal=mirrored,
        flip_vertical=0.0,
        rotation_deg=min(augmentation.rotation_deg, chest.rotation_deg),
    )


def preparing(context: RunContext, size_px: int) -> Callable[[Tensor], Tensor]:
    """(n, S, S, 3) uint8 -> normalised network input on the device, without augmentation."""
    sizes = {"size_px": size_px, **_normalisation(context.protocol)}
    return lambda images: _laid_out(
        to_input(sent(images, context.device).permute(0, 3, 1, 2), **sizes), context.protocol
    )


def _laid_out(images: Tensor, protocol: Protocol) -> Tensor:
    if protocol.engine.channels_last:
        return images.contiguous(memory_format=torch.channels_last)
    return images


def _normalisation(protocol: Protocol) -> dict[str, Any]:
    return {"mean": protocol.normalisation.mean, "std": protocol.normalisation.std}
