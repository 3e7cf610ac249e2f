"""What all presets for two cores and random first weights share: a small network and detector."""

from typing import Any

CHANGES: dict[str, tuple[Any, str]] = {
    "detector.architecture": (
        "mobilenet_320_fpn",
        "assumed: two cores (docs/reference/training.md#lesion-detector-on-a-cpu)",
    ),
    "detector.weights": ("random", "assumed: nothing to download"),
    "detector.image_px": (320, "assumed: two cores"),
    "detector.smallest_anchor_px": (
        6,
        "assumed: the twin's haemorrhages are 4 to 23 px wide at 320",
    ),
    "detector.ratios": ((1.0,), "assumed: two cores; small lesions are round"),
    "detector.channels": (64, "assumed: two cores"),
    "detector.head": (256, "assumed: two cores"),
    "detector.proposals": (300, "assumed: two cores; three times the boxes that are kept"),
    "detector.samples": (64, "assumed: two cores"),
    "detector.epochs": (12, "assumed: about 380 s of a core where it was tried (results/LOG.md)"),
    "detector.least_shown": (1440, "assumed: as of the companion, of the user's photographs"),
    "detector.batch": (4, "assumed: norms that learn need more than two images"),
    "detector.optimizer": ("adamw", "assumed: a random start in few steps"),
    "detector.lr": (2e-3, "assumed: a random start in few steps"),
    "detector.weight_decay": (0.01, "assumed: AdamW's usual value"),
    "detector.warmup_steps": (30, "assumed: 360 steps in all"),
    "detector.milestones": ((0.6, 0.9), "assumed: a random start needs the full rate longer"),
    "detector.companion_images": (162, "assumed: drawn in half a minute; 120 to train on"),
    "init.weights": ("random", "assumed: nothing to download"),
    "backbone.name": ("resnet10t", "assumed: two cores (docs/reference/training.md#backbone)"),
    "pretraining.weight_decay": (0.0, "assumed: none in so few steps (D61)"),
    "pretraining.key_momentum": (0.99, "assumed: tens of steps instead of ten thousand"),
    "finetuning.augmentation": ("flips", "assumed: a random start in few steps"),
    "finetuning.optimizer": ("adamw", "assumed: a random start in few steps"),
    "finetuning.lr": (2e-3, "assumed: a random start in few steps"),
    "finetuning.weight_decay": (0.05, "assumed: AdamW's usual value"),
    "finetuning.warmup_share": (0.15, "assumed: a random start"),
    "zoom_in_net.attention_width": (64, "assumed: two cores"),
    "deepmt_dr.width": (8, "assumed: two cores"),
    "deepmt_dr.sr_channels": (16, "assumed: two cores"),
    "deepmt_dr.hidden": (128, "assumed: two cores"),
    "deepmt_dr.sr_lr": (2e-3, "assumed: a random start in few steps"),
    "deepmt_dr.sr_segmentation_weight": (
        0.0,
        "assumed: Dice and focal hold super-resolution below bicubic for longer (results/LOG.md)",
    ),
    "engine.precision": ("fp32", "assumed: bf16 is emulated on CPUs without avx512_bf16"),
}
