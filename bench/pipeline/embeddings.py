"""What a pretrained encoder makes of patches of the four levels, before any fine-tuning.

`embeddings.npz` of a run holds it for a fixed list of test patches, so that the paper's Figure 1
can be drawn, and its clusters measured, without weights or images.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from bench.data.loaders import LevelBatches
from bench.data.patches import box_pool, corners, crop_pool
from bench.pipeline import build
from bench.pipeline.context import RunContext
from bench.pipeline.levels import images_by_level
from bench.seeding import generator_for, seed_for
from bench.training.stages import Stage

COUNTS = (200, 50, 200, 50)
"""Patches of L, L~, H, H~ at most: the samples of the paper's Figure 1 (D52)."""

COMPONENTS = 64
"""Principal components that are kept; a full ResNet50's 2048 features would fill the store."""

BATCH = 64


def pretrained(stages: Sequence[Stage]) -> bool:
    """Whether the last stage starts from an encoder that learnt from patches or views."""
    return len(stages) > 1 and isinstance(stages[-2].batches, LevelBatches)


def embed(network: Any, context: RunContext) -> dict[str, np.ndarray]:
    """What `embeddings.npz` holds.

    The patches are the same for every method and seed: at most `COUNTS` test images of each level,
    lesions around the data set's own boxes where it has any, one patch an image.

    Args:
        network: The classifier as fine-tuning starts it, its backbone being the pretrained encoder.

    Returns:
        `image_id` (n,) text; `level` (n,) int8, codes as in `comcl.views.LEVELS`; `feature`
        (n, d) float16, pooled features on their first d <= 64 principal components; `explained`
        (d,) float32, the proportion of variance that each explains.
    """
    images, levels, where = _patches(context)
    features = _features(network, context, images, where)
    projected, explained = _principal(features)
    return {
        "image_id": np.array([context.dataset.records[i].image_id for i in images], dtype=str),
        "level": levels.astype(np.int8),
        "feature": projected.astype(np.float16),
        "explained": explained.astype(np.float32),
    }


def _patches(context: RunContext) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (n,), their levels (n,), and upper left corners (n, 2) of one patch each."""
    image_px, patch_px = context.protocol.data.patch_image_px, context.protocol.patches.size_px
    images, levels, where = [], [], []
    for code, indices in enumerate(images_by_level(context, "test")):
        pool = crop_pool(indices)
        if code < 2:
            boxed = box_pool(indices, context.images.boxes, patch_px=patch_px)
            pool = boxed if len(boxed) else pool
        entries = _one_an_image(context, pool.images, COUNTS[code])
        rng = generator_for(context.protocol.data.data_seed, "embeddings", code)
        cut_at = corners(
            pool,
            entries,
            image_px=image_px,
            patch_px=patch_px,
            rng=rng,
            region=context.images.for_patches.region,
            visible=context.images.for_patches.visible,
            expansion=context.protocol.patches.expansion,
        )
        images.append(pool.images[entries])
        levels.append(np.full(len(entries), code))
        where.append(cut_at)
    return np.concatenate(images), np.concatenate(levels), np.concatenate(where)


def _one_an_image(context: RunContext, images: np.ndarray, count: int) -> np.ndarray:
    """Places of the first entries of as many images, in an order that the data seed decides."""
    distinct, first = np.unique(images, return_index=True)
    seed, records = context.protocol.data.data_seed, context.dataset.records
    order = sorted(
        range(len(distinct)),
        key=lambda n: seed_for(seed, "embeddings", records[distinct[n]].image_id),
    )
    return first[np.array(order[:count], dtype=np.int64)]


@torch.inference_mode()
def _features(
    network: Any, context: RunContext, images: np.ndarray, where: np.ndarray
) -> np.ndarray:
    """(n, F) pooled features, in eval mode; the mode is restored."""
    was_training = network.training
    network.eval()
    prepare, features = build.prepare_patches(context), []
    for part in np.split(np.arange(len(images)), range(BATCH, len(images), BATCH)):
        cut = context.images.for_patches.cut(
            images[part],
            where[part],
            patch_px=context.protocol.patches.size_px,
            undegraded=np.zeros(len(part), dtype=bool),
        )
        features.append(network.features(prepare(cut)).float().cpu().numpy())
    network.train(was_training)
    return np.concatenate(features)


def _principal(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, F) -> (n, d) scores on the first principal components, and the variance each explains."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    total = max(float((values**2).sum()), np.finfo(float).tiny)
    return (left * values)[:, :COMPONENTS], (values**2 / total)[:COMPONENTS]
