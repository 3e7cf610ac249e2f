"""From a roster entry to stages; with its recipes, all that imports methods."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from bench import roster
from bench.data.pixels import Pixels
from bench.errors import RequestError
from bench.pipeline.context import RunContext
from bench.pipeline.levels import usable_pairs
from bench.pipeline.recipes import common, contrastive, deepmt_dr, supervised
from bench.training.stages import Stage


def stages(context: RunContext) -> tuple[Stage, ...]:
    """The stages of a method, in order; the last one's module is scored.

    Raises:
        RequestError: when the data cannot serve the method, with the counts and the way out; for
            an entry of the roster whose recipe is not there.
    """
    made = roster.recipe(context.method)(context)
    built = partial(_with_way_out, context)
    return tuple(replace(stage, module=partial(built, stage.module)) for stage in made)


def notes(context: RunContext) -> tuple[str, ...]:
    """What a page must say about this run beyond the data set's own assumptions."""
    return (*_enlarged(context), *_of_method(context), *_of_loss(context))


def _enlarged(context: RunContext) -> tuple[str, ...]:
    """That some files hold fewer pixels than the images that the classifier is given."""
    sides, needed = context.images.sides_px, common.input_px(context)
    if context.method.options.get("enlarged"):
        needed = context.protocol.data.image_px
    count = int((sides < needed).sum())
    if not count:
        return ()
    return (
        f"{count:,} of {len(sides):,} images are under {needed} px wide in their files: enlarged",
    )


def _of_loss(context: RunContext) -> tuple[str, ...]:
    kind, loss = context.dataset.task.kind, context.protocol.finetuning.loss
    if (kind, loss) == ("findings", "regression"):
        return ("findings are no grades to regress: fine-tuned with binary cross entropy",)
    return ()


def _of_method(context: RunContext) -> tuple[str, ...]:
    recipe = roster.recipe(context.method)
    if recipe is contrastive.comcl:
        _, dropped = usable_pairs(context)
        return tuple(f"loss {pair.name} left out: a level is empty (D31)" for pair in dropped)
    if recipe is contrastive.lesion_aware and _without_false_boxes(context):
        return (
            f"healthy patches of {context.method.title} are random crops, for want of a "
            f"detector's false boxes (boxes={context.boxes})",
        )
    if recipe is deepmt_dr.deepmt_dr:
        own = context.protocol.deepmt_dr
        optimizer = f"its first phase has an optimizer of its own: {own.sr_optimizer} {own.sr_lr:g}"
        masks = "no lesion masks: trained without its segmentation task"
        return (optimizer,) if context.masked is not None else (optimizer, masks)
    if recipe is supervised.phased:
        return tuple(
            f"without the phase {name!r}: it trains on a frozen backbone, which is random here"
            for name in supervised.left_out(context)
        )
    return ()


def _without_false_boxes(context: RunContext) -> bool:
    wanted = context.protocol.lesion_aware.healthy_pool == "false_positives"
    return wanted and not contrastive.false_positives(context)


def second_view(context: RunContext) -> str | None:
    """How the key's view of a patch is cut: "own_window" or "same"; None without lesion patches."""
    return contrastive.second_view(context) if "lesion patches" in context.method.needs else None


def prepare(context: RunContext) -> Callable[[Tensor], Tensor]:
    """(n, S, S, 3) uint8 -> normalised network input on the device, without augmentation."""
    return common.preparing(context, common.input_px(context))


def prepare_patches(context: RunContext) -> Callable[[Tensor], Tensor]:
    """The same for the patches that contrastive methods see."""
    return common.preparing(context, context.protocol.patches.size_px)


def pixels(context: RunContext) -> Pixels:
    """The images that the method's classifier is scored on."""
    return common.input_pixels(context)


def _with_way_out(context: RunContext, module: Callable[[], nn.Module]) -> nn.Module:
    """The module; never a silent random start where its weights are not to be had."""
    from baselines.backbones import WeightsMismatch, WeightsUnavailable

    try:
        return module()
    except (WeightsMismatch, WeightsUnavailable) as error:
        raise RequestError(
            f"{error}; give a file with --set init.weights=FILE, or start from nothing with "
            "--set init.weights=random"
        ) from error
    except ValueError as error:
        if context.method.digest is not None:
            raise _unbuilt(context, error) from error
        raise RequestError(
            f"{context.name} cannot be built with these settings: {error} (see --set of the groups "
            f"{', '.join(('backbone', *context.method.groups))})"
        ) from error
    except Exception as error:
        if context.method.digest is None or isinstance(error, RequestError):
            raise
        raise _unbuilt(context, error) from error


def _unbuilt(context: RunContext, error: Exception) -> RequestError:
    """Of a user's own class."""
    return RequestError(
        f"--method {context.method.component}: the class cannot be built as CLASS(num_classes, "
        f"backbone=..., weights=..., backbone_options=...): {roster.where_raised(error)}"
    )
