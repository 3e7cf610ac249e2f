"""What a network has to predict: a grade (one class an image) or findings (any number).

A Task holds all that differs between the two, so that runs, predictions, metrics and tables ask it
instead of asking for the data set's name.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Task:
    """Classes, columns and the primary metric of a data set.

    Attributes:
        kind: "grading" (ordinal, exactly one of the classes) or "findings" (0/1 for each class).
        classes: Names in the order of the logits.
        primary_metric: The score of the validation split that selects the epoch; larger is better.
    """

    kind: Literal["grading", "findings"]
    classes: tuple[str, ...]
    primary_metric: str

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Names of the label columns of a prediction table."""
        if self.kind == "grading":
            return ("label",)
        return tuple(f"label_{c}" for c in range(len(self.classes)))

    @property
    def probability_columns(self) -> tuple[str, ...]:
        """Names of the probability columns, one per class: softmax for grades, sigmoid else."""
        return tuple(f"p_{c}" for c in range(len(self.classes)))

    def shows_lesions(self, labels: np.ndarray) -> np.ndarray:
        """Which images count as lesion images.

        Grades from 1 upwards (D27 of the ambiguities), or any finding.

        Args:
            labels: (N, 1) grades or (N, C) of 0 and 1.

        Returns:
            (N,) bool.
        """
        return labels.max(axis=1) > 0

    def check(self, labels: tuple[int, ...], where: str) -> None:
        """Refuse labels outside the task.

        Raises:
            ValueError: naming the value, where it stands, and what is allowed.
        """
        if self.kind == "grading":
            if not 0 <= labels[0] < len(self.classes):
                raise ValueError(
                    f"{where}: grade {labels[0]} is outside 0..{len(self.classes) - 1} "
                    f"({', '.join(self.classes)})"
                )
        elif any(value not in (0, 1) for value in labels):
            raise ValueError(f"{where}: findings must be 0 or 1, got {list(labels)}")


def grading(classes: tuple[str, ...]) -> Task:
    """Ordinal grading, selected by quadratic weighted kappa."""
    return Task("grading", classes, "kappa")


def findings(classes: tuple[str, ...]) -> Task:
    """Multi-label findings, selected by macro AUROC."""
    return Task("findings", classes, "auroc_macro")


DIABETIC_RETINOPATHY = grading(("none", "mild", "moderate", "severe", "proliferative"))
