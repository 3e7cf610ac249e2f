"""Is super-resolution worth anything: against plain enlargement, on the validation images."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.pipeline.context import RunContext
from bench.pipeline.recipes.common import input_pixels, input_px, preparing
from bench.training.stages import GateResult

BATCH = 32
DEMAND = "super-resolution at least as good as bicubic enlargement, on the validation images"


def beats_bicubic(context: RunContext, module: Any) -> GateResult:
    """Whether a DeepMT-DR restores images at least as well as bicubic enlargement.

    Peak signal-to-noise ratios in dB of the mean squared error over all validation images, whole
    and in [0, 1], as the released code computes them; that of the best single colour is beside
    them.
    """
    errors = _squared_errors(context, module)
    psnr = {f"{name}_db": _decibels(error) for name, error in errors.items()}
    passed = psnr["restored_db"] >= psnr["bicubic_db"]
    outcome = "" if passed else ": the joint phase starts from images worse than plain enlargement"
    return GateResult(
        passed,
        DEMAND,
        psnr,
        f"super-resolution reaches {psnr['restored_db']:.1f} dB on the validation images, bicubic "
        f"enlargement {psnr['bicubic_db']:.1f}, one constant colour {psnr['constant_db']:.1f}"
        f"{outcome}",
    )


@torch.no_grad()
def _squared_errors(context: RunContext, module: Any) -> dict[str, float]:
    """Mean over images, channels and pixels, by what stands for the image."""
    from baselines.resampling import resize, shrink

    was_training = module.training
    module.eval()
    indices = context.dataset.where("validation")
    restored = bicubic = 0.0
    moments = torch.zeros(2, 3, dtype=torch.float64)
    for high in _images(context, module, indices):
        low = shrink(high, module.upscale)
        enlarged = resize(low, (high.shape[-2], high.shape[-1])).clamp_max(1)
        restored += _summed(module.restored(high), high)
        bicubic += _summed(enlarged, high)
        pixels = high.double().cpu()
        moments += torch.stack([pixels.mean((2, 3)).sum(0), pixels.square().mean((2, 3)).sum(0)])
    module.train(was_training)
    mean, square = moments / len(indices)
    return {
        "restored": restored / len(indices),
        "bicubic": bicubic / len(indices),
        "constant": float((square - mean.square()).mean()),
    }


def _images(context: RunContext, module: Any, indices: np.ndarray) -> Iterator[Tensor]:
    """The images as the network has them before it shrinks them: (n, 3, S, S) in [0, 1]."""
    prepare, pixels = preparing(context, input_px(context)), input_pixels(context)
    for part in np.split(indices, range(BATCH, len(indices), BATCH)):
        yield module.unnormalised(prepare(pixels.batch(part)))


def _summed(first: Tensor, second: Tensor) -> float:
    """The mean squared difference of each image, summed over images."""
    return float((first.double() - second.double()).square().mean(dim=(1, 2, 3)).sum())


def _decibels(squared_error: float) -> float:
    """Peak signal-to-noise ratio of values up to 1; an error of nothing counts as 1e-10."""
    return float(-10 * np.log10(max(squared_error, 1e-10)))
