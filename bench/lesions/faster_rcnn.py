"""The lesion detector: Faster R-CNN on a pyramid whose finest anchors fit microaneurysms.

Paper: Ren et al., NeurIPS 2015; the benchmark's paper takes Huang et al.'s detector
(docs/reference/detector.md#settings), whose settings `protocol.detector` follows. Ours differs:
torchvision's box loss instead of GIoU, square fields of view, anchors from 8 px on.
`mobilenet_320_fpn` is its small brother for a CPU, with the pyramid at strides 4 to 32, since
lesions there are a few pixels wide.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FasterRCNN, FastRCNNPredictor, TwoMLPHead
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign

from bench.errors import RequestError
from bench.evaluation.detection import Detections
from bench.lesions.idrid import KINDS, AnnotatedPhotograph
from bench.protocol.settings import DetectorSettings
from bench.seeding import generator_for
from bench.training.optim import Schedule

LOWEST_SCORE = (
    0.05  # docs/reference/detector.md#settings: of what is kept before any confidence is asked for
)
MOST_BOXES = 100  # docs/reference/detector.md#settings: an image
ROI_PX = 7  # docs/reference/detector.md#settings: RoIAlign


class LesionDetector(nn.Module):
    """Faster R-CNN with the loop's loss, and boxes found as arrays.

    Args:
        settings: `protocol.detector`.
        fetch: Start from the weights that the settings name; without, they are about to be loaded.
    """

    def __init__(self, settings: DetectorSettings, *, fetch: bool = True):
        super().__init__()
        backbone = BACKBONES[settings.architecture](settings, fetch)
        levels = [str(level) for level in range(backbone.levels)]
        self.network = FasterRCNN(
            BackboneWithFPN(backbone.body, backbone.returned, backbone.widths, settings.channels),
            num_classes=None,
            min_size=settings.image_px,
            max_size=settings.image_px,
            rpn_anchor_generator=_anchors(settings, maps=backbone.levels + 1),
            rpn_pre_nms_top_n_train=2 * settings.proposals,
            rpn_pre_nms_top_n_test=2 * settings.proposals,
            rpn_post_nms_top_n_train=settings.proposals,
            rpn_post_nms_top_n_test=settings.proposals,
            box_roi_pool=MultiScaleRoIAlign(levels, ROI_PX, sampling_ratio=2),
            box_head=TwoMLPHead(settings.channels * ROI_PX**2, settings.head),
            box_predictor=FastRCNNPredictor(settings.head, 1 + len(KINDS)),
            box_batch_size_per_image=settings.samples,
            box_score_thresh=LOWEST_SCORE,
            box_detections_per_img=MOST_BOXES,
        )

    def loss(
        self, batch: dict[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, float | Tensor]]:
        """The sum of the four losses, of proposals and of boxes.

        Args:
            batch: images (B, 3, S, S) in 0..1; boxes (B, L, 4) in pixels; kinds (B, L), 1 and up,
                0 where an image has fewer than L.
            step: Not used.
            total_steps: Not used.
        """
        targets = [
            {"boxes": boxes[kinds > 0], "labels": kinds[kinds > 0]}
            for boxes, kinds in zip(batch["boxes"], batch["kinds"], strict=True)
        ]
        losses = self.network(list(batch["images"]), targets)
        return torch.stack(list(losses.values())).sum(), losses

    @torch.no_grad()
    def find(self, images: Tensor) -> list[Detections]:
        """What is seen in images (B, 3, S, S) in 0..1; boxes in pixels, kinds index KINDS."""
        self.eval()
        return [
            Detections(
                seen["boxes"].double().cpu().numpy(),
                seen["labels"].cpu().numpy() - 1,
                seen["scores"].double().cpu().numpy(),
            )
            for seen in self.network(list(images))
        ]


@dataclass(frozen=True)
class DetectionBatches:
    """Shuffled photographs with their boxes, every second one mirrored.

    Attributes:
        purpose: Parts of the seed.
    """

    photographs: Sequence[AnnotatedPhotograph]
    batch: int
    purpose: tuple[str | int, ...]

    def __len__(self) -> int:
        return ceil(len(self.photographs) / self.batch)

    def epoch(self, number: int) -> Iterator[dict[str, Tensor]]:
        """The batches of an epoch, each photograph once."""
        rng = generator_for(*self.purpose, "order", number)
        order = rng.permutation(len(self.photographs))
        mirrored = rng.random(len(order)) < 0.5
        for start in range(0, len(order), self.batch):
            positions = range(start, min(start + self.batch, len(order)))
            yield collate([_turned(self.photographs[order[i]], mirrored[i]) for i in positions])


def collate(photographs: Sequence[AnnotatedPhotograph]) -> dict[str, Tensor]:
    """Photographs of one size as a batch of `LesionDetector.loss`."""
    most = max(1, *(len(photograph.kinds) for photograph in photographs))
    boxes = np.zeros((len(photographs), most, 4), np.float32)
    kinds = np.zeros((len(photographs), most), np.int64)
    for row, photograph in enumerate(photographs):
        boxes[row, : len(photograph.kinds)] = photograph.boxes
        kinds[row, : len(photograph.kinds)] = photograph.kinds + 1
    images = to_input(np.stack([photograph.image for photograph in photographs]))
    return {"images": images, "boxes": torch.from_numpy(boxes), "kinds": torch.from_numpy(kinds)}


def to_input(images: np.ndarray) -> Tensor:
    """(B, S, S, 3) uint8 -> (B, 3, S, S) float in 0..1."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def schedule(
    optimizer: torch.optim.Optimizer, settings: DetectorSettings, total_steps: int
) -> Schedule:
    """A linear warm-up, then a tenth of the rate after each milestone.

    Source: docs/reference/detector.md#settings.
    """

    def factor(step: int) -> float:
        passed = sum(step >= milestone * total_steps for milestone in settings.milestones)
        return min(1.0, (step + 1) / max(settings.warmup_steps, 1)) * 0.1**passed

    return Schedule(optimizer, factor)


