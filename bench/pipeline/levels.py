"""CoMCL's four levels on a data set: which patches form them, and which losses they can feed."""

from typing import Any

import numpy as np

from bench.data.patches import Pool, box_pool, boxes_else_crops, crop_pool
from bench.errors import RequestError
from bench.lesions.box_source import DETECTED
from bench.pipeline.context import RunContext


def comcl_options(context: RunContext) -> dict[str, Any]:
    """Keywords of `comcl.model.CoMCL`, less what the variant takes away (D39)."""
    from comcl.mining import WITHOUT_SPL

    settings, shared = context.protocol.comcl, context.protocol.pretraining
    removed = WITHOUT_SPL[settings.no_spl_removes] if _variant(context) == "comcl-no-spl" else {}
    options = {
        "queue_size": shared.queue,
        "momentum": shared.key_momentum,
        "temperature": shared.temperature,
        "head": settings.head,
        "negatives": settings.negatives,
        "own_level_negatives": settings.own_level_negatives,
        "topk": settings.topk,
        "k_rule": settings.k_rule,
        "k_min": settings.k_min,
        "k_direction": settings.k_direction,
        "topk_scope": settings.topk_scope,
        "spl": settings.spl,
        "spl_losses": settings.spl_losses,
        "mining_starts": settings.mining_starts,
    }
    return {**options, **removed}


def _variant(context: RunContext) -> str:
    return context.method.options["variant"]


def usable_pairs(context: RunContext) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The variant's losses that the data can feed, and those that they cannot (D31).

    Raises:
        RequestError: when a level is empty and that is not allowed, or no loss is left.
    """
    from comcl.views import LEVELS, drop_empty, pairs_for

    settings = context.protocol.comcl
    pairs = pairs_for(
        _variant(context),
        la_role=settings.la_role,
        without_levels=settings.no_multilevel_pool,
        loss_weights=settings.loss_weights,
    )
    pools = level_pools(context)
    kept, dropped = drop_empty(pairs, [LEVELS[level] for level in pools if len(pools[level])])
    if dropped:
        _refuse_boxless(context, pools)
    if dropped and settings.empty_level == "error":
        raise RequestError(
            f"{context.name}: a level of the losses {_names(dropped)} has no patches at this "
            "ratio, and comcl.empty_level=error allows none such; drop_loss leaves these losses "
            "out, paired_clean keeps the undegraded originals as the high-quality levels"
        )
    if not kept:
        raise RequestError(
            f"{context.name}: no loss is left, since a level of each ({_names(dropped)}) has no "
            "patches at this ratio; --set comcl.empty_level=paired_clean keeps the undegraded "
            "originals as the high-quality levels"
        )
    return kept, dropped


def _names(pairs: tuple[Any, ...]) -> str:
    return ", ".join(pair.name for pair in pairs)


def _refuse_boxless(context: RunContext, pools: dict[int, Pool]) -> None:
    """An empty level is the ratio's doing (D31) only if it has no images."""
    from comcl.views import LEVELS

    for code, images in enumerate(_training_images(context)):
        if len(images) and not len(pools[code]):
            more = (
                "lower --set detector.confidence" if context.boxes == "detector" else "more boxes"
            )
            raise RequestError(
                f"{context.name}: no box ({context.boxes}) fits a patch of "
                f"{context.protocol.patches.size_px} px in any of the {len(images)} training "
                f"images of level {LEVELS[code]}; give {more}, larger patches with "
                "--set patches.size_px, "
                "or take --set patches.boxes=random_lesion_crops"
            )


def images_by_level(
    context: RunContext, split: str = "train", *, quality_matters: bool = True
) -> list[np.ndarray]:
    """Indices of a split's images of each level, by code; without quality all count as high."""
    from comcl.views import level_codes

    indices = context.dataset.where(split)
    lesion = context.dataset.task.shows_lesions(context.dataset.labels()[indices])
    low = ((context.dataset.quality() > 0) | context.degraded)[indices]
    levels = level_codes(lesion, low & quality_matters)
    return [indices[levels == code] for code in range(4)]


def _training_images(context: RunContext) -> list[np.ndarray]:
    """By level, as far as the variant knows quality."""
    return images_by_level(context, quality_matters=_quality_matters(context))


def level_pools(context: RunContext) -> dict[int, Pool]:
    """Training patches of each of the four levels, by level code."""
    from comcl.views import level_codes

    pools = {
        code: _pool(context, images, lesion=code < 2)
        for code, images in enumerate(_training_images(context))
    }
    train = context.dataset.where("train")
    lesion = context.dataset.task.shows_lesions(context.dataset.labels()[train])
    if context.protocol.comcl.empty_level == "paired_clean":
        originals = level_codes(lesion, np.zeros_like(lesion))
        for code in (0, 2):
            if not len(pools[code]):
                images = train[(originals == code) & context.degraded[train]]
                pools[code] = _pool(context, images, lesion=code < 2, clean=True)
    return pools


def _quality_matters(context: RunContext) -> bool:
    """Whether the variant knows quality; the union of Table 2's "w/o Multi-level" does not."""
    without = _variant(context) == "comcl-no-multilevel"
    return not (without and context.protocol.comcl.no_multilevel_pool == "all")


def _pool(context: RunContext, images: np.ndarray, *, lesion: bool, clean: bool = False) -> Pool:
    """Patches around boxes and random crops, by what the images are (D25, D26)."""
    settings, detected = context.protocol.detector, context.boxes in DETECTED
    around_boxes = lesion or (detected and settings.on_healthy == "hard_healthy")
    if context.boxes == "random_lesion_crops" or not around_boxes:
        return crop_pool(images, clean=clean)
    only_boxes = lesion and not (detected and settings.without_box == "random_crop")
    made = box_pool if only_boxes else boxes_else_crops
    patch_px = context.protocol.patches.size_px
    return made(images, context.images.boxes, patch_px=patch_px, clean=clean)


def require_patches(context: RunContext, pools: dict[int, Pool]) -> None:
    """Refuse levels with too few patches to learn from.

    Raises:
        RequestError: with the counts.
    """
    minimum = context.protocol.patches.minimum
    if any(len(pool) < minimum for pool in pools.values()):
        from comcl.views import LEVELS

        counts = ", ".join(f"{LEVELS[code]}: {len(pool)}" for code, pool in pools.items())
        raise RequestError(
            f"{context.name} needs at least {minimum} training patches in each level, and has "
            f"{counts}; add images or boxes, or lower --set patches.minimum"
        )
