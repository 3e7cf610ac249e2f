"""What a metric is: one number that the predictions of a split are judged by.

Letters: N images, C classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.evaluation.influence import Influence
from bench.evaluation.measures import answered

Kind = Literal["grading", "findings"]
KINDS: tuple[Kind, ...] = ("grading", "findings")
FREQUENT = "majority"
"""Where a record keeps how often the most frequent class is right."""


@dataclass(frozen=True)
class Metric:
    """One number that predictions are judged by.

    Attributes:
        name: Its key in stored files.
        kind: Of the task: grades, or any number of findings.
        title: Heading of its block in a table.
        function: From (N,) grades or (N, C) findings, and what `takes` says, to the metric; nan
            where it is undefined.
        influence: The same with what each image adds to its error; None where no interval is known.
        takes: (N, C) probabilities, or (N, C) findings answered with 0 and 1 at 0.5, or at
            thresholds tuned on the validation split.
        chance: What the same answer for every image scores: a number, FREQUENT for what the record
            keeps there, None where neither is known.
        larger_is_better: The direction.
        digits: After the point, in tables.
        by_stratum: Whether `name_stratum` is stored for each stratum of quality as well.
        printed: Whether tables, figures and cells show it; the first of a kind is the primary one.
        summarised: Whether the line on a finished run shows it.
        paper: Which of the paper's two numbers it may stand beside; "" for neither.
        phrase: The metric inside a sentence; its name unless given.
        of_class: What the score of one class is stored as before ":class", where the metric is the
            mean over those classes that have one; "" where it is no such mean.
    """

    name: str
    kind: Kind
    title: str
    function: Callable[[np.ndarray, np.ndarray], float]
    influence: Callable[[np.ndarray, np.ndarray], Influence] | None = None
    takes: Literal["probabilities", "answers", "tuned answers"] = "probabilities"
    chance: float | str | None = None
    larger_is_better: bool = True
    digits: int = 3
    by_stratum: bool = False
    printed: bool = False
    summarised: bool = False
    paper: Literal["kappa", "accuracy", ""] = ""
    phrase: str = ""
    of_class: str = ""

    def __post_init__(self):
        if self.printed and (self.influence is None or not self.larger_is_better):
            raise ValueError(
                f"metric {self.name!r} is printed, so it needs an influence function for its "
                "interval, and larger must be better: tables mark the highest"
            )

    @property
    def tuned(self) -> bool:
        """Whether it is of answers at tuned thresholds."""
        return self.takes == "tuned answers"

    def value(
        self, labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray | None = None
    ) -> float:
        """The metric of (N, C) probabilities; see `given` for the thresholds."""
        return float(self.function(labels, self.given(probabilities, thresholds)))

    def given(self, probabilities: np.ndarray, thresholds: np.ndarray | None) -> np.ndarray:
        """What its functions take.

        Args:
            thresholds: (C,) tuned ones, nan for a class without; others do not look at them.

        Raises:
            ValueError: for a tuned metric without thresholds.
        """
        if self.takes == "probabilities":
            return probabilities
        if self.tuned and thresholds is None:
            raise ValueError(f"{self.name!r} needs the thresholds of its answers")
        return answered(probabilities, thresholds if self.tuned else None)
