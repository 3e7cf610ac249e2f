"""DeepMT-DR's blocks against loops written from the formulas, in float64.

Sources of the formulas: docs/reference/methods.md#deepmt-dr and the released code it cites,
XiaofeiWang2018/DR at 290cf0f.
"""

import math
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from small_deepmt_dr import tiny
from torch import Tensor

from baselines.deepmt_dr_blocks import (
    Integration,
    SegNet,
    SuperResolution,
    grad_cams,
)
from baselines.deepmt_dr_losses import grading_score
from baselines.resampling import pyramid_pool, resize, shrink

EXACT: dict[str, Any] = {"rtol": 0, "atol": 1e-10}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# The images on their way: shrinking, super-resolution


def cubic(x: float) -> float:
    """Keys' kernel with a = -1/2."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def resizing_matrix(size: int, out: int) -> Tensor:
    """Row i: how output i is made of the inputs, the kernel stretched where it shrinks."""
    matrix = torch.zeros(out, size, dtype=torch.float64)
    scale = size / out
    stretch = max(scale, 1)
    for i in range(out):
        centre = (i + 0.5) * scale
        for j in range(size):
            matrix[i, j] = cubic((j + 0.5 - centre) / stretch)
        matrix[i] /= matrix[i].sum()
    return matrix


def slow_resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    rows, columns = (resizing_matrix(images.shape[d], size[d]) for d in (-2, -1))
    return (rows @ images @ columns.T).clamp_min(0)


@pytest.mark.parametrize("size", [(4, 3), (24, 20), (7, 9), (12, 10)])
def test_resizing_is_keys_kernel_stretched(size):
    images = random(2, 3, 12, 10)
    torch.testing.assert_close(resize(images, size), slow_resize(images, size), **EXACT)


@pytest.mark.parametrize("side", [(8, 12), (9, 11)])
def test_shrinking_repeats_the_edge_where_the_factor_leaves_a_rest(side):
    images = random(1, 3, *side)
    padded = images
    while padded.shape[2] % 4:
        padded = torch.cat([padded, padded[:, :, -1:]], dim=2)
    while padded.shape[3] % 4:
        padded = torch.cat([padded, padded[:, :, :, -1:]], dim=3)
    expected = slow_resize(padded, (padded.shape[2] // 4, padded.shape[3] // 4)).clamp_max(1)
    torch.testing.assert_close(shrink(images, 4), expected, **EXACT)


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.01 * x)


def grown(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A transposed convolution by its sum: pixel (i, j) adds its kernel at (2 i - 1, 2 j - 1)."""
    batch, _, height, width = x.shape
    out = torch.zeros(batch, weight.shape[1], 2 * height, 2 * width, dtype=x.dtype)
    for i, j, p, q in product(range(height), range(width), range(3), range(3)):
        row, column = 2 * i - 1 + p, 2 * j - 1 + q
        if 0 <= row < 2 * height and 0 <= column < 2 * width:
            out[:, :, row, column] += x[:, :, i, j] @ weight[:, :, p, q]
    return out + bias.view(1, -1, 1, 1)


@pytest.mark.parametrize(("factor", "doublings"), [(2, 1), (4, 2), (8, 3)])
def test_super_resolution_is_residual_blocks_and_doublings(factor, doublings):
    torch.manual_seed(0)
    network = SuperResolution(factor, channels=4).double()
    w, low = network.state_dict(), random(2, 3, 3, 4)

    def conv(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=1)

    x = leaky(conv(low, "enter"))
    for block in range(5):
        x = conv(leaky(conv(x, f"blocks.{block}.first")), f"blocks.{block}.second") + x
    for step in range(doublings):
        x = leaky(grown(x, w[f"grow.{step}.weight"], w[f"grow.{step}.bias"]))
    x = conv(x, "leave")
    expected = 1 / (1 + torch.exp(-2 * x))  # (tanh x + 1) / 2
    assert expected.shape == (2, 3, 3 * factor, 4 * factor)
    torch.testing.assert_close(network(low), expected, **EXACT)


# Segmentation


