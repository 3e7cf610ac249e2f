"""What the preset `laptop` changes: the whole study on two cores, from random weights.

Its values were found with the plain classifier alone, on validation images alone, by learning
curves (docs/reference/training.md#the-preset-laptop, results/LOG.md). CoMCL's own two were found by
a probe of its pretrained encoder, with one seed and on validation images too, and so were MoCo's
negatives and the length of pretraining.
"""

from typing import Any

from bench.protocol import two_cores

CURVES = "assumed: learning curves of the plain classifier (docs/reference/training.md)"

ONE_CORE = (
    "assumed: two runs beside each other finish sooner than one on two cores after the other, and "
    "threads that share a busy core wait for each other"
)

CHANGES: dict[str, tuple[Any, str]] = {
    **two_cores.CHANGES,
    "engine.threads": (1, ONE_CORE),
    "detector.threads": (1, ONE_CORE),
    "data.image_px": (96, f"{CURVES}: pixels rather than width, since lesions are small"),
    "data.patch_image_px": (192, "assumed: twice as fine as the whole image, so that lesions show"),
    "data.twin_train": (1800, "assumed: about 1,280 to train on and 520 to choose an epoch by"),
    "data.twin_test": (4000, "assumed: a standard error of kappa near 0.01"),
    "data.validation_share": (0.29, "assumed: at least 500 images to choose an epoch by"),
    "degradation.strength": (1.25, f"{CURVES}: what low quality everywhere costs it"),
    "degradation.blur_px": (
        96,
        "assumed: blurred by as many pixels of the small image as published of the large one; "
        "scaled to 96 px the published blur is a third of a pixel and vanishes",
    ),
    "patches.size_px": (48, "assumed: 128 on 512 scaled"),
    "patches.minimum": (20, "assumed: a tenth of the images"),
    "backbone.channels": (
        (16, 32, 64, 128),
        f"{CURVES}: pixels rather than width, since lesions are small",
    ),
    "backbone.stem_width": (8, "assumed: two cores; the published stem is over half the work"),
    "pretraining.epochs": (
        100,
        "assumed: about as long as a plain run's fine-tuning; the losses still fall after 60",
    ),
    "pretraining.batch": (96, "assumed: 24 a level"),
    "pretraining.queue": (
        512,
        "assumed: about twice the pool of a level (docs/reference/methods.md#sizes-on-eyeq)",
    ),
    "moco.negatives": (
        "batch",
        "assumed: with a queue of 512 or 96 keys the probe gains nothing (results/LOG.md)",
    ),
    "comcl.negatives": (
        "batch",
        "assumed: weights change so fast in so few steps that a queue's keys are told by their "
        "age, and the probe gains nothing (D7, results/LOG.md)",
    ),
    "comcl.mining_starts": (
        0.5,
        "paper 2: 'in the second phase'; assumed: with the hardest negatives from the first step "
        "on, the probe gains nothing (D62, results/LOG.md)",
    ),
    "finetuning.epochs": (120, f"{CURVES}: where all images are of low quality"),
    "finetuning.patience": (20, f"{CURVES}: a plateau"),
    "finetuning.patience_share": (0.25, "assumed: no best epoch in the last quarter, cap apart"),
    "finetuning.schedule": ("constant", "assumed: the length is not known beforehand"),
    "finetuning.warmup_share": (0.05, "assumed: a random start"),
    "inception.image_px": (112, "assumed: 96 px enlarged; below 107 its last map is one cell"),
    "inception.narrow": (4, "assumed: two cores"),
    "densenet.growth_rate": (8, "assumed: two cores"),
    "densenet.block_config": (
        (3, 6, 12, 8),
        "assumed: half the layers; with all of them a run takes three times as long as a ResNet's",
    ),
    "mmcnn.image_px": (128, "assumed: 720 by 3/16, as 512 to 96"),
    "mmcnn.resolutions": ((32, 96, 128), "assumed: 224, 448 and 720 by 3/16, in steps of 32"),
    "mmcnn.lengths": ((1.0, 0.5, 0.5), "assumed: a new network has a classifier's training"),
    "zoom_in_net.image_px": (224, "assumed: 1230 by 3/16"),
    "zoom_in_net.low_px": (96, "assumed: 492 by 3/16"),
    "zoom_in_net.crop_px": (72, "assumed: 384 by 3/16"),
    "zoom_in_net.lengths": (
        (1.0, 0.25, 1.0, 0.25),
        "assumed: a new network has a classifier's training",
    ),
    "lesion_aware.lengths": ((1.0, 1.0), "assumed: teacher and student are a network each"),
    "deepmt_dr.sr_crop_px": (48, "assumed: half the side; the code's crops are a quarter of it"),
    "deepmt_dr.sr_steps": (2000, "assumed: twice what super-resolution alone took to pass bicubic"),
}
