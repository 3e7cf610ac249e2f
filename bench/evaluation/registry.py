"""The metrics: each declared once, from which it is computed, stored, tabled and claimed about.

Adding one is an entry of METRICS and its function: the name is its key in `metrics.json`, and what
claims, cells and figures call it by.

Letters: N images, C classes.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.evaluation import influence as influences
from bench.evaluation import measures, whole
from bench.evaluation.influence import Influence
from bench.evaluation.metric import FREQUENT, KINDS, Kind, Metric


def of(kind: str) -> tuple[Metric, ...]:
    """All metrics of a kind of task, in the order of a table."""
    return tuple(metric for metric in METRICS if metric.kind == kind)


def printed(kind: str) -> tuple[Metric, ...]:
    """Those that tables show, the primary one first."""
    return tuple(metric for metric in of(kind) if metric.printed)


def primary(kind: str) -> Metric:
    """The metric that selects epochs and decides claims."""
    return printed(kind)[0]


def claimable() -> tuple[str, ...]:
    """Names of the metrics that have intervals."""
    return tuple(dict.fromkeys(m.name for m in METRICS if m.influence is not None))


def printed_names() -> tuple[str, ...]:
    """Names of all metrics that some table shows."""
    return tuple(dict.fromkeys(m.name for kind in KINDS for m in printed(kind)))


def named(name: str, kind: str | None = None) -> Metric:
    """A metric by its name; of two kinds' metrics of one name, that which tables show.

    Raises:
        ValueError: for a name that no metric (of this kind) has.
    """
    known = [m for m in METRICS if m.name == name and kind in (None, m.kind)]
    if not known:
        raise ValueError(f"no metric {name!r}" + (f" of {kind}" if kind else ""))
    return max(known, key=lambda metric: metric.printed)


def mean_over(metric: Metric, scores: Mapping[str, Any], classes: Sequence[str]) -> str:
    """Over how many classes a mean was taken, as "mean over 1 of 2 findings"; "" if over all.

    Args:
        scores: Of a run, those of single classes too.
        classes: Names of the task's.
    """
    if not metric.of_class:
        return ""
    values = [scores.get(f"{metric.of_class}:{name}") for name in classes]
    count = sum(value is not None and math.isfinite(value) for value in values)
    noun = "findings" if metric.kind == "findings" else "grades"
    return "" if count == len(classes) else f"mean over {count} of {len(classes)} {noun}"


def kind_of(records: pd.DataFrame) -> Kind:
    """What the runs of some records predict, by the metrics that they hold.

    Args:
        records: One row a run, one column a metric; columns without a number do not count.
    """
    there = {str(name) for name in records if bool(records[name].notna().any())}
    grades, found = ({m.name for m in of(kind)} for kind in KINDS)
    if there & (found - grades):
        return "findings"
    return "findings" if there & found and not there & (grades - found) else "grading"


def influence(
    metric: str,
    labels: np.ndarray,
    probabilities: np.ndarray,
    thresholds: np.ndarray | None = None,
) -> Influence:
    """A metric by its name, with what each image adds to its error.

    Args:
        metric: Name of one that has an influence function.
        labels: (N,) grades in 0..C-1, or (N, C) findings of 0 and 1.
        probabilities: (N, C) in 0..1.
        thresholds: (C,) of a tuned metric, taken as given, from `metrics.tuned_thresholds` of
            other patients; other metrics do not look at them.

    Raises:
        ValueError: for a metric that has no influence function or is not of these labels, or for a
            tuned one without thresholds.
    """
    kind = KINDS[labels.ndim - 1]
    known = {one.name: one for one in of(kind) if one.influence is not None}
    if metric not in known:
        raise ValueError(f"no interval for {metric!r} of {kind}; choose one of: {', '.join(known)}")
    one = known[metric]
    assert one.influence is not None, "only such are known"
    return one.influence(labels, one.given(probabilities, thresholds))


METRICS: tuple[Metric, ...] = (
    Metric(
        "kappa",
        "grading",
        "Quadratic weighted kappa",
        whole.graded_kappa,
        influences.graded_kappa,
        chance=0.0,
        by_stratum=True,
        printed=True,
        summarised=True,
        paper="kappa",
        phrase="quadratic weighted kappa",
    ),
    Metric(
        "accuracy",
        "grading",
        "Accuracy",
        whole.graded_accuracy,
        influences.graded_accuracy,
        chance=FREQUENT,
        by_stratum=True,
        printed=True,
        summarised=True,
        paper="accuracy",
    ),
    Metric(
        "auroc_macro",
        "grading",
        "AUROC, mean over grades",
        whole.graded_auroc,
        influences.graded_auroc,
        chance=0.5,
        summarised=True,
        of_class="auroc",
    ),
    Metric(
        "balanced_accuracy",
        "grading",
        "Balanced accuracy",
        whole.graded_balanced_accuracy,
        by_stratum=True,
    ),
    Metric("kappa_linear", "grading", "Linear weighted kappa", whole.linear_kappa, chance=0.0),
    Metric("kappa_none", "grading", "Unweighted kappa", whole.unweighted_kappa, chance=0.0),
    Metric(
        "ece",
        "grading",
        "Expected calibration error",
        measures.expected_calibration_error,
        larger_is_better=False,
    ),
    Metric(
        "auroc_macro",
        "findings",
        "AUROC, mean over findings",
        whole.finding_auroc,
        influences.finding_auroc,
        chance=0.5,
        by_stratum=True,
        printed=True,
        summarised=True,
        phrase="mean AUROC over findings",
        of_class="auroc",
    ),
    Metric(
        "kappa_macro",
        "findings",
        "Kappa, mean over findings",
        whole.macro_kappa,
        influences.finding_kappa,
        takes="answers",
        chance=0.0,
        printed=True,
        paper="kappa",
        of_class="kappa",
    ),
    Metric(
        "kappa_macro_tuned",
        "findings",
        "Kappa, mean over findings, thresholds tuned on validation",
        whole.macro_kappa,
        influences.finding_kappa,
        takes="tuned answers",
        chance=0.0,
        printed=True,
        of_class="kappa_tuned",
    ),
    Metric(
        "acc_label",
        "findings",
        "Accuracy over single findings",
        whole.label_accuracy,
        influences.label_accuracy,
        takes="answers",
        chance=FREQUENT,
        by_stratum=True,
        printed=True,
    ),
    Metric(
        "acc_subset",
        "findings",
        "Accuracy of all findings at once",
        whole.subset_accuracy,
        influences.subset_accuracy,
        takes="answers",
        by_stratum=True,
        printed=True,
        paper="accuracy",
    ),
    Metric(
        "acc_top1",
        "findings",
        "Accuracy of the top finding",
        whole.top_accuracy,
        influences.top_accuracy,
        printed=True,
        paper="accuracy",
    ),
    Metric(
        "kappa_micro",
        "findings",
        "Kappa over single findings",
        whole.micro_kappa,
        takes="answers",
        chance=0.0,
    ),
    *(
        Metric(f"{name}_tuned", "findings", title, function, takes="tuned answers")
        for name, title, function in (
            ("kappa_micro", "Kappa over single findings, tuned", whole.micro_kappa),
            ("acc_label", "Accuracy over single findings, tuned", whole.label_accuracy),
            ("acc_subset", "Accuracy of all findings at once, tuned", whole.subset_accuracy),
        )
    ),
)
"""In the order of a table."""
