"""What the preset `laptop` changes: the whole study on two cores, from random weights."""

from typing import Any

from bench.protocol import two_cores

CHANGES: dict[str, tuple[Any, str]] = {
    **two_cores.CHANGES,
    "data.image_px": (64, "assumed: two cores"),
    "data.patch_image_px": (256, "assumed: cut from the image as drawn, so that lesions show"),
    "patches.size_px": (64, "assumed: 128 on 512 scaled"),
    "patches.minimum": (20, "assumed: a tenth of the images"),
    "backbone.channels": ((32, 64, 128, 256), "assumed: two cores"),
    "backbone.stem_width": (16, "assumed: two cores; the published stem is over half the work"),
    "pretraining.epochs": (8, "assumed: 40 s of one core"),
    "pretraining.batch": (96, "assumed: 24 a level"),
    "pretraining.queue": (
        512,
        "assumed: about twice the pool of a level (docs/reference/methods.md#sizes-on-eyeq)",
    ),
    "finetuning.epochs": (14, "assumed: with 8 nothing left the ground at 1.0 (results/LOG.md)"),
    "inception.image_px": (112, "assumed: 64 px enlarged; below 107 its last map is one cell"),
    "inception.narrow": (4, "assumed: two cores"),
    "densenet.growth_rate": (8, "assumed: two cores; the depth is kept"),
    "mmcnn.image_px": (96, "assumed: 720 an eighth, from the larger cached copy"),
    "mmcnn.resolutions": ((32, 64, 96), "assumed: 224, 448 and 720, an eighth, in steps of 32"),
    "zoom_in_net.image_px": (160, "assumed: 1230 an eighth, from the larger cached copy"),
    "zoom_in_net.low_px": (64, "assumed: 492 an eighth"),
    "zoom_in_net.crop_px": (48, "assumed: 384 an eighth"),
    "deepmt_dr.sr_crop_px": (32, "assumed: half the side; the code's crops are a quarter of it"),
    "deepmt_dr.sr_steps": (2000, "assumed: twice what super-resolution alone took to pass bicubic"),
}
