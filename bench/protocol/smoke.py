"""What the preset `smoke` changes: every step of a run in seconds, and no score means anything."""

from typing import Any

from bench.protocol import two_cores

CHANGES: dict[str, tuple[Any, str]] = {
    **two_cores.CHANGES,
    "data.image_px": (64, "assumed: two cores"),
    "data.patch_image_px": (128, "assumed: wiring only"),
    "patches.size_px": (32, "assumed: 128 on 512 scaled"),
    "patches.minimum": (4, "assumed: wiring only"),
    "backbone.channels": ((16, 32, 64, 128), "assumed: wiring only"),
    "backbone.stem_width": (16, "assumed: two cores; the published stem is over half the work"),
    "pretraining.epochs": (4, "assumed: wiring only"),
    "pretraining.batch": (64, "assumed: wiring only"),
    "pretraining.queue": (128, "assumed: wiring only"),
    "finetuning.epochs": (2, "assumed: wiring only"),
    "inception.image_px": (76, "assumed: wiring only"),
    "inception.narrow": (8, "assumed: wiring only"),
    "densenet.growth_rate": (4, "assumed: wiring only"),
    "mmcnn.image_px": (64, "assumed: wiring only"),
    "mmcnn.resolutions": ((32, 48, 64), "assumed: wiring only"),
    "zoom_in_net.image_px": (96, "assumed: wiring only"),
    "zoom_in_net.low_px": (48, "assumed: wiring only"),
    "zoom_in_net.crop_px": (32, "assumed: wiring only"),
    "deepmt_dr.sr_crop_px": (32, "assumed: half the side; the code's crops are a quarter of it"),
    "deepmt_dr.sr_steps": (None, "assumed: wiring only; as many as a classifier's training has"),
    "patches.boxes": ("no_detector", "assumed: wiring only; no time for a detector"),
    "data.twin_train": (240, "assumed: wiring only"),
    "data.twin_test": (200, "assumed: wiring only"),
    "data.twin_px": (128, "assumed: wiring only"),
    "data.limit": (440, "assumed: wiring only"),
}
