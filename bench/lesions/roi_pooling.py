"""Features of boxes out of a pyramid, with gradients that repeat on a graphics card too.

Shapes: K boxes, k of them on one level; C channels and H x W places of a feature map; n x n cells
of a box.
"""

from math import log2

import torch
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign, box_area

from baselines.numerics import widened

AT_ONCE = 64
"""Boxes that are pooled together, so that a large map does not take gigabytes."""


class RepeatableRoIAlign(MultiScaleRoIAlign):
    """Torchvision's pooling; on a graphics card the same to rounding, as products of matrices.

    There torchvision's own gradient is a sum in no fixed order or, where torch is to be repeatable,
    a function that has to be compiled first. The samples of a box lie on a grid, so that
    interpolating them and averaging each cell is one matrix down and one across.

    Source: He et al., Mask R-CNN, ICCV 2017, section 3; levels, Lin et al., CVPR 2017, equation 1.
    """

    def forward(
        self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]
    ) -> Tensor:
        """(K of all images, C, n, n), in their order.

        Args:
            x: Feature maps (B, C, H, W) by name.
            boxes: (K, 4) of each image, x0, y0, x1, y1 in pixels of the images.
            image_shapes: Height and width of each image.
        """
        if next(iter(x.values())).is_cuda:
            return self.by_matrices(x, boxes, image_shapes)
        return super().forward(x, boxes, image_shapes)

    def by_matrices(
        self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]
    ) -> Tensor:
        """As `forward`, on any device."""
        maps = [widened(x[name]) for name in self.featmap_names]
        height = max(shape[0] for shape in image_shapes)
        strides = [2 ** round(log2(height / each.shape[2])) for each in maps]
        with torch.autocast(maps[0].device.type, enabled=False):
            pooled = [
                self._of_image([each[image] for each in maps], strides, of_one)
                for image, of_one in enumerate(boxes)
            ]
        return torch.cat(pooled)

    def _of_image(self, maps: list[Tensor], strides: list[int], boxes: Tensor) -> Tensor:
        octaves = (box_area(boxes).sqrt() / self.canonical_scale).log2()
        level = (self.canonical_level + octaves + 1e-6).floor()  # as torchvision rounds
        level = level.clamp(log2(strides[0]), log2(strides[-1]))
        pooled = maps[0].new_zeros((len(boxes), len(maps[0]), *self.output_size))
        for features, stride in zip(maps, strides, strict=True):
            for chosen in (level == log2(stride)).nonzero()[:, 0].split(AT_ONCE):
                cells = self._cells(features, boxes[chosen] / stride)
                pooled = pooled.index_copy(0, chosen, cells)
        return pooled

    def _cells(self, features: Tensor, boxes: Tensor) -> Tensor:
        """(k, C, n, n) of boxes (k, 4) in places of the features (C, H, W)."""
        x0, y0, x1, y1 = boxes.unbind(1)
        rows, columns = self.output_size
        down = self._weights(y0, y1, rows, features.shape[1])
        across = self._weights(x0, x1, columns, features.shape[2])
        return torch.einsum("kih,chw,kjw->kcij", down, features, across)

    def _weights(self, low: Tensor, high: Tensor, cells: int, places: int) -> Tensor:
        """(k, cells, places), of each place in the mean of each cell's samples along one axis."""
        count = cells * self.sampling_ratio
        along = (torch.arange(count, device=low.device, dtype=low.dtype) + 0.5) / count
        samples = low[:, None] + along * (high - low).clamp_min(1)[:, None]  # (k, count)
        seen = (samples >= -1) & (samples <= places)  # others count as zero
        every = torch.arange(places, device=low.device)
        distance = (samples.clamp(0, places - 1)[..., None] - every).abs()
        weights = (1 - distance).clamp_min(0) * seen[..., None]
        return weights.unflatten(1, (cells, self.sampling_ratio)).mean(2)
