"""Records whose predictions have the scores that a test asks for."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from predictions import predictions_of
from records import record_of_twin

from bench.evaluation.metrics import score, score_all
from bench.store import write_predictions

IMAGES = 1000
LABELS = np.tile(np.repeat(np.arange(5), 2), IMAGES // 10)


def grades_of(kappa: float) -> np.ndarray:
    """Grades whose quadratic weighted kappa with LABELS is this, an even number of thousandths.

    Pairs of images swap grades, so the grades stay as frequent as the labels, by whose chance
    agreement the costs are divided: 4, the mean squared difference of two of five even grades.
    """
    cost = round(4 * IMAGES * (1 - kappa))
    far, rest = divmod(cost, 2 * 16)
    near, left = divmod(rest, 2 * 4)
    assert not left, f"kappa {kappa} is not an even number of thousandths"
    grades = LABELS.copy()
    for count, one, other in ((far, 0, 4), (near, 1, 3)):
        for grade, instead in ((one, other), (other, one)):
            grades[np.flatnonzero(LABELS == grade)[:count]] = instead
    return grades


def certain(grades: np.ndarray) -> np.ndarray:
    """(N, 5) probabilities that give these grades."""
    return np.full((len(grades), 5), 0.1) + 0.5 * np.eye(5)[grades]


def answered(folder: Path, labels: np.ndarray, probabilities: np.ndarray) -> dict[str, object]:
    """Write predictions; the folder and the scores of a record of them.

    Findings are answered alike on validation rows, whose images and patients are others.
    """
    folder.mkdir(parents=True)
    predictions = predictions_of(labels, probabilities)
    classes = [f"class {place}" for place in range(probabilities.shape[1])]
    if labels.ndim == 1:
        write_predictions(folder / "predictions.parquet", predictions)
        return {"folder": folder, **score(predictions, kind="grading", classes=classes)}
    others = predictions_of(labels, probabilities, split="validation")
    others[["image_id", "patient_id"]] = "v" + others[["image_id", "patient_id"]]
    both = pd.concat([predictions, others], ignore_index=True)
    write_predictions(folder / "predictions.parquet", both)
    return {"folder": folder, **score_all(both, kind="findings", classes=classes)["test"]}


def scored_run(
    root: Path,
    method: str = "resnet50",
    ratio: str = "native",
    seed: int = 0,
    *,
    kappa: float = 0.8,
    answers: tuple[np.ndarray, np.ndarray] | None = None,
    **changes: object,
) -> dict[str, object]:
    """One record of the laptop twin with a kappa, or with (labels, probabilities) of one's own."""
    if answers is None:
        scores = _by_kappa(root, round(kappa, 6))
    else:
        scores = answered(root / f"own-{len(list(root.iterdir()))}", *answers)
    about = {
        "boxes": "oracle" if method.startswith("comcl") else "none",
        "share_train": 0.3345,
        "share_validation": 0.336,
        "share_test": 0.4787,
        "n_test": 1625,
        "majority": 0.6992,
    }
    return record_of_twin(method, ratio, seed) | scores | about | changes


@cache
def _by_kappa(root: Path, kappa: float) -> dict[str, object]:
    """A folder that runs of equal scores share, since records only read it."""
    folder = root / f"kappa-{kappa:.3f}"
    return answered(folder, LABELS, certain(grades_of(kappa)))
