"""What the preset `laptop-chest` changes: `laptop` for radiographs, which learn otherwise.

Images, rate and length were found by one learning curve of the plain classifier on validation
images of the radiographs' twin (docs/reference/training.md#the-preset-laptop, results/LOG.md).
"""

from typing import Any

from bench.protocol import laptop

CHANGES: dict[str, tuple[Any, str]] = {
    **laptop.CHANGES,
    "data.twin_train": (2400, f"{laptop.CURVES}: rare findings need more images"),
    "data.validation_share": (0.25, "assumed: at least 500 images to choose an epoch by"),
    "degradation.strength": (1.25, "assumed: as in laptop; not calibrated on radiographs"),
    "finetuning.epochs": (60, laptop.CURVES),
    "finetuning.lr": (1e-3, laptop.CURVES),
}
