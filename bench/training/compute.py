"""What a stage computes: operations of one step, counted; samples and operations of them all.

Operations are floating-point additions and multiplications, a fused pair being two, of matrix
products and convolutions, forward and backward, as torch counts them, the gradients of convolutions
apart. The optimizer's own, norms and activations are not among them.
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from bench.training.batches import parts, size
from bench.training.loop import Batches
from bench.training.precision import Precision, autocast


def of_stage(epoch: dict[str, int], *, epochs: int) -> dict[str, int]:
    """The compute of a stage from that of one epoch, every epoch being as large."""
    return {name: value if name == "px" else value * epochs for name, value in epoch.items()}


def of_epoch(
    module: Any,
    batches: Batches,
    *,
    precision: Precision,
    device: torch.device,
    accumulation: int = 1,
) -> dict[str, int]:
    """The compute of an epoch, from its first batch; every batch of a stage is as large.

    Args:
        module: On the device; one to throw away, since its gradients and statistics are changed.
        batches: What the stage sees.
        precision: As in training; with device and accumulation.
        device: Where the step is taken.
        accumulation: Parts that a batch is computed in; one of them is counted.

    Returns:
        `steps` of the optimizer; `samples` seen, repeats counted; `px`, the side of what the
        network is given (0 where that is no image); `flops`, operations.
    """
    batch = next(iter(batches.epoch(1)))
    steps, images = len(batches), size(batch)
    weight, part = next(parts(batch, accumulation, device))
    flops = _of_step(module, part, steps, precision, device) / weight
    return {
        "steps": steps,
        "samples": steps * images,
        "px": max((tensor.shape[-1] for tensor in batch.values() if tensor.ndim == 4), default=0),
        "flops": round(flops * steps),
    }


def _of_step(
    module: Any, batch: dict[str, Tensor], steps: int, precision: Precision, device: torch.device
) -> int:
    module.train()
    backward = torch.ops.aten.convolution_backward
    counter = FlopCounterMode(display=False, custom_mapping={backward: _backward_of_convolution})
    with counter:
        with autocast(precision, device):
            loss, _ = module.loss(batch, step=0, total_steps=steps)
        loss.backward()
    return counter.get_total_flops()


def _backward_of_convolution(
    grad_out: list[int],
    images: list[int],
    weight: list[int],
    _bias: Any,
    _stride: Any,
    _padding: Any,
    _dilation: Any,
    transposed: bool,
    _output_padding: Any,
    _groups: int,
    wanted: list[bool],
    out_shape: Any = None,
) -> int:
    """As many as the forward pass has, for each of image and weight whose gradient is wanted.

    torch's own count takes no notice of groups, so a depthwise weight counted as often as it has
    channels.
    """
    del out_shape  # follows from the others
    forward = conv_flop_count(images, weight, grad_out, transposed=transposed)
    return forward * sum(wanted[:2])
