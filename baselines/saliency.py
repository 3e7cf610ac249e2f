"""Grad-CAM: which positions of a feature map speak for a logit.

Paper: Selvaraju et al., ICCV 2017, arXiv:1610.02391, section 3: a channel weighs the mean slope of
the class score, before softmax, over its positions; negative sums are cut off.
Ours: the map is not enlarged to the image, and each image may have a target class of its own.
Shapes: B images of S x S pixels, C classes or findings, F features in maps of h x w.
"""

from typing import Any

import torch
from torch import Tensor, nn


def grad_cam(
    network: nn.Module, images: Tensor, targets: Tensor, *, layer: str = "trunk"
) -> Tensor:
    """Where each image shows what raises its target logit.

    Gradients of parameters, modes and hooks are as before, also after an error; it works on frozen
    networks and wherever gradients are switched off.

    Args:
        network: maps images to logits (B, C); in eval mode, so that images do not see each other.
        images: (B, 3, S, S).
        targets: (B,) long, the class or finding to explain.
        layer: dotted name of the submodule whose output (B, F, h, w) is looked at.

    Returns:
        (B, h, w), float32 or wider, >= 0; all zero where nothing speaks for the target.

    Raises:
        ValueError: the network is in training mode, or the layer is not there, or does not run
            exactly once.
    """
    if network.training:
        raise ValueError("the network (in training mode) must be in eval mode: call .eval() first")
    # Copies made outside of inference mode can be differentiated, whatever the caller is in.
    with torch.inference_mode(False), torch.enable_grad():
        maps, logits = _watched(network, layer, images.clone())
        target_logits = logits.gather(1, targets.clone()[:, None]).sum()
        (slopes,) = torch.autograd.grad(target_logits, maps)
    wide = torch.promote_types(maps.dtype, torch.float32)
    weights = slopes.to(wide).mean(dim=(2, 3), keepdim=True)
    return (weights * maps.detach().to(wide)).sum(dim=1).relu()


def _watched(network: nn.Module, layer: str, images: Tensor) -> tuple[Tensor, Tensor]:
    """The layer's output, cut off from all before it, and the logits that follow from it."""
    seen: list[Tensor] = []

    def cut_off(_module: nn.Module, _given: Any, maps: Tensor) -> Tensor:
        seen.append(maps.detach().requires_grad_())
        return seen[-1].clone()  # what follows may work in place

    with _submodule(network, layer).register_forward_hook(cut_off):
        logits = network(images)
    if len(seen) != 1:
        raise ValueError(
            f"layer ({layer!r}) must run once for a batch, not {len(seen)} times: name another"
        )
    return seen[0], logits


def _submodule(network: nn.Module, layer: str) -> nn.Module:
    try:
        return network.get_submodule(layer)
    except AttributeError as error:
        names = ", ".join(name for name, _ in network.named_children())
        raise ValueError(
            f"layer ({layer!r}) must be a submodule of {type(network).__name__}, in: {names}"
        ) from error
