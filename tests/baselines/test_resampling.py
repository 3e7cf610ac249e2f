"""What a card repeats to the last bit is what PyTorch's own kernels compute."""

import pytest
import torch
import torch.nn.functional as F

from baselines.resampling import highest_of_cells, pyramid_pool, resize, resize_by_matrices


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
def test_cells_have_pytorch_s_own_maxima_with_the_same_gradient(shape):
    """Equal values stand in it too, of which the first has the gradient."""
    features = (random(2, 3, *shape) * 5).round().requires_grad_()
    for n in (4, 2, 1):
        expected, found = F.adaptive_max_pool2d(features, n), highest_of_cells(features, n)
        assert torch.equal(found, expected)
        slope = random(*found.shape)
        gradients = [torch.autograd.grad((x * slope).sum(), features)[0] for x in (found, expected)]
        torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def test_on_the_processor_both_are_pytorch_s_own_to_the_last_bit():
    features = random(2, 3, 7, 5).float()
    own = torch.cat([F.adaptive_max_pool2d(features, n).flatten(1) for n in (4, 2, 1)], dim=1)
    assert torch.equal(pyramid_pool(features), own)
    images = features.requires_grad_()
    resized = F.interpolate(images, (4, 9), mode="bicubic", antialias=True).clamp_min(0)
    assert torch.equal(resize(images, (4, 9)), resized)
