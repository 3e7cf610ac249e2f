"""The lesion detector: Faster R-CNN on a pyramid whose finest anchors fit microaneurysms.

Paper: Ren et al., NeurIPS 2015; the benchmark's paper takes Huang et al.'s detector
(docs/reference/detector.md#settings), whose settings `protocol.detector` follows. Ours differs:
torchvision's box loss instead of GIoU, square fields of view, anchors from 8 px on.
`mobilenet_320_fpn` and `efficientnet_lite0_fpn` are its small brothers for a CPU, whose pyramids
start at stride 4, since lesions there are a few pixels wide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FasterRCNN, FastRCNNPredictor, TwoMLPHead

from bench.evaluation.detection import Detections
from bench.lesions import detector_backbones
from bench.lesions.idrid import KINDS, AnnotatedPhotograph
from bench.lesions.roi_pooling import RepeatableRoIAlign
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
        backbone = detector_backbones.build(settings, fetch=fetch)
        mean, std = backbone.statistics
        levels = [str(level) for level in range(backbone.levels)]
        self.network = FasterRCNN(
            BackboneWithFPN(backbone.body, backbone.returned, backbone.widths, settings.channels),
            num_classes=None,
            min_size=settings.image_px,
            max_size=settings.image_px,
            image_mean=mean,
            image_std=std,
            rpn_anchor_generator=_anchors(settings, maps=backbone.levels + 1),
            rpn_pre_nms_top_n_train=2 * settings.proposals,
            rpn_pre_nms_top_n_test=2 * settings.proposals,
            rpn_post_nms_top_n_train=settings.proposals,
            rpn_post_nms_top_n_test=settings.proposals,
            box_roi_pool=RepeatableRoIAlign(levels, ROI_PX, sampling_ratio=2),
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
        foreign: Name of the set that the photographs are of.
        turned: By a random number of quarter turns, too.
    """

    photographs: Sequence[AnnotatedPhotograph]
    batch: int
    purpose: tuple[str | int, ...]
    foreign: str
    turned: bool = False

    @property
    def indices(self) -> np.ndarray:
        """None of a run's data set."""
        return np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return ceil(len(self.photographs) / self.batch)

    def epoch(self, number: int) -> Iterator[dict[str, Tensor]]:
        """The batches of an epoch, each photograph once."""
        rng = generator_for(*self.purpose, "order", number)
        order = rng.permutation(len(self.photographs))
        mirrored = rng.random(len(order)) < 0.5
        quarters = rng.integers(4, size=len(order)) * self.turned
        for start in range(0, len(order), self.batch):
            positions = range(start, min(start + self.batch, len(order)))
            shown = [_mirrored(self.photographs[order[i]], mirrored[i]) for i in positions]
            yield collate(
                [_turned(one, quarters[i]) for one, i in zip(shown, positions, strict=True)]
            )


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


def _anchors(settings: DetectorSettings, *, maps: int) -> AnchorGenerator:
    """One size a map, doubling, in all ratios."""
    sizes = tuple((settings.smallest_anchor_px * 2**level,) for level in range(maps))
    return AnchorGenerator(sizes, (settings.ratios,) * maps)


def _mirrored(photograph: AnnotatedPhotograph, mirrored: bool) -> AnnotatedPhotograph:
    if not mirrored:
        return photograph
    width = photograph.image.shape[1]
    boxes = photograph.boxes.copy()
    boxes[:, [0, 2]] = width - photograph.boxes[:, [2, 0]]
    image = np.ascontiguousarray(photograph.image[:, ::-1])
    return AnnotatedPhotograph(photograph.image_id, image, boxes, photograph.kinds)


def _turned(photograph: AnnotatedPhotograph, quarters: int) -> AnnotatedPhotograph:
    """A square photograph, counterclockwise."""
    image, boxes, side = photograph.image, photograph.boxes, photograph.image.shape[0]
    for _ in range(quarters):  # what was right is above
        x0, y0, x1, y1 = boxes.T
        boxes = np.stack([y0, side - x1, y1, side - x0], axis=1)
    image = np.ascontiguousarray(np.rot90(image, quarters))
    return AnnotatedPhotograph(photograph.image_id, image, boxes, photograph.kinds)
