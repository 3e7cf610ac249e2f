"""What the preset `laptop-chest` changes: `laptop` for radiographs, which learn otherwise.

Found as the values of `laptop` were: by learning curves of the plain classifier on validation
images of the radiographs' twin (docs/reference/training.md#the-preset-laptop, results/LOG.md).
"""

from typing import Any

from bench.protocol import laptop

CHANGES: dict[str, tuple[Any, str]] = {
    **laptop.CHANGES,
    "data.twin_train": (2400, f"{laptop.CURVES}: rare findings need more images"),
    "data.validation_share": (0.25, "assumed: at least 500 images to choose an epoch by"),
    "finetuning.epochs": (60, f"{laptop.CURVES}"),
    "finetuning.lr": (1e-3, f"{laptop.CURVES}"),
}
