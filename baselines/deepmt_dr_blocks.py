"""Blocks of DeepMT-DR, in the order of the forward pass.

Paper, code read, what is assumed and what is repaired: the header of `baselines.deepmt_dr`.
Shapes: B images of S x S pixels, f the factor of super-resolution, C classes, F features.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import log2
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import backbones
from baselines.numerics import widened
from baselines.resampling import pyramid_pool, resize


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a leaky ReLU, plus the input."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, H, W) -> (B, K, H, W)."""
        return self.second(F.leaky_relu(self.first(x))) + x


class SuperResolution(nn.Module):
    """ISR_Net: residual blocks at low resolution, then one transposed convolution a doubling.

    Raises:
        ValueError: the factor is not a power of two above 1.
    """

    def __init__(self, factor: int = 4, channels: int = 32, blocks: int = 5):
        super().__init__()
        if factor < 2 or factor & (factor - 1):
            raise ValueError(f"upscale ({factor}) must be a power of two above 1: one step doubles")
        self.enter = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(channels, channels, 3, stride=2, padding=1, output_padding=1)
            for _ in range(int(log2(factor)))
        )
        self.leave = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, low: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> (B, 3, f h, f w) in [0, 1]."""
        x = self.blocks(F.leaky_relu(self.enter(low)))
        for grow in self.grow:
            x = F.leaky_relu(grow(x))
        return (widened(self.leave(x)).tanh() + 1) / 2


class TwoScales(nn.Module):
    """A 3 x 3 and a 5 x 5 convolution side by side, half of the channels each."""

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.small = nn.Conv2d(channels, out // 2, 3, padding=1)
        self.large = nn.Conv2d(channels, out - out // 2, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, H, W) -> (B, out, H, W)."""
        return torch.cat([self.small(x), self.large(x)], dim=1)


