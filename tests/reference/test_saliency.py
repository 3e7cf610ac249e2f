"""Grad-CAM against its definition, slopes taken by differences, in float64."""

import numpy as np
import torch
from slow_maps import array, shaken
from torch import Tensor, nn

from baselines.saliency import grad_cam

# Central differences of step h err by h squared, 1e-10 here, and by rounding, 1e-16 / h.
STEP, CLOSE = 1e-5, 1e-8


class Bent(nn.Module):
    """A score whose slope differs from place to place."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.score = nn.Conv2d(4, 2, 1)

    def rest(self, maps: Tensor) -> Tensor:
        return self.score(maps.sigmoid() * maps).square().sum(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.rest(self.trunk(images))


def slow_cam(model: Bent, image: Tensor, target: int) -> np.ndarray:
    """ReLU(sum_f alpha_f A_f), alpha_f = mean over places of d y_c / d A_f."""
    maps = model.trunk(image[None])
    slopes = np.empty(maps.shape[1:])
    for place in np.ndindex(slopes.shape):
        high, low = maps.clone(), maps.clone()
        high[(0, *place)] += STEP
        low[(0, *place)] -= STEP
        rise = float(model.rest(high)[0, target]) - float(model.rest(low)[0, target])
        slopes[place] = rise / (2 * STEP)
    own = array(maps)[0]
    result = np.zeros(own.shape[1:])
    for y, x in np.ndindex(result.shape):
        for channel in range(len(own)):
            alpha = slopes[channel].sum() / slopes[channel].size
            result[y, x] += alpha * own[channel, y, x]
    return np.maximum(result, 0)


def test_grad_cam_is_its_definition():
    torch.manual_seed(0)
    model = shaken(Bent())
    assert isinstance(model, Bent)
    images, targets = torch.randn(4, 3, 4, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0])
    found = array(grad_cam(model, images, targets))
    with torch.no_grad():
        pairs = zip(images, targets.tolist(), strict=True)
        expected = np.stack([slow_cam(model, image, target) for image, target in pairs])
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE)
    assert 0.1 < (expected > 0.01).mean() < 0.9
