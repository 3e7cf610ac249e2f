"""A DeepMT-DR small enough for tests, with images, lesion masks and grades to go with it."""

from typing import Any

import torch
from torch import Tensor

from baselines.deepmt_dr import DeepMTDR

NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    # timm starts the last norm of a block at zero, which would hide weights from the gradient.
    "backbone_options": {"channels": (8, 8, 16, 16), "zero_init_last": False},
    "width": 4,
    "sr_channels": 4,
    "hidden": 16,
    "dropout": 0.0,
}
MEAN, STD = torch.tensor([0.4258, 0.2974, 0.2129]), torch.tensor([0.2767, 0.2024, 0.1686])


def tiny(num_classes: int = 5, *, seed: int = 0, **options: Any) -> DeepMTDR:
    torch.manual_seed(seed)
    return DeepMTDR(num_classes, **(NETWORK | options))


def batch_of(count: int = 4, size: int = 64, seed: int = 0) -> dict[str, Tensor]:
    """Plain backgrounds, each with a rectangle of each kind of lesion; grades and findings."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 3, 1, 1, generator=generator).expand(-1, -1, size, size) * 0.6 + 0.2
    images = images + 0.1 * torch.rand(count, 3, size, size, generator=generator)
    masks = torch.zeros(count, 5, size, size)
    for image in range(count):
        for kind in range(4):
            top, left = torch.randint(0, size - size // 4, (2,), generator=generator).tolist()
            masks[image, kind, top : top + size // 4, left : left + size // 4] = 1
            images[image, kind % 3, top : top + size // 4, left : left + size // 4] = kind % 2
    masks[:, 4] = (masks[:, :4].sum(dim=1) == 0).float()
    normalised = (images.clamp(0, 1) - MEAN.view(3, 1, 1)) / STD.view(3, 1, 1)
    labels = torch.arange(count) % 5
    findings = (torch.arange(count)[:, None] % torch.tensor([2, 3, 4]) == 0).float()
    return {"images": normalised, "masks": masks, "labels": labels, "findings": findings}


def terms_of(model: DeepMTDR, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    return model.loss(batch, step=0, total_steps=10)
