"""The leakage checks: did anything of the test split reach training or selection?

What the predictions and events show is judged from them. What only training saw is judged from the
`leakage` entry of a run's provenance (`bench.data.leakage`); a record without it is UNKNOWN.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from bench.evaluation import registry
from bench.evaluation.metrics import SPLITS as SCORED
from bench.reporting.audit.audit import AppliedException, AuditRow, first_few
from bench.reporting.audit.exceptions import EXCEPTIONS
from bench.reporting.audit.runs import AuditedRun

STORED = "provenance.json: leakage"
COMPARED = "images that were compared"
LOOKALIKE = {"like_test": "images that are a test image in another file"}
SPLITS = ("train", *SCORED)


def leakage_checks(runs: Sequence[AuditedRun]) -> tuple[AuditRow, ...]:
    """The rows of what must not be shared.

    Args:
        runs: Of one data set and comparability key; never empty.
    """
    return (
        _patients_of_predictions(runs),
        _pairs(runs, "patients", "patients of training in test or validation", "patients"),
        _pairs(runs, "same_file", "one file in two splits", "files"),
        _pairs(runs, "same_picture", "one picture in two splits", "pictures"),
        _stages(runs),
        _drawn(runs, "like_test", "stage images that show a test image", LOOKALIKE),
        *_detector(runs),
        _no_test_in_events(runs),
        _selected_on_validation(runs),
    )


def _patients_of_predictions(runs: Sequence[AuditedRun]) -> AuditRow:
    title = "patients of validation in test"
    shared = sorted({p for run in runs for p in run.predictions.shared_patients})
    if shared:
        return AuditRow(
            "patients_scored", title, "FAIL", f"{len(shared)}: {', '.join(first_few(shared))}"
        )
    if any(len(run.predictions.images) < 2 for run in runs):
        reason = "a run has predictions of one split only"
        missing = "predictions of the validation and the test split"
        return AuditRow("patients_scored", title, "UNKNOWN", reason, missing=missing)
    counts = runs[0].predictions.counts
    text = ", ".join(f"{count:,} {split}" for split, count in sorted(counts.items()))
    return AuditRow("patients_scored", title, "PASS", f"none ({text} images)")


def _pairs(runs: Sequence[AuditedRun], what: str, title: str, noun: str) -> AuditRow:
    """What two splits share, as it was found when the run read its data."""

    def shared(entry: dict[str, Any]) -> list[str]:
        pairs = entry["shared"].items()
        return [f"{counts[what]} {noun} in {pair}" for pair, counts in pairs if counts[what]]

    def idle(entry: dict[str, Any]) -> str:
        return _nothing_shared(entry, what)

    return _from_entry(runs, what, title, shared, lambda entry: _compared(entry, what), idle)


def _nothing_shared(entry: dict[str, Any], what: str) -> str:
    """Why two splits cannot be said to share nothing; "" where they can."""
    images = entry["images"]
    if len(images) < len(SPLITS) or len(entry["shared"]) < len(list(combinations(SPLITS, 2))):
        return "not every pair of splits was compared"
    empty = [split for split, count in images.items() if not count]
    if empty:
        return f"no image in {', '.join(empty)}"
    if what == "same_picture" and entry["not_compared"] >= sum(images.values()):
        return "every image is too dark or flat to tell"
    return ""


def _compared(entry: dict[str, Any], what: str) -> str:
    images = entry["images"]
    text = ", ".join(f"{images[split]:,} {split}" for split in images)
    dark = f"; {entry['not_compared']} too dark or flat to tell" if what == "same_picture" else ""
    return f"none ({text} images){dark}"


def _stages(runs: Sequence[AuditedRun]) -> AuditRow:
    """Pretraining included: every image that any stage may draw, against the test split."""
    faults = {"in_test": "test images", "of_test_patients": "images of test patients"}
    return _drawn(runs, "stages", "images of any stage in test", faults)


def _drawn(
    runs: Sequence[AuditedRun], row_id: str, title: str, faults: Mapping[str, str]
) -> AuditRow:
    def leaking(entry: dict[str, Any]) -> list[str]:
        return [
            f"{stage}: {counts[key]} {text}"
            for stage, counts in entry["stages"].items()
            for key, text in faults.items()
            if counts is not None and counts[key]
        ]

    row = _from_entry(runs, row_id, title, leaking, lambda _: "none", _nothing_drawn)
    elsewhere = {
        f"{run.method}: {stage}"
        for run in runs
        for stage, counts in (run.origin.get("leakage") or {"stages": {}})["stages"].items()
        if counts is None
    }
    if row.verdict == "PASS" and elsewhere:
        text = f"other photographs, not compared: {', '.join(sorted(elsewhere))}"
        return AuditRow(row.id, row.title, "UNKNOWN", text, missing="digests of those photographs")
    return row


def _nothing_drawn(entry: dict[str, Any]) -> str:
    """Why stages cannot be said to leave the test split alone; "" where they can."""
    if not entry["images"].get("test"):
        return "no image in test"
    stages = entry["stages"]
    idle = [name for name, counts in stages.items() if counts is not None and not counts["images"]]
    if not stages:
        return "no stage is listed"
    return f"no image was drawn in {', '.join(idle)}" if idle else ""


def _from_entry(
    runs: Sequence[AuditedRun],
    row_id: str,
    title: str,
    faults: Callable[[dict[str, Any]], list[str]],
    fine: Callable[[dict[str, Any]], str],
    idle: Callable[[dict[str, Any]], str],
) -> AuditRow:
    """A row from the stored entries; what they hold against a run may be a declared exception.

    Args:
        faults: What an entry holds against its run.
        fine: What is said of an entry without faults.
        idle: Why an entry without faults says nothing, since nothing was compared; "" if it does.
    """
    stored = [(run, entry) for run in runs if (entry := run.origin.get("leakage")) is not None]
    faults_found = [(run, text) for run, entry in stored for text in faults(entry)]
    exceptions = [exception for exception in EXCEPTIONS if exception.check == row_id]
    excuses = [
        (run, text, next((exception for exception in exceptions if exception.of(run)), None))
        for run, text in faults_found
    ]
    wrong = sorted({f"{run.name}: {text}" for run, text, exception in excuses if exception is None})
    if wrong:
        return AuditRow(row_id, title, "FAIL", "; ".join(first_few(wrong)))
    if len(stored) < len(runs):
        text = f"not stored in {len(runs) - len(stored)} of {len(runs)} records"
        return AuditRow(row_id, title, "UNKNOWN", text, missing=STORED)
    silent = [f"{run.name}: {why}" for run, entry in stored if (why := idle(entry))]
    if silent:
        return AuditRow(row_id, title, "UNKNOWN", "; ".join(first_few(silent)), missing=COMPARED)
    excused: dict[tuple[str, str, str], list[str]] = {}
    for run, text, exception in excuses:
        assert exception is not None, "what is not excused has failed"
        excused.setdefault((text, exception.reason, exception.source), []).append(run.method)
    if excused:
        rest = tuple(
            AppliedException(tuple(dict.fromkeys(methods)), text, "none", reason, source)
            for (text, reason, source), methods in excused.items()
        )
        values = "; ".join(first_few(list(dict.fromkeys(exception.value for exception in rest))))
        return AuditRow(row_id, title, "DECLARED EXCEPTION", values, rest)
    return AuditRow(row_id, title, "PASS", fine(stored[0][1]))


def _detector(runs: Sequence[AuditedRun]) -> tuple[AuditRow, ...]:
    """A lesion detector learnt from photographs that no record lists."""
    learnt = sorted({run.method for run in runs if run.about["boxes"] in ("detector", "file")})
    if not learnt:
        return ()
    text = f"boxes of a detector: {', '.join(learnt)}"
    missing = "digests of the photographs that the detector learnt from"
    title = "detector's photographs in test"
    return (AuditRow("detector", title, "UNKNOWN", text, missing=missing),)


def _no_test_in_events(runs: Sequence[AuditedRun]) -> AuditRow:
    title = "test scores during training"
    leaks = [f"{run.name}: {', '.join(run.test_words)}" for run in runs if run.test_words]
    if leaks:
        return AuditRow("events", title, "FAIL", "; ".join(first_few(leaks)))
    silent = [run.name for run in runs if not run.total("epochs")]
    if silent:
        text = f"no logged epoch: {', '.join(first_few(silent))}"
        return AuditRow("events", title, "UNKNOWN", text, missing="epochs in events.jsonl")
    epochs = sum(run.total("epochs") for run in runs)
    return AuditRow("events", title, "PASS", f"none in {epochs:,} logged epochs")


def _selected_on_validation(runs: Sequence[AuditedRun]) -> AuditRow:
    """The best logged score must be what the kept weights score on the validation split."""
    title = "epoch selected on validation"
    checked = [run for run in runs if _best(run) is not None]
    wrong = []
    for run in checked:
        name = registry.primary(run.about["kind"]).name
        best, kept = _best(run), run.scores["validation"].get(name)
        if kept is None or best is None or not math.isclose(best, kept, abs_tol=1e-9):
            wrong.append(f"{run.name}: best {best}, the weights kept score {kept}")
    if wrong:
        return AuditRow("selection_score", title, "FAIL", "; ".join(first_few(wrong)))
    scores = "validation scores in events.jsonl"
    silent = [run.name for run in runs if _selects(run) and _best(run) is None]
    if silent:
        text = f"no logged score: {', '.join(first_few(silent))}"
        return AuditRow("selection_score", title, "UNKNOWN", text, missing=scores)
    if not checked:
        text = "no run selects an epoch"
        return AuditRow("selection_score", title, "UNKNOWN", text, missing=scores)
    text = f"{len(checked)} of {len(runs)} runs select; the best logged score is theirs"
    return AuditRow("selection_score", title, "PASS", text)


def _selects(run: AuditedRun) -> bool:
    return run.setting("finetuning", "select") == "best"


def _best(run: AuditedRun) -> float | None:
    """Of the last stage's scores that are numbers; None where nothing was selected."""
    if not _selects(run) or not run.stages:
        return None
    return max((s for s in run.stages[-1].scores if not math.isnan(s)), default=None)