@dataclass(frozen=True)
class _Backbone:
    """A network, which of its layers feed the pyramid, and how wide they are."""

    body: nn.Module
    returned: dict[str, str]
    widths: list[int]

    @property
    def levels(self) -> int:
        return len(self.returned)


def _resnet50(settings: DetectorSettings, fetch: bool) -> _Backbone:
    """Strides 4 to 32; with ImageNet weights the stem and the first stage stay.

    Source: docs/reference/detector.md#settings.
    """
    body = models.resnet50(norm_layer=_norm(settings))
    if fetch and settings.weights == "imagenet":
        body.load_state_dict(_imagenet(models.ResNet50_Weights.IMAGENET1K_V1))
        for part in (body.conv1, body.layer1):
            part.requires_grad_(False)
    names = {f"layer{n}": str(n - 1) for n in range(1, 5)}
    return _Backbone(body, names, [256, 512, 1024, 2048])


def _mobilenet(settings: DetectorSettings, fetch: bool) -> _Backbone:
    """Strides 4, 8 and 16 of MobileNetV3-Large."""
    body = models.mobilenet_v3_large(norm_layer=_norm(settings))
    if fetch and settings.weights == "imagenet":
        body.load_state_dict(_imagenet(models.MobileNet_V3_Large_Weights.IMAGENET1K_V1))
    return _Backbone(body.features, {"3": "0", "6": "1", "12": "2"}, [24, 40, 112])


BACKBONES: dict[str, Callable[[DetectorSettings, bool], _Backbone]] = {
    "resnet50_fpn": _resnet50,
    "mobilenet_320_fpn": _mobilenet,
}


def _norm(settings: DetectorSettings) -> Callable[..., nn.Module]:
    """Batches are too small for statistics of their own, which a random start cannot do without."""
    return FrozenBatchNorm2d if settings.weights == "imagenet" else nn.BatchNorm2d


def _anchors(settings: DetectorSettings, *, maps: int) -> AnchorGenerator:
    """One size a map, doubling, in all ratios."""
    sizes = tuple((settings.smallest_anchor_px * 2**level,) for level in range(maps))
    return AnchorGenerator(sizes, (settings.ratios,) * maps)


def _imagenet(weights: Any) -> dict[str, Tensor]:
    """Weights of ImageNet, from torch's cache or its site.

    Raises:
        RequestError: when they are not cached and cannot be fetched.
    """
    try:
        return weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise RequestError(
            f"ImageNet weights {weights.url} are not in torch's cache and cannot be fetched "
            f"({error}); put the file into {torch.hub.get_dir()}/checkpoints, or start from "
            "nothing with --set detector.weights=random"
        ) from error


def _turned(photograph: AnnotatedPhotograph, mirrored: bool) -> AnnotatedPhotograph:
    if not mirrored:
        return photograph
    width = photograph.image.shape[1]
    boxes = photograph.boxes.copy()
    boxes[:, [0, 2]] = width - photograph.boxes[:, [2, 0]]
    image = np.ascontiguousarray(photograph.image[:, ::-1])
    return AnnotatedPhotograph(photograph.image_id, image, boxes, photograph.kinds)
