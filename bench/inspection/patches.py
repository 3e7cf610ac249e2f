"""The patches that a method is pretrained on, as contact sheets before anything is trained."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
import torch

from bench.data import contact_sheet, patches
from bench.data.cache import ProgressCallback
from bench.data.loaders import LevelBatches
from bench.errors import RequestError
from bench.pipeline import build
from bench.pipeline.context import RunContext
from bench.pipeline.gather import run_context
from bench.pipeline.resolve import Request, prepare
from bench.seeding import generator_for
from bench.training.callbacks import Callbacks
from bench.training.stages import Stage

COUNT, COLUMNS, SHOWN_PX = 24, 8, 128
QUALITIES = ("good", "usable", "reject")
MARK = (255, 215, 0)


def write(request: Request, out: Path, tick: ProgressCallback) -> list[Path]:
    """One sheet a level: patches cut as pretraining cuts them, boxes marked, image by image named.

    Where each view of a box has a patch of its own, the key's stands beside the query's.

    Args:
        request: Of a contrastive method; the sheets depend on its data seed alone.
        out: Folder for `patches-<level>.png`; made if need be.

    Raises:
        RequestError: for a method without patches, or data that cannot serve it.
    """
    prepared = prepare(request, tick)
    context = run_context(prepared, torch.device("cpu"), Callbacks(tick))
    batches = _batches(build.stages(context), prepared.name)
    name = f"{prepared.name} on {request.dataset} at {prepared.spec.lq_ratio}"
    return [_sheet(context, batches, code, out, name) for code in batches.pools]


def _batches(stages: Sequence[Stage], method: str) -> LevelBatches:
    for stage in stages:
        if isinstance(stage.batches, LevelBatches):
            return stage.batches
    raise RequestError(f"{method} is not pretrained on patches; take comcl or lesion-base-cl")


def _sheet(context: RunContext, batches: LevelBatches, code: int, out: Path, name: str) -> Path:
    from comcl.views import LEVELS

    pool = batches.pools[code]
    rng = generator_for(context.protocol.data.data_seed, "sheet", code)
    entries = patches.sample(pool, COUNT, rng)
    second = generator_for(context.protocol.data.data_seed, "sheet, second windows", code)
    views = batches.windows(pool, entries, rng, second)
    entries = entries.repeat(len(views))[:COUNT]
    where = np.stack(views, axis=1).reshape(-1, 2)[:COUNT]
    cut = batches.cut(pool, entries, where).numpy()
    marked = [
        _marked(*pair) for pair in zip(cut, pool.boxes[entries] - np.tile(where, 2), strict=True)
    ]
    level = LEVELS[code] if len(batches.pools) == len(LEVELS) else f"level {code}"
    captions = [_caption(context, int(i)) for i in pool.images[entries]]
    title = f"{name}: {level}, {len(np.unique(pool.images))} images, boxes: {context.boxes}"
    title += "" if len(views) == 1 else ", query and key side by side"
    path = out / f"patches-{code}.png"
    return contact_sheet.grid(marked, captions, COLUMNS, path, title)


def _marked(patch: np.ndarray, box: np.ndarray) -> np.ndarray:
    """At a size that can be seen, the rim of its box drawn; a free crop has none."""
    times = max(1, ceil(SHOWN_PX / len(patch)))
    large = patch.repeat(times, axis=0).repeat(times, axis=1)
    if np.isnan(box).any():
        return large
    x0, y0, x1, y1 = (times * box).round().astype(int).clip(0, len(large) - 1)
    large[[y0, y1], x0 : x1 + 1] = MARK
    large[y0 : y1 + 1, [x0, x1]] = MARK
    return large


def _caption(context: RunContext, image: int) -> str:
    """Label, quality and name, the first first since a caption may be cut."""
    record = context.dataset.records[image]
    names = [
        name
        for name, value in zip(context.dataset.task.classes, record.labels, strict=False)
        if value
    ]
    label = (
        f"g{record.labels[0]}" if context.dataset.task.kind == "grading" else "+".join(names) or "-"
    )
    how = "degraded" if context.degraded[image] else QUALITIES[record.quality]
    return f"{label} {how} {record.image_id}"
