"""What a card repeats to the last bit is what PyTorch's own kernels compute."""

import pytest
import torch
import torch.nn.functional as F

from baselines.resampling import pyramid_pool, resize, resize_by_matrices


def random(*shape):
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(5, 7), (16, 20), (9, 31), (1, 1)])
def test_matrices_resize_as_interpolation_does_with_the_same_gradient(size):
    """Float64: sums of at most some dozen terms in another order."""
    images, slope = random(2, 3, 16, 20).requires_grad_(), random(2, 3, *size)
    expected = F.interpolate(images, size, mode="bicubic", antialias=True)
    found = resize_by_matrices(images, size)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad((x * slope).sum(), images)[0] for x in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)
    assert (resize(images, size) >= 0).all()


@pytest.mark.parametrize("shape", [(8, 8), (7, 5), (3, 9), (2, 2)])
def test_the_pyramid_is_pytorch_s_own_with_the_same_gradient(shape):
    """Equal values stand in it too, of which the first has the gradient."""
    features = (random(2, 3, *shape) * 5).round().requires_grad_()
    expected = torch.cat([F.adaptive_max_pool2d(features, n).flatten(1) for n in (4, 2, 1)], dim=1)
    found = pyramid_pool(features)
    assert torch.equal(found, expected)
    slope = random(*found.shape)
    gradients = [torch.autograd.grad((x * slope).sum(), features)[0] for x in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)
