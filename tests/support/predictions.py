"""Made-up predictions as a run stores them."""

import numpy as np
import pandas as pd


def predictions_of(labels, probabilities, *, quality=None, degraded=None, split="test"):
    frame = pd.DataFrame(probabilities, columns=[f"p_{c}" for c in range(probabilities.shape[1])])
    labels = np.asarray(labels)
    if labels.ndim == 1:
        frame["label"] = labels
    else:
        for c in range(labels.shape[1]):
            frame[f"label_{c}"] = labels[:, c]
    frame["split"] = split
    frame["image_id"] = [f"i{n}" for n in range(len(frame))]
    frame["patient_id"] = [f"p{n // 2}" for n in range(len(frame))]
    frame["quality"] = 0 if quality is None else quality
    frame["degraded"] = False if degraded is None else degraded
    return frame


def random_grading(seed, size=300, classes=5):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, size)
    return labels, rng.dirichlet(np.ones(classes), size)
