"""From a prepared request to what its method is built from: images opened, lesions located."""

from collections.abc import Callable

import torch

from bench.data.cache import ProgressCallback
from bench.data.card_pixels import on_card
from bench.data.pixels import open_images
from bench.lesions import boxes, lesion_masks
from bench.lesions.lesion_masks import MaskedPhotographs
from bench.pipeline.context import RunContext, own_px
from bench.pipeline.resolve import Prepared
from bench.training.callbacks import Callbacks


def run_context(
    prepared: Prepared,
    device: torch.device,
    callbacks: Callbacks,
    interrupted: Callable[[], bool] = lambda: False,
) -> RunContext:
    """Images decoded, degraded and cached, and lesion boxes located in those to train on.

    Args:
        device: Where a lesion detector is trained and applied, and then the method.
        interrupted: Whether to stop.

    Raises:
        RequestError: an image cannot be read, or no lesion is found where patches need one.
        Interrupted: asked to stop; what was cached until then is kept.
    """
    images = open_images(
        prepared.dataset,
        prepared.digests,
        prepared.degraded,
        prepared.protocol,
        seed=prepared.request.seed,
        folder=prepared.cache,
        tick=callbacks.tick,
        own_px=own_px(prepared.method, prepared.protocol),
    )
    images, located = boxes.locate(
        prepared.box_source,
        images,
        prepared.dataset,
        prepared.digests,
        prepared.protocol,
        boxes.DetectorContext(prepared.cache, device, callbacks, interrupted),
    )
    if device.type == "cuda":
        images = on_card(images, device, free_bytes=torch.cuda.mem_get_info(device)[0])
    origin = located.pop("origin", None)
    return RunContext(
        name=prepared.name,
        method=prepared.method,
        protocol=prepared.protocol,
        dataset=prepared.dataset,
        images=images,
        degraded=prepared.degraded,
        boxes=prepared.boxes,
        weights=prepared.weights,
        seed=prepared.request.seed,
        device=device,
        masked=_masked(prepared, callbacks.tick),
        located=located,
        origins={} if origin is None else {"detector": origin},
    )


def _masked(prepared: Prepared, tick: ProgressCallback) -> MaskedPhotographs | None:
    """Photographs with lesion masks at the classifier's size, where the method needs them."""
    if prepared.masked is None:
        return None
    lesions, size_px = prepared.masked, prepared.protocol.data.image_px
    return lesion_masks.read(lesions.images(tick), size_px, lesions.name)
