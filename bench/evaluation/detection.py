"""How well boxes are found: average precision at an overlap of one half. No torch here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

OVERLAP = 0.5


@dataclass(frozen=True)
class Detections:
    """What a detector says of one image.

    Attributes:
        boxes: (n, 4) x0, y0, x1, y1.
        kinds: (n,) index of the class.
        scores: (n,) in 0..1.
    """

    boxes: np.ndarray
    kinds: np.ndarray
    scores: np.ndarray

    def above(self, confidence: float) -> "Detections":
        """Those of at least this score."""
        kept = self.scores >= confidence
        return Detections(self.boxes[kept], self.kinds[kept], self.scores[kept])


@dataclass(frozen=True)
class Truth:
    """What is in one image.

    Attributes:
        boxes: (m, 4) x0, y0, x1, y1.
        kinds: (m,) index of the class.
    """

    boxes: np.ndarray
    kinds: np.ndarray


def ap50(detections: Sequence[Detections], true: Sequence[Truth], kind: int) -> float:
    """Average precision of one class over images: the area under precision by recall.

    Precision at a recall is the best at that recall or more (Everingham et al., 2010). A box is
    right if it overlaps a true one of its class by half of their union, and no box of a higher
    score has taken that one.

    Returns:
        In 0..1; nan if no image holds the class.
    """
    _, right, total = ranked(detections, true, kind)
    if not total:
        return float("nan")
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best * right).sum() / total)


def ranked(
    detections: Sequence[Detections], true: Sequence[Truth], kind: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """All boxes of a class over images, the surest first.

    Returns:
        Their scores (n,), whether each is right (n,), and how many true boxes there are.
    """
    scores, right, total = [np.empty(0)], [np.empty(0, bool)], 0
    for detected, truth in zip(detections, true, strict=True):
        of_kind, true_of_kind = detected.kinds == kind, truth.kinds == kind
        scores.append(detected.scores[of_kind])
        right.append(
            matched(detected.boxes[of_kind], detected.scores[of_kind], truth.boxes[true_of_kind])
        )
        total += int(true_of_kind.sum())
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return np.concatenate(scores)[order], np.concatenate(right)[order], total


def matched(boxes: np.ndarray, scores: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Which boxes (n, 4) are right: each in turn, the surest first, takes the best true box left.

    Returns:
        (n,) bool.
    """
    right = np.zeros(len(boxes), dtype=bool)
    if not len(true):
        return right
    overlap = intersection_over_union(boxes, true)
    for i in np.argsort(-scores, kind="stable"):
        best = int(overlap[i].argmax())
        right[i] = overlap[i, best] >= OVERLAP
        if right[i]:
            overlap[:, best] = -1
    return right


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(n, m) overlaps in 0..1 of boxes (n, 4) and (m, 4); 0 for two boxes without area."""
    start = np.maximum(first[:, None, :2], second[None, :, :2])
    end = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(end - start, 0, None).prod(axis=2)
    union = _area(first)[:, None] + _area(second)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
