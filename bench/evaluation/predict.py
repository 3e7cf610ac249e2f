"""Probabilities for images, each image once, as the table that every score is computed from."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bench.data.pixels import Pixels
from bench.data.records import Dataset
from bench.tasks import Task

# (n, S, S, 3) uint8 -> (n, 3, S, S) float, normalised, on the model's device.
Prepare = Callable[[Tensor], Tensor]

BATCH = 64
"""Images that a processor predicts at once."""

PIXELS_ON_CARD = BATCH * 512**2
"""Of the images that a graphics card predicts at once: what fills it and fits into it."""


def batch_for(device: torch.device, side_px: int) -> int:
    """How many images of this side a device predicts at once; 8 to 1024 on a graphics card."""
    if device.type != "cuda":
        return BATCH
    return int(np.clip(PIXELS_ON_CARD // side_px**2, 8, 1024))


@torch.inference_mode()
def probabilities(
    model: nn.Module,
    pixels: Pixels,
    indices: np.ndarray,
    task: Task,
    prepare: Prepare,
    *,
    batch: int = BATCH,
) -> np.ndarray:
    """(n, C) float32: softmax of the logits for grades, sigmoid for findings.

    Computed in single precision whatever the training used, in eval mode; the mode is restored.
    From a graphics card all come back at once, when the last is predicted.
    """
    was_training = model.training
    model.eval()
    parts = np.split(indices, range(batch, len(indices), batch))
    read = (pixels.ready(pixels.batch(part)) for part in parts)
    logits = [model(prepare(pixels.sent(images))).float() for images in pixels.ahead(read)]
    model.train(was_training)
    stacked = torch.cat(logits).cpu()
    activated = stacked.softmax(dim=1) if task.kind == "grading" else stacked.sigmoid()
    return activated.numpy()


def table(
    dataset: Dataset, indices: np.ndarray, probability: np.ndarray, degraded: np.ndarray
) -> pd.DataFrame:
    """Predictions as rows: split, image, patient, quality, degraded, labels, probabilities.

    Args:
        indices: (n,) of the records predicted.
        probability: (n, C).
        degraded: (N,) bool over the whole data set.
    """
    records = [dataset.records[i] for i in indices]
    frame = pd.DataFrame(
        {
            "split": [r.split for r in records],
            "image_id": [r.image_id for r in records],
            "patient_id": [r.patient_id for r in records],
            "quality": np.array([r.quality for r in records], dtype=np.int8),
            "degraded": degraded[indices],
        }
    )
    labels = dataset.labels()[indices].astype(np.int8)
    frame[list(dataset.task.label_columns)] = labels
    frame[list(dataset.task.probability_columns)] = probability.astype(np.float32)
    return frame