def seg_by_layers(w: dict[str, Tensor], images: Tensor, side_weights: tuple[float, ...]) -> Tensor:
    """Seg_Net in eval mode from its tensors, layer by layer."""

    def conv(x: Tensor, name: str) -> Tensor:
        kernel = w[f"{name}.weight"]
        return F.conv2d(x, kernel, w[f"{name}.bias"], padding=kernel.shape[-1] // 2)

    def norm_relu(x: Tensor, name: str) -> Tensor:
        mean, variance, scale, shift = (
            w[f"{name}.0.{part}"].view(1, -1, 1, 1)
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return ((x - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp_min(0)

    def scales(x: Tensor, name: str) -> Tensor:
        x = torch.cat([conv(x, f"{name}.0.small"), conv(x, f"{name}.0.large")], dim=1)
        return norm_relu(x, f"{name}.1")

    def block(x: Tensor, name: str) -> Tensor:
        return norm_relu(conv(scales(x, name), f"{name}.2"), f"{name}.3")

    def halved(x: Tensor) -> Tensor:
        return x.unflatten(3, (-1, 2)).amax(dim=4).unflatten(2, (-1, 2)).amax(dim=3)

    def nearest(x: Tensor, times: int) -> Tensor:
        return x.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)

    encoded = [block(images, "down.0")]
    for depth in range(1, 5):
        encoded.append(block(halved(encoded[-1]), f"down.{depth}"))
    x, total = encoded[4], torch.zeros(())
    for step, weight in enumerate(side_weights):
        if step:
            x = scales(nearest(x, 2), f"up.{step - 1}")
            x = block(torch.cat([encoded[4 - step], x], dim=1), f"merge.{step - 1}")
        total = total + weight * nearest(conv(x, f"sides.{step}"), 2 ** (4 - step))
    return total


@pytest.mark.parametrize("side_weights", [(0.4, 0.2, 0.2, 1.0), (0.4, 0.2, 0.2, 0.2, 1.0)])
def test_segmentation_is_a_u_net_with_weighted_side_outputs(side_weights):
    torch.manual_seed(0)
    network = SegNet(width=4, side_weights=side_weights).double()
    network(random(2, 3, 32, 48, seed=1))  # so that running statistics are no longer 0 and 1
    images = random(2, 3, 32, 48)
    expected = seg_by_layers(network.state_dict(), images, side_weights)
    torch.testing.assert_close(network.eval()(images), expected, **EXACT)


# Grading and its maps


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 7), (16, 16)])
def test_the_pyramid_is_the_maximum_of_each_cell(size):
    features = random(2, 3, *size)
    expected = []
    for image in range(2):
        cells = []
        for n in (4, 2, 1):
            for channel, row, column in product(range(3), range(n), range(n)):
                rows = range(size[0] * row // n, math.ceil(size[0] * (row + 1) / n))
                columns = range(size[1] * column // n, math.ceil(size[1] * (column + 1) / n))
                values = [float(features[image, channel, i, j]) for i in rows for j in columns]
                cells.append(max(values))
        expected.append(cells)
    torch.testing.assert_close(
        pyramid_pool(features), torch.tensor(expected, dtype=torch.float64), **EXACT
    )


def slow_cam(activations: Tensor, slopes: Tensor) -> Tensor:
    """One image: (K, h, w) twice -> (h, w)."""
    channels, height, width = activations.shape
    cam = torch.zeros(height, width, dtype=torch.float64)
    for k in range(channels):
        weight = sum(float(s) for s in slopes[k].flatten()) / (height * width)
        for i, j in product(range(height), range(width)):
            cam[i, j] += weight * activations[k, i, j]
    cam = torch.tensor([[max(0.0, float(v)) for v in row] for row in cam], dtype=torch.float64)
    cam = cam - cam.min()
    return cam / cam.max() if cam.max() > 0 else cam


def test_grad_cam_weighs_channels_by_their_mean_slope():
    shapes = [(2, 3, 6, 5), (2, 4, 3, 2)]
    taps = [(random(*s, seed=i) - 0.5).requires_grad_() for i, s in enumerate(shapes)]
    slopes = [random(*s, seed=i + 9) - 0.3 for i, s in enumerate(shapes)]
    score = torch.stack([(t * s).sum() for t, s in zip(taps, slopes, strict=True)]).sum()
    for tap, slope, cam in zip(taps, slopes, grad_cams(score, taps), strict=True):
        expected = torch.stack([slow_cam(t.detach(), s) for t, s in zip(tap, slope, strict=True)])
        assert expected.max() == 1
        torch.testing.assert_close(cam.detach(), expected, **EXACT)


def test_grad_cam_is_zero_where_nothing_speaks_for_the_score():
    taps = [random(1, 2, 3, 3).requires_grad_()]
    (cam,) = grad_cams(-taps[0].sum(), taps)
    assert not cam.any()


def test_the_taps_are_the_last_four_stages_and_the_slopes_those_of_the_score():
    """The grader's own maps, the slopes taken by another way: autograd through each stage."""
    model = tiny().double().eval()
    seen = random(2, 7, 64, 64)
    backbone = model.grader.trunk
    x = backbone.maxpool(backbone.act1(backbone.bn1(backbone.conv1(seen))))
    stages = []
    for stage in (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4):
        x = stage(x)
        x.retain_grad()
        stages.append(x)
    logits = model.grader.logits(model.grader.linear(pyramid_pool(x)))
    grading_score(logits).backward()
    found, cams = model.grader.explained(seen, grading_score)
    torch.testing.assert_close(found, logits, **EXACT)
    for stage, cam in zip(stages, cams, strict=True):
        for image in range(2):
            expected = slow_cam(stage[image].detach(), stage.grad[image])
            torch.testing.assert_close(cam[image].detach(), expected, **EXACT)


def test_integration_climbs_from_the_coarsest_map():
    torch.manual_seed(0)
    integration = Integration(3).double()
    for mix in integration.mix:
        torch.nn.init.normal_(mix.weight)  # pyright: ignore
        torch.nn.init.uniform_(mix.bias)  # pyright: ignore
    cams = [random(2, s, s, seed=s) for s in (8, 4, 2)]
    merged = cams[2]
    for step, finer in enumerate((cams[1], cams[0])):
        a, b, c = torch.cat([p.detach().flatten() for p in integration.mix[step].parameters()])
        up = slow_resize(merged, (finer.shape[1], finer.shape[2]))
        merged = (a * up + b * finer + c).clamp_min(0)
    expected = slow_resize(merged, (20, 20))
    assert expected.any()
    torch.testing.assert_close(integration(cams, (20, 20)).detach(), expected, **EXACT)
