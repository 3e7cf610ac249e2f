"""What the preset `demo` changes: a run that learns in a minute, for `make demo`.

Its sizes were found on the validation split alone (results/LOG.md). A run of one seed on a few
hundred drawn photographs illustrates; it is no evidence.
"""

from typing import Any

from bench.protocol import two_cores

CHANGES: dict[str, tuple[Any, str]] = {
    **two_cores.CHANGES,
    "data.image_px": (96, "assumed: a minute a run; lesions still show"),
    "data.patch_image_px": (128, "assumed: cut from the image as drawn, so that lesions show"),
    "patches.size_px": (32, "assumed: 128 on 512 scaled"),
    "patches.minimum": (10, "assumed: about a tenth of the images of a level"),
    "backbone.channels": (
        (16, 32, 64, 128),
        "assumed: pixels rather than width; lesions are small",
    ),
    "backbone.stem_width": (8, "assumed: two cores; the published stem is over half the work"),
    "pretraining.epochs": (40, "assumed: a quarter of a minute"),
    "pretraining.batch": (64, "assumed: 16 a level"),
    "pretraining.queue": (256, "assumed: about twice the pool of a level"),
    "finetuning.epochs": (18, "assumed: half a minute of a core (results/LOG.md)"),
    "inception.image_px": (112, "assumed: below 107 its last map is one cell"),
    "inception.narrow": (4, "assumed: two cores"),
    "densenet.growth_rate": (8, "assumed: two cores; the depth is kept"),
    "mmcnn.image_px": (96, "assumed: as the others' images"),
    "mmcnn.resolutions": ((32, 64, 96), "assumed: 224, 448 and 720, an eighth, in steps of 32"),
    "zoom_in_net.image_px": (128, "assumed: all that is drawn"),
    "zoom_in_net.low_px": (64, "assumed: half the side"),
    "zoom_in_net.crop_px": (48, "assumed: 384 an eighth"),
    "deepmt_dr.sr_crop_px": (48, "assumed: half the side; the code's crops are a quarter of it"),
    "deepmt_dr.sr_steps": (
        None,
        "assumed: too few to pass bicubic; as many as a classifier's training has",
    ),
    "engine.threads": (1, "assumed: two runs side by side on two cores"),
    "patches.boxes": ("no_detector", "assumed: the drawn lesions; no time for a detector"),
    "data.validation_share": (0.25, "assumed: enough images to say whether a run has learnt"),
    "data.twin_train": (900, "assumed: drawn in half a minute with the test images"),
    "data.twin_test": (300, "assumed: drawn in half a minute with the training images"),
    "data.twin_px": (128, "assumed: a twentieth of a second to draw each"),
}
