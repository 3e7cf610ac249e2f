"""Whether a run has learnt at all: asked of its validation predictions, before it is ranked.

A run that has not is *not trained*: a fault to find, or a training to prolong. It stays a result,
and is never ranked among the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.evaluation import registry
from bench.evaluation.influence import patient_covariance, sum_by_patient
from bench.evaluation.statistics import Estimate

LEAST = {"grading": 0.10, "findings": 0.55}
"""The primary metric that a trained run reaches. Assumed: a tenth of the way
from chance to 1."""

LEFT_THE_GROUND = {"grading": 0.10, "findings": 0.60}
"""The score from which on a training's plateau is looked for. Assumed: what luck does not give in
any of many epochs; before a network of radiographs' findings learnt, its mean AUROC strayed to .59
(results/LOG.md)."""

SAME = 1e-9

LOWER_BOUND = "lower_bound"
"""Its name among the scores of the validation split."""


PROBE, UNTRAINED, GAIN = "probe", "probe_untrained", "probe_gain_low"
"""A contrastive run's other scores of the validation split: of a linear probe of its encoder, of
one of the encoder that it started from, and the lower end of the difference's 95 % interval."""


class Gate(NamedTuple):
    """One run before its gate.

    Attributes:
        kind: "grading" or "findings".
        score: The primary metric on the validation split; nan where it is undefined.
        low: Lower end of its 95 % interval over patients.
    """

    kind: str
    score: float
    low: float

    @property
    def trained(self) -> bool:
        """Whether it is clearly better than chance, and by more than nothing."""
        return self.low > _chance(self.kind) and self.score >= LEAST[self.kind]

    @property
    def why_not(self) -> str:
        """What it lacks, for a page; "" if it is trained."""
        if self.trained:
            return ""
        phrase = registry.primary(self.kind).phrase
        return (
            f"not trained: {phrase} {self.score:.3f} on the validation split (95 % bound "
            f"{self.low:.3f}), where a trained run has {LEAST[self.kind]:.2f} and a bound above "
            f"{_chance(self.kind):g}"
        )


def gate(rows: pd.DataFrame) -> Gate:
    """The gate of a run, from its stored predictions of the validation split.

    Args:
        rows: One per image, or per image and fold of a repeat; not empty.
    """
    count = sum(str(name).removeprefix("p_").isdigit() for name in rows.columns)
    graded = "label" in rows
    labels = rows["label"] if graded else rows[[f"label_{c}" for c in range(count)]]
    kind = "grading" if graded else "findings"
    probabilities = rows[[f"p_{c}" for c in range(count)]].to_numpy(np.float64)
    value, per_image = registry.influence(
        registry.primary(kind).name, labels.to_numpy(np.int64), probabilities
    )
    patients = rows["patient_id"].to_numpy(dtype=object)
    return Gate(kind, value, lower_end(value, per_image, patients))


def lower_end(value: float, per_image: np.ndarray, patients: np.ndarray) -> float:
    """Lower end of a score's 95 % interval over patients; nan for one patient.

    Args:
        value: The score, or a difference of scores.
        per_image: (N,), what each image adds to its error.
        patients: (N,) names.
    """
    names, patient = np.unique(patients, return_inverse=True)
    sums = sum_by_patient(per_image, patient, len(names))
    variance = float(patient_covariance(sums[:, None])[0, 0])
    interval = Estimate(value, (value,), variance, len(names)).interval_of_these_runs()
    return float("nan") if interval is None else interval.low


def recorded(kind: str, validation: Mapping[str, float | None]) -> Gate | None:
    """The gate of a record by its scores of the validation split; None of older ones."""
    if LOWER_BOUND not in validation:
        return None
    score, low = (validation.get(name) for name in (registry.primary(kind).name, LOWER_BOUND))
    return Gate(kind, *(float("nan") if value is None else value for value in (score, low)))


def pretraining_failed(kind: str, validation: Mapping[str, float | None]) -> str:
    """A sentence on a run whose encoder cannot be told from its start; "" without such a probe.

    Args:
        kind: "grading" or "findings".
        validation: Scores of the validation split, as `metrics.json` has them.
    """
    probed = {name: validation.get(name) for name in (PROBE, UNTRAINED, GAIN)}
    gain = probed[GAIN]
    if GAIN not in validation or (gain is not None and gain > 0):
        return ""
    trained, untrained = (
        "undefined" if value is None else f"{value:.3f}"
        for value in (probed[PROBE], probed[UNTRAINED])
    )
    phrase = registry.primary(kind).phrase
    return (
        f"pretraining did not train: a linear probe of the encoder has {phrase} {trained}, one of "
        f"the encoder that it started from {untrained}"
    )


def told(kind: str, validation: Mapping[str, float | None]) -> dict[str, bool | str]:
    """What a record's scores of the validation split say of its learning, for its row.

    Returns:
        `trained` and why not, `not_trained`, which older records leave out; `pretraining_failed`.
    """
    stored, failed = recorded(kind, validation), pretraining_failed(kind, validation)
    learnt = {} if stored is None else {"trained": stored.trained, "not_trained": stored.why_not}
    return {**learnt, "pretraining_failed": failed}


def faults(rows: pd.DataFrame, kind: str, validation: Mapping[str, float | None]) -> Iterator[str]:
    """What the gate's two numbers are not, where a record has them.

    Args:
        rows: Stored predictions of all splits.
        kind: "grading" or "findings".
        validation: Scores of the validation split, as `metrics.json` has them.
    """
    stored = recorded(kind, validation)
    if stored is None:
        return
    computed = gate(rows.loc[(rows["split"] == "validation").to_numpy()])
    for value, given in ((stored.score, computed.score), (stored.low, computed.low)):
        if not np.isclose(value, given, rtol=0, atol=SAME, equal_nan=True):
            yield f"validation has {value}, the predictions give {given}"


def pooled(tables: Sequence[pd.DataFrame]) -> Gate:
    """The gate of the folds of a repeat, from their predictions of the validation split."""
    return gate(pd.concat(tables, ignore_index=True))


def _chance(kind: str) -> float:
    chance = registry.primary(kind).chance
    assert isinstance(chance, float), "the primary metrics have a chance of their own"
    return chance
