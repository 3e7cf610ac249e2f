"""Layers on maps (F, h, w) of one image, position by position in NumPy."""

import numpy as np
import torch
from torch import nn


def shaken(network: nn.Module, seed: int = 0) -> nn.Module:
    """In float64 and eval mode, its batch norms anything but neutral."""
    generator = torch.Generator().manual_seed(seed)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            for tensor in (norm.running_mean, norm.weight.data, norm.bias.data):
                tensor.normal_(generator=generator)
            norm.running_var.uniform_(0.5, 2, generator=generator)
    return network.double().eval()


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy()


def convolve(maps: np.ndarray, layer: nn.Module) -> np.ndarray:
    """What a convolution with padding by half its width gives, each output position on its own."""
    assert isinstance(layer, nn.Conv2d)
    weight, stride = array(layer.weight), layer.stride[0]
    bias = np.zeros(len(weight)) if layer.bias is None else array(layer.bias)
    side, pad = weight.shape[2], weight.shape[2] // 2
    height, width = (-(-size // stride) for size in maps.shape[1:])
    result = np.zeros((len(weight), height, width))
    for out, y, x in np.ndindex(result.shape):
        total = bias[out]
        for channel, dy, dx in np.ndindex(len(maps), side, side):
            row, column = y * stride + dy - pad, x * stride + dx - pad
            if 0 <= row < maps.shape[1] and 0 <= column < maps.shape[2]:
                total += weight[out, channel, dy, dx] * maps[channel, row, column]
        result[out, y, x] = total
    return result


def normalise(maps: np.ndarray, norm: nn.Module) -> np.ndarray:
    """What a batch norm gives in eval mode."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    result = np.empty_like(maps)
    for channel in range(len(maps)):
        deviation = np.sqrt(array(norm.running_var)[channel] + norm.eps)
        standard = (maps[channel] - array(norm.running_mean)[channel]) / deviation
        result[channel] = standard * array(norm.weight)[channel] + array(norm.bias)[channel]
    return result


def rectify(maps: np.ndarray) -> np.ndarray:
    return np.maximum(maps, 0)
