"""A run made again beside the stored one: answers, score, environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.evaluation.joint import FILE
from bench.evaluation.statistics import Estimate, Interval, prediction_interval
from bench.reporting.console import json_object
from bench.reporting.results.scores import ROUNDING
from bench.reporting.tracing.lookup import LocatedCell, environment, origin_of

SAME_BYTES = "the same bytes"
ARITHMETIC = ("device", "device_name", "instructions", "packages", "codecs", "gpu")
"""Of a provenance: where all of these are equal, so are a run's predictions, byte for byte."""


@dataclass(frozen=True)
class RerunComparison:
    """The new run beside the stored one.

    Attributes:
        inside: Whether the new score is where it is expected.
        why: In which sense, or why not.
        facts: Everything compared, as plain values.
    """

    inside: bool
    why: str
    facts: dict[str, Any]

    def page(self, *, as_json: bool = False) -> str:
        """For a reader, or as one JSON object."""
        if as_json:
            return json_object({"inside": self.inside, "why": self.why, **self.facts})
        lines = [f"{name.replace('_', ' ')}: {_text(value)}" for name, value in self.facts.items()]
        return "\n".join([*lines, f"{'inside' if self.inside else 'OUTSIDE'}: {self.why}"])


def compare(located: LocatedCell, index: int, made: dict[str, Any]) -> RerunComparison:
    """A new run beside a stored one of its cell.

    Args:
        index: Place of the stored run among the cell's.
        made: Record of the new one.
    """
    run, estimate = located.runs[index], located.estimate
    assert estimate is not None, "the cell has runs"
    old, new = (float(record[located.cell.score]) for record in (run, made))
    answers = compare_predictions(Path(run["folder"]) / FILE, Path(made["folder"]) / FILE)
    was, now = located.origins[index], origin_of(made["folder"])
    inside, why = _judged(answers, was, now, as_expected(old, new, estimate))
    facts = {
        "cell": str(located.cell),
        "run": run["id"],
        "seed": int(run["seed"]),
        "stored_score": old,
        "new_score": new,
        "predictions": answers,
        "interval_of_the_mean": estimate.interval(),
        "one_more_run_expected_in": prediction_interval(estimate.per_seed),
        "environment_differs": environment_changes(was, now),
        "commit": f"{was['commit']} -> {now['commit']}",
        "folder": str(made["folder"]),
    }
    return RerunComparison(inside, why, facts)


def environment_changes(stored: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Each field of the environment that two provenances do not share, as "then -> now"."""
    stored_values, new_values = environment([stored]), environment([new])
    pairs = {
        name: (
            "; ".join(stored_values.get(name, ["absent"])),
            "; ".join(new_values.get(name, ["absent"])),
        )
        for name in sorted(stored_values.keys() | new_values.keys())
    }
    return {name: " -> ".join(pair) for name, pair in pairs.items() if pair[0] != pair[1]}


def _judged(
    answers: str, was: Mapping[str, Any], now: Mapping[str, Any], expected: tuple[bool, str]
) -> tuple[bool, str]:
    """As the answers are; where they differ and may, as the score is."""
    if answers == SAME_BYTES:
        return True, SAME_BYTES
    if same_arithmetic(was, now):
        return False, "other bytes from the same processor, instructions and libraries"
    return expected


def same_arithmetic(stored: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two provenances leave no reason for other bytes; False if one does not say enough."""
    known = bool(stored.get("instructions")) and bool(new.get("instructions"))
    return known and all(stored.get(name) == new.get(name) for name in ARITHMETIC)


def as_expected(old: float, new: float, estimate: Estimate) -> tuple[bool, str]:
    """Whether a new score is where it is expected, and the sentence that says so.

    Args:
        old: Score of the stored run.
        new: Score of the same run made again.
        estimate: Of the stored cell.
    """
    if np.isclose(old, new, rtol=0, atol=ROUNDING, equal_nan=True):
        return True, "the same score"
    expected = prediction_interval(estimate.per_seed)
    if expected is None:
        return False, "another score, and one seed does not say how far a run may be off"
    within = expected.low - ROUNDING <= new <= expected.high + ROUNDING
    where = "in" if within else "not in"
    return within, f"another score, {where} the 95 % prediction interval for one more run"


def compare_predictions(stored: Path, new: Path) -> str:
    """How two files of predictions differ, in a sentence."""
    if stored.read_bytes() == new.read_bytes():
        return SAME_BYTES
    tables = [_sorted(path) for path in (stored, new)]
    columns = [name for name in tables[0].columns if name.startswith("p_")]
    first, second = (table.drop(columns=columns, errors="ignore") for table in tables)
    if list(tables[0].columns) != list(tables[1].columns) or not first.equals(second):
        return "of other images, labels or degradations"
    numbers = [table[columns].to_numpy(np.float64) for table in tables]
    apart = np.abs(numbers[0] - numbers[1])
    rows = int((apart > 0).any(axis=1).sum())
    top = int((numbers[0].argmax(axis=1) != numbers[1].argmax(axis=1)).sum())
    return (
        f"{rows} of {len(apart)} images have another probability (at most {apart.max():.3g} "
        f"apart), {top} another most probable class"
    )


def _sorted(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).sort_values(["split", "image_id"], ignore_index=True)


def _text(value: Any) -> str:
    if isinstance(value, Interval):
        return f"{value.low:.6f} to {value.high:.6f}"
    if isinstance(value, dict):
        return "; ".join(f"{name} {inner}" for name, inner in value.items()) or "in nothing"
    return "none" if value is None else str(value)
