"""What the preset `laptop-chest` changes: `laptop` for radiographs, which learn otherwise.

Images, augmentation, strength and length were found by learning curves of the plain classifier, one
seed each, on validation images of the radiographs' twin
(docs/reference/training.md#the-preset-laptop, results/LOG.md).
"""

from typing import Any

from bench.protocol import laptop

CHANGES: dict[str, tuple[Any, str]] = {
    **laptop.CHANGES,
    "data.twin_train": (2400, f"{laptop.CURVES}: rare findings need more images"),
    "data.validation_share": (
        0.27,
        "assumed: 511 images to choose an epoch by, since the subset leaves some drawn ones out",
    ),
    "degradation.strength": (2.0, f"{laptop.CURVES}: what low quality everywhere costs it"),
    "finetuning.augmentation": (
        "finetune",
        f"{laptop.CURVES}: with mirrored images alone it learns them by heart",
    ),
    "finetuning.epochs": (160, f"{laptop.CURVES}: where all images are of low quality"),
}
