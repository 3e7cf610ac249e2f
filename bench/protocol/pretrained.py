"""What the preset `pretrained` changes: a few hundred real photographs on two cores.

Every network starts from ImageNet weights that come with a package (the extra `weights`). What was
tried, on the validation part of one fold alone, stands in docs/reference/training.md#small-sets and
results/LOG.md.
"""

from typing import Any

WITH_WEIGHTS = "the one network whose ImageNet weights install as a package"
LITE_MEAN, LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3
AS_TRAINED = "reference: training.md#small-sets: (x - 127) / 128, as the weights were trained"

CHANGES: dict[str, tuple[Any, str]] = {
    "data.image_px": (128, "assumed: two cores; 224 as the weights were trained is thrice as slow"),
    "data.patch_image_px": (384, "assumed: about the height of the photographs that it is for"),
    "data.validation_share": (
        0.2,
        "assumed: a tenth of a few hundred photographs tells no two epochs apart",
    ),
    "patches.size_px": (96, "assumed: 128 on 512 scaled"),
    "patches.minimum": (20, "assumed: a tenth of the images"),
    "detector.architecture": ("efficientnet_lite0_fpn", f"assumed: {WITH_WEIGHTS}"),
    "detector.weights": ("efficientnet-lite0", "assumed: nothing to download beside packages"),
    "detector.augmentation": (
        "mirror_and_turns",
        "assumed: IDRiD's photographs are few, and a retina has no upper side",
    ),
    "detector.image_px": (320, "assumed: two cores"),
    "detector.smallest_anchor_px": (
        4,
        "reference: detector.md#on-efficientnet-lite0: half of the lesions are under 4 px at 320",
    ),
    "detector.ratios": ((1.0,), "assumed: two cores; small lesions are round"),
    "detector.channels": (64, "assumed: two cores"),
    "detector.head": (256, "assumed: two cores"),
    "detector.proposals": (300, "assumed: two cores; three times the boxes that are kept"),
    "detector.samples": (64, "assumed: two cores"),
    "detector.epochs": (12, "assumed: more with few photographs, by detector.least_shown"),
    "detector.least_shown": (1440, "assumed: 360 steps"),
    "detector.batch": (4, "assumed: as the other small detector's"),
    "detector.optimizer": ("adamw", "assumed: few steps"),
    "detector.lr": (1e-3, "assumed: half of what a random start gets in the other small detector"),
    "detector.weight_decay": (0.01, "assumed: AdamW's usual value"),
    "detector.warmup_steps": (30, "assumed: 360 steps in all"),
    "detector.milestones": ((0.6, 0.9), "assumed: few steps need the full rate longer"),
    "detector.companion_images": (162, "assumed: as the other small detector's, for twins"),
    "init.weights": ("efficientnet-lite0", "assumed: nothing to download beside packages"),
    "backbone.name": ("tf_efficientnet_lite0", f"assumed: {WITH_WEIGHTS}"),
    "normalisation.mean": (LITE_MEAN, AS_TRAINED),
    "normalisation.std": (LITE_STD, AS_TRAINED),
    "chest.mean": (LITE_MEAN, AS_TRAINED),
    "chest.std": (LITE_STD, AS_TRAINED),
    "pretraining.epochs": (40, "assumed: about ten minutes of two cores; not tuned"),
    "pretraining.batch": (64, "assumed: 16 a level"),
    "pretraining.queue": (
        512,
        "assumed: about twice the pool of a level (docs/reference/methods.md#sizes-on-eyeq)",
    ),
    "pretraining.lr": (3e-4, "assumed: a third of a random start's; not tuned"),
    "pretraining.key_momentum": (0.99, "assumed: hundreds of steps instead of ten thousand"),
    "finetuning.epochs": (12, "reference: training.md#small-sets"),
    "finetuning.optimizer": ("adamw", "assumed: few steps"),
    "finetuning.lr": (1e-3, "reference: training.md#small-sets"),
    "finetuning.weight_decay": (0.05, "assumed: AdamW's usual value"),
    "finetuning.warmup_share": (0.1, "assumed: the new last layer first"),
    "mmcnn.image_px": (192, "assumed: 720 about a quarter"),
    "mmcnn.resolutions": ((64, 128, 192), "assumed: 224, 448 and 720, a quarter, in steps of 64"),
    "zoom_in_net.image_px": (320, "assumed: 1230 about a quarter"),
    "zoom_in_net.low_px": (128, "assumed: 492 about a quarter"),
    "zoom_in_net.crop_px": (96, "assumed: 384 a quarter"),
    "zoom_in_net.attention_width": (64, "assumed: two cores"),
    "deepmt_dr.width": (8, "assumed: two cores"),
    "deepmt_dr.sr_channels": (16, "assumed: two cores"),
    "deepmt_dr.hidden": (128, "assumed: two cores"),
    "deepmt_dr.sr_lr": (2e-3, "assumed: a random start in few steps"),
    "deepmt_dr.sr_crop_px": (64, "assumed: half the side; the code's crops are a quarter of it"),
    "deepmt_dr.sr_steps": (2000, "assumed: twice what super-resolution alone took to pass bicubic"),
    "deepmt_dr.sr_segmentation_weight": (
        0.0,
        "assumed: Dice and focal hold super-resolution below bicubic for longer (results/LOG.md)",
    ),
    "engine.precision": ("fp32", "reference: training.md#small-sets: bf16 takes ten times as long"),
}