def norm_relu(channels: int) -> nn.Module:
    """Batch norm, then ReLU."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())


def conv_block(channels: int, out: int) -> nn.Module:
    """Two scales, then one 3 x 3 convolution, each normalised."""
    merge = nn.Conv2d(out, out, 3, padding=1)
    return nn.Sequential(TwoScales(channels, out), norm_relu(out), merge, norm_relu(out))


def up_block(channels: int, out: int) -> nn.Module:
    """What follows a nearest-neighbour doubling: two scales, normalised."""
    return nn.Sequential(TwoScales(channels, out), norm_relu(out))


class SegNet(nn.Module):
    """Seg_Net: a U-Net whose outputs at several depths are added up.

    Args:
        width: channels at full resolution; each of the four halvings doubles them.
        classes: masks, lesions first, background last.
        side_weights: of the side outputs, from the deepest up. Decoder steps that no side output
            reads do not exist: the default four leave out the one at full resolution.

    Raises:
        ValueError: not one to five side weights.
    """

    def __init__(
        self,
        width: int = 64,
        classes: int = 5,
        side_weights: Sequence[float] = (0.4, 0.2, 0.2, 1.0),
    ):
        super().__init__()
        if not 1 <= len(side_weights) <= 5:
            raise ValueError(f"side_weights ({len(side_weights)}) must be one to five, one a depth")
        channels = [width << depth for depth in range(5)]
        used = channels[::-1][: len(side_weights)]  # from the deepest up
        self.side_weights = tuple(side_weights)
        self.down = nn.ModuleList(conv_block(a, b) for a, b in pairwise([3, *channels]))
        self.up = nn.ModuleList(up_block(a, b) for a, b in pairwise(used))
        self.merge = nn.ModuleList(conv_block(2 * b, b) for b in used[1:])
        self.sides = nn.ModuleList(nn.Conv2d(c, classes, 1) for c in used)

    def forward(self, images: Tensor) -> Tensor:
        """One logit a pixel and mask.  (B, 3, S, S) -> (B, classes, S, S)."""
        skips = [self.down[0](images)]
        for block in self.down[1:]:
            skips.append(block(F.max_pool2d(skips[-1], 2)))
        depths = [skips.pop()]
        for up, merge in zip(self.up, self.merge, strict=True):
            skip = skips.pop()
            grown = up(F.interpolate(depths[-1], skip.shape[-2:]))  # nearest, as everywhere here
            depths.append(merge(torch.cat([skip, grown], dim=1)))
        sides = [
            weight * F.interpolate(widened(side(x)), images.shape[-2:])
            for weight, side, x in zip(self.side_weights, self.sides, depths, strict=True)
        ]
        return torch.stack(sides).sum(dim=0)


LESION_MAPS = {"sigmoid": torch.sigmoid, "softmax": partial(torch.softmax, dim=1)}


def backbone_of(
    name: str, *, weights: str | Path, in_chans: int, options: Mapping[str, Any]
) -> nn.Module:
    """`backbones.create`, where weights of a colour backbone fit more channels than three too.

    The first convolution then keeps its random start, as in the released code; all else must match.

    Raises:
        backbones.WeightsUnavailable, backbones.WeightsMismatch: as `backbones.create`.
    """
    if weights == "random" or in_chans == 3:
        return backbones.create(name, weights=weights, in_chans=in_chans, **options)
    backbone: Any = backbones.create(name, in_chans=in_chans, **options)
    first, expected = f"{backbone.pretrained_cfg['first_conv']}.weight", backbone.state_dict()
    tensors = backbones.first_tensors(name, weights)
    state = backbones.backbone_in(tensors, expected, source=str(weights), any_shape=(first,))
    if first in state and state[first].shape[1] == 3:
        state[first] = expected[first]
    backbones.load_backbone(backbone, state, source=str(weights))
    return backbone


class Grader(nn.Module):
    """KeNet_v1: a backbone, spatial pyramid pooling, two linear layers with dropout between."""

    def __init__(self, backbone: nn.Module, num_classes: int, *, hidden: int, dropout: float):
        super().__init__()
        # The backbone, called trunk because stored weights name it so.
        self.trunk: Any = backbone
        self.tapped = [info["module"] for info in self.trunk.feature_info[-4:]]
        cells = 4 * 4 + 2 * 2 + 1 * 1
        self.linear = nn.Linear(cells * self.trunk.num_features, hidden)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(hidden, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, S, S) -> (B, C)."""
        return self.logits(self.dropout(self.linear(pyramid_pool(self.trunk(x)))))

    def with_taps(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits, and the outputs of the last four stages of the backbone, finest first."""
        kept: dict[str, Tensor] = {}

        def keep(name: str) -> Callable[..., None]:
            return lambda _module, _inputs, output: kept.__setitem__(name, output)

        modules = [self.trunk.get_submodule(name) for name in self.tapped]
        hooks = [
            module.register_forward_hook(keep(name))
            for name, module in zip(self.tapped, modules, strict=True)
        ]
        try:
            logits = self(x)
        finally:
            for hook in hooks:
                hook.remove()
        return logits, [kept[name] for name in self.tapped]

    def explained(
        self, x: Tensor, score: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits, and where the backbone sees what speaks for a score of them, at each tap.

        (B, K, S, S) -> (B, C), (B, h, w) each; computed with gradients wherever it is called.
        """
        with torch.enable_grad():
            logits, taps = self.with_taps(x)
            return logits, grad_cams(score(logits), taps)


def grad_cams(score: Tensor, taps: Sequence[Tensor]) -> list[Tensor]:
    """Grad-CAM of a scalar at each tap, stretched to [0, 1] image by image.

    The weights of the channels are constants; a gradient passes through the activations alone.

    Args:
        score: (), computed from the taps.
        taps: (B, K, h, w) each.

    Returns:
        (B, h, w) each; zero where nothing speaks for the score.
    """
    slopes = torch.autograd.grad(score, list(taps), retain_graph=True)
    return [stretched_cam(widened(a), widened(s)) for a, s in zip(taps, slopes, strict=True)]


def stretched_cam(activations: Tensor, slopes: Tensor) -> Tensor:
    """ReLU of the sum over channels of mean slope times activation, from 0 to 1.

    (B, K, h, w), (B, K, h, w) -> (B, h, w).
    """
    weights = slopes.mean(dim=(2, 3), keepdim=True)
    cam = (weights * activations).sum(dim=1).relu()
    cam = cam - cam.amin(dim=(1, 2), keepdim=True)
    peak = cam.amax(dim=(1, 2), keepdim=True)
    return cam / torch.where(peak > 0, peak, 1)


class Integration(nn.Module):
    """Multi_Intergrate: maps of several scales into one, from the coarsest up."""

    def __init__(self, scales: int = 4):
        super().__init__()
        self.mix = nn.ModuleList(nn.Conv2d(2, 1, 1) for _ in range(scales - 1))
        for mix in self.mix:  # the mean of both: a random draw is dead behind the ReLU too often
            assert isinstance(mix, nn.Conv2d) and mix.bias is not None
            nn.init.constant_(mix.weight, 0.5)
            nn.init.zeros_(mix.bias)

    def forward(self, cams: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """(B, h, w) each, finest first -> (B, *size), >= 0."""
        *finer, merged = [cam.unsqueeze(1) for cam in cams]
        with torch.autocast(merged.device.type, enabled=False):
            for mix, cam in zip(self.mix, reversed(finer), strict=True):
                grown = resize(merged, (cam.shape[-2], cam.shape[-1]))
                merged = mix(torch.cat([grown, cam], dim=1)).relu()
            return resize(merged, size).squeeze(1)
