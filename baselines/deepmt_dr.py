"""DeepMT-DR: super-resolution, lesion segmentation and grading, each task feeding the next.

Paper: Wang X. et al., AAAI 2021, "Deep Multi-Task Learning for Diabetic Retinopathy Grading in
Fundus Images"; only its abstract could be read [A].
Authors' code: XiaofeiWang2018/DR at 2f6deb7 [C] (README of the AAAI paper: 290cf0f), of a later,
extended version and not runnable as published (names that do not exist, undefined sizes); what
belongs to the paper and what to the extension cannot be told apart.

An image of S pixels is taken as high resolution. It is shrunk by f and restored (ISR_Net), the
restored image is segmented into MA, HM, HE, SE (microaneurysms, haemorrhages, hard and soft
exudates) and background (Seg_Net), and graded from its colours and the four lesion maps (KeNet_v1);
Grad-CAMs of four depths become one map (Multi_Intergrate). Three phases, as in the code:

  segmentation   1_1  ISR and Seg on images with masks     MSE + TV + Seg-perceptual + Dice + focal
  grading        1_2  grader and map integration, on S     CE; MSE(map, 1 - background)
  joint          2    ISR and grader                       MSE + TV + both perceptual + CE + map

As in the code [C]: layers, widths, side weights (nothing reads the last decoder step, so it is not
built), loss weights, CAM of grade 0 or of all others, no factor 2 in Dice, a random first
convolution before an ImageNet backbone, no normalisation (the batch's is undone), Seg and
integration still in the joint phase, each part learning from its own optimizer's terms alone
(`only_to`). In 1_1 the code's two backward passes give ISR the gradient of Dice and focal twice
(`sr_segmentation_weight=2`); its weights say once, as here by default.
Repaired, so assumed:
- Maps of activation are resized as tensors (Pillow's bicubic). In the code they pass through PIL,
  so that no gradient reaches integration or network. Channel weights stay constants.
- The map is compared with 1 - background, as in stage 1_2; stage 2 sets it against five masks.
- Lesion maps are sigmoids wherever they are used, as Seg is trained; the code hands a softmax to
  the grader (`lesion_maps="softmax"`).
- Dice is taken over an image; the code's flattening makes it a ratio a pixel (`dice="pixel"`).
- Integration starts as a mean; frozen parts keep their batch statistics (the code trains on with
  Seg's); pyramid pooling takes maxima, on 4, 2 and 1 cells a side (10752 = 512 * 21 [C]).
- f is 4, of 1024 px (README [A]; the scripts say 8). No class weights: the code's are of DDR. Rates
  of the parts are in proportion (`parameter_groups`), without their changes within 1_1 and 1_2.
- Findings take binary cross entropy. Without masks (`segmentation=False`) super-resolution is
  first, alone; the grader sees three channels, and integration stays a mean.
Shapes: B images of S x S pixels, C classes or findings, f the factor of super-resolution.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from baselines import phases
from baselines.deepmt_dr_blocks import (
    LESION_MAPS,
    Grader,
    Integration,
    SegNet,
    SuperResolution,
    backbone_of,
)
from baselines.deepmt_dr_losses import (
    DICE,
    TASKS,
    TERM_WEIGHTS,
    Terms,
    dice_loss,
    focal_loss,
    image_terms,
    more_to,
    only_to,
    squared_error,
    weighted,
)
from baselines.options import pick
from baselines.resampling import shrink

# Name, length in trainings of a classifier (the code's two grading phases last 300 epochs each; the
# first one's length is assumed), factor of the learning rate (all start at 5e-5).
PHASES = (("segmentation", 1.0, 1.0), ("grading", 1.0, 1.0), ("joint", 1.0, 1.0))
PHASES_WITHOUT_SEGMENTATION = (("super_resolution", 1.0, 1.0), *PHASES[1:])

# Whether masks are used, phase -> the parts that learn and their factor of the phase's rate.
# 1_1: ISR 5e-5, Seg 2e-5; 1_2: grader 5e-5, integration 1e-5; 2: grader 5e-5, ISR 1e-5.
TRAINED = {
    True: {
        "segmentation": {"isr": 1.0, "seg": 0.4},
        "grading": {"grader": 1.0, "integration": 0.2},
        "joint": {"grader": 1.0, "isr": 0.2},
    },
    False: {
        "super_resolution": {"isr": 1.0},
        "grading": {"grader": 1.0},
        "joint": {"grader": 1.0, "isr": 0.2},
    },
}

LESIONS = 4


class DeepMTDR(nn.Module):
    """Super-resolution, segmentation, grading, in one of the phases.

    Args:
        num_classes: C.
        task: "grading" or "findings".
        backbone: a timm architecture whose stages have maps; the paper's is ResNet18
            (torchvision's weights are timm's "resnet18.tv_in1k").
        weights: "random", "imagenet" or a file, of the backbone.
        backbone_options: further arguments of the architecture.
        phase: a name of `PHASES`, or of `PHASES_WITHOUT_SEGMENTATION`.
        segmentation: False leaves out Seg_Net and all that needs masks.
        upscale: f, a power of two above 1; hidden: units between pyramid and logits.
        sr_segmentation_weight: of Dice and focal in super-resolution's gradient; Seg's is of 1.
        width: channels of Seg_Net at full resolution; sr_channels: of ISR_Net.
        side_weights: of Seg_Net's side outputs, from the deepest up.
        lesion_maps: a key of `LESION_MAPS`; dice: a key of `DICE`.
        dropout: after them; class_weights: C weights in the grading loss, or None.
        pixel_mean, pixel_std: what the images of a batch were normalised with, by channel.

    Raises:
        ValueError: an unknown name, or a number that does not fit.
    """

    pixel_mean: Tensor  # (3, 1, 1)
    pixel_std: Tensor  # (3, 1, 1)
    class_weights: Tensor | None  # (C,)

    def __init__(
        self,
        num_classes: int,
        *,
        task: str = "grading",
        backbone: str = "resnet18",
        weights: str | Path = "random",
        backbone_options: Mapping[str, Any] | None = None,
        phase: str = "joint",
        segmentation: bool = True,
        upscale: int = 4,
        width: int = 64,
        sr_channels: int = 32,
        side_weights: Sequence[float] = (0.4, 0.2, 0.2, 1.0),
        lesion_maps: str = "sigmoid",
        dice: str = "region",
        sr_segmentation_weight: float = 1.0,
        hidden: int = 512,
        dropout: float = 0.5,
        class_weights: Sequence[float] | None = None,
        pixel_mean: Sequence[float] = (0.4258, 0.2974, 0.2129),
        pixel_std: Sequence[float] = (0.2767, 0.2024, 0.1686),
    ):
        super().__init__()
        if class_weights is not None and len(class_weights) != num_classes:
            given = len(class_weights)
            raise ValueError(f"class_weights ({given}) must be {num_classes}, one each")
        self.phase, self.upscale = phase, upscale
        self.sr_segmentation_weight = sr_segmentation_weight
        self.task = pick(TASKS, task, "task")
        self.lesion_map = pick(LESION_MAPS, lesion_maps, "lesion_maps")
        self.dice_over = pick(DICE, dice, "dice")
        self.isr = SuperResolution(upscale, sr_channels)
        self.seg = SegNet(width, LESIONS + 1, side_weights) if segmentation else None
        seen, options = 3 + LESIONS * segmentation, backbone_options or {}
        grader_backbone = backbone_of(backbone, weights=weights, in_chans=seen, options=options)
        self.grader = Grader(grader_backbone, num_classes, hidden=hidden, dropout=dropout)
        self.integration = Integration(len(self.grader.tapped))
        self._constant("pixel_mean", pixel_mean, (3, 1, 1))
        self._constant("pixel_std", pixel_std, (3, 1, 1))
        self._constant("class_weights", class_weights, (num_classes,))
        self.trained = pick(TRAINED[segmentation], phase, "phase")
        self.term_weights = TERM_WEIGHTS[phase]
        self.terms = {
            "segmentation": self._segmentation,
            "super_resolution": self._super_resolution,
            "grading": self._grading,
            "joint": self._joint,
        }[phase]
        self.frozen = phases.untrained(self, self.trained)
        phases.freeze(self, self.frozen)

    def _constant(self, name: str, values: Sequence[float] | None, shape: tuple[int, ...]) -> None:
        held = None if values is None else torch.tensor(values).reshape(shape)
        self.register_buffer(name, held, persistent=False)

    def train(self, mode: bool = True) -> "DeepMTDR":
        """As every module; parts that do not learn in this phase stay in eval mode."""
        super().train(mode)
        phases.keep_frozen(self, self.frozen)
        return self

    def transfer(self, state: Mapping[str, Tensor]) -> None:
        """Start from the phase before: all parts, the ones it did not train too.

        Raises:
            backbones.WeightsMismatch: a tensor is missing, left over or of another shape.
        """
        phases.continue_from(self, state)

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """What an optimizer takes: the parts that learn in this phase, each at its own rate."""
        return [
            {"params": list(self.get_submodule(name).parameters()), "lr": lr * factor}
            for name, factor in self.trained.items()
        ]

    def forward(self, images: Tensor) -> Tensor:
        """One logit a class.  (B, 3, S, S) -> (B, C)."""
        seen, _ = self.seen(self.entering(self.unnormalised(images)))
        return self.grader(seen)

    def entering(self, high: Tensor) -> Tensor:
        """The image itself in the grading phase, as the code tests there; else restored."""
        return high if self.phase == "grading" else self.restored(high)

    def unnormalised(self, images: Tensor) -> Tensor:
        """Images as they were before normalisation, in [0, 1]."""
        return (images * self.pixel_std + self.pixel_mean).clamp(0, 1)

    def restored(self, high: Tensor) -> Tensor:
        """Shrunk by f and brought back.  (B, 3, S, S) in [0, 1] -> the same."""
        height, width = high.shape[-2:]
        return self.isr(shrink(high, self.upscale))[..., :height, :width]

    def seen(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the grader sees, and the five masks it is made with; of the colours alone if none.

        (B, 3, S, S) in [0, 1] -> (B, 7, S, S), (B, 5, S, S)  |  (B, 3, S, S), None.
        """
        if self.seg is None:
            return images, None
        masks = self.lesion_map(self.seg(images))
        return torch.cat([images, masks[:, :LESIONS]], dim=1), masks

    def saliency(self, images: Tensor) -> Tensor:
        """The integrated map of what speaks for the answer.  (B, 3, S, S) -> (B, S, S), >= 0."""
        with torch.inference_mode(False):
            with torch.no_grad():
                # Copies made outside of inference mode can be differentiated.
                seen, _ = self.seen(self.entering(self.unnormalised(images.clone())))
            _, cams = self.grader.explained(seen.requires_grad_(), self.task.score)
            return self.integrated(cams, images).detach()

    def integrated(self, cams: Sequence[Tensor], images: Tensor) -> Tensor:
        """One map of the images' size.  (B, h, w) each -> (B, S, S)."""
        return self.integration(cams, (images.shape[-2], images.shape[-1]))

    def loss(
        self, batch: Mapping[str, Tensor], *, step: int, total_steps: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The phase's loss of {"images": (B, 3, S, S), ...}, and its terms unweighted.

        It also holds "masks": (B, 5, S, S) in [0, 1], of MA, HM, HE, SE and background, in the
        segmentation phase; "labels": (B,) grades or (B, C) findings, in the last two.
        """
        del step, total_steps  # the same at every step
        with torch.no_grad():
            high = self.unnormalised(batch["images"])
        terms, logs = self.terms(high, batch)
        return weighted(terms, self.term_weights), {n: t.detach() for n, t in terms.items()} | logs

    def _super_resolution(self, high: Tensor, batch: Mapping[str, Tensor]) -> tuple[Terms, Terms]:
        return image_terms(self.restored(high), high), {}

    def _segmentation(self, high: Tensor, batch: Mapping[str, Tensor]) -> tuple[Terms, Terms]:
        assert self.seg is not None  # TRAINED has no such phase without it
        restored, masks = self.restored(high), batch["masks"]
        logits = self.seg(restored)
        with torch.no_grad():
            target = self.seg(high)
        dice = dice_loss(logits.sigmoid(), masks, over=self.dice_over)
        lesion_terms = {
            "seg_perceptual": only_to(squared_error(logits, target), restored),
            "dice": more_to(dice, restored, self.sr_segmentation_weight),
            "focal": more_to(focal_loss(logits, masks), restored, self.sr_segmentation_weight),
        }
        return image_terms(restored, high) | lesion_terms, {}

    def _grading(self, high: Tensor, batch: Mapping[str, Tensor]) -> tuple[Terms, Terms]:
        with torch.no_grad():
            seen, masks = self.seen(high)
        logits, cams = self.grader.explained(seen, self.task.score)
        terms = {"grading": self.task.loss(logits, batch["labels"], self.class_weights)}
        if masks is not None:  # this term trains integration alone: the cams are constants
            whole_map = self.integrated([cam.detach() for cam in cams], high)
            terms["seg_map"] = squared_error(whole_map, 1 - masks[:, LESIONS])
        return terms, self._accuracy(logits, batch)

    def _joint(self, high: Tensor, batch: Mapping[str, Tensor]) -> tuple[Terms, Terms]:
        restored = self.restored(high)
        seen, masks = self.seen(restored)
        with torch.no_grad():
            seen_high, masks_high = self.seen(high)
        logits, cams = self.grader.explained(seen, self.task.score)
        _, cams_high = self.grader.explained(seen_high, self.task.score)
        whole_map, map_high = self.integrated(cams, high), self.integrated(cams_high, high)
        terms = image_terms(restored, high) | {
            "map_perceptual": only_to(squared_error(whole_map, map_high.detach()), seen),
            "grading": self.task.loss(logits, batch["labels"], self.class_weights),
        }
        if masks is not None and masks_high is not None:
            terms["seg_perceptual"] = squared_error(masks, masks_high)
            terms["seg_map"] = squared_error(map_high, 1 - masks_high[:, LESIONS])
        return terms, self._accuracy(logits, batch)

    def _accuracy(self, logits: Tensor, batch: Mapping[str, Tensor]) -> Terms:
        return {"accuracy": self.task.accuracy(logits.detach(), batch["labels"])}
