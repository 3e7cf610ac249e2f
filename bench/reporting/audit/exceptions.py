"""What may differ between methods, each with its reason and source: the one place for exceptions.

An exception excuses a method from a check of the audit and is shown wherever it is used. Whatever
differs and does not stand here is a FAIL.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bench.protocol.tuning import INHERITS
from bench.reporting.audit.runs import AuditedRun


@dataclass(frozen=True)
class DeclaredException:
    """One exception.

    Attributes:
        check: Id of the check that it excuses from.
        of: Which runs it is for.
        reason: Why they may differ.
        source: Where that is written.
        allows: "more" than the other methods have, "besides" what they have, or "other".
        steady: Whether the runs of one method must still agree with each other.
    """

    check: str
    of: Callable[[AuditedRun], bool]
    reason: str
    source: str
    allows: Literal["more", "besides", "other"] = "other"
    steady: bool = True

    def allowed(self, value: Any, reference: Any) -> bool:
        """Whether a value that is not the others' may be what it is."""
        if self.allows == "besides":
            return set(value) >= set(reference)
        return self.allows == "other" or value > reference


def _named(*names: str) -> Callable[[AuditedRun], bool]:
    return lambda run: run.roster_name in names


def _pretrains(run: AuditedRun) -> bool:
    return any(stage.contrastive for stage in run.stages)


def is_compute_matched(run: AuditedRun) -> bool:
    """Whether it is a control that trains for as long as CoMCL."""
    return bool((run.roster_value("options") or {}).get("compute_matched"))


def _own_settings(run: AuditedRun) -> bool:
    return run.spec["settings"] == "original"


def _inherits(run: AuditedRun) -> bool:
    return run.roster_name in INHERITS


def _of_the_user(run: AuditedRun) -> bool:
    return run.spec["method_digest"] is not None


def _too_short(run: AuditedRun) -> bool:
    """More supervised stages than epochs: each still gets one, and the total grows."""
    phases = sum(not stage.contrastive for stage in run.stages)
    epochs = run.setting("finetuning", "epochs")
    return epochs is not None and phases > epochs


def _stops(run: AuditedRun) -> bool:
    return run.setting("finetuning", "patience") is not None


def _published_split(run: AuditedRun) -> bool:
    """A real set whose training and test images were published as such."""
    return run.about["real"] and run.spec["dataset"] != "folder"


def _compared_as_photographs(run: AuditedRun) -> bool:
    """A record of radiographs from before they had a threshold of their own."""
    radiographs = run.spec["dataset"] in ("chestxray", "chestxray-twin")
    return radiographs and "alike" not in (run.origin.get("leakage") or {})


def _options(run: AuditedRun) -> bool:
    return run.spec["study"] is not None


_LONGER = (
    "a control that trains on images for as long as CoMCL pretrains and fine-tunes",
    "reference: training.md#budgets-and-the-compute-matched-control: compute-matched control",
)
_PRETRAINED = (
    "contrastive methods see patches before the same fine-tuning; resnet50-long is the control",
    "paper 3.1; docs/reference/training.md#budgets-and-the-compute-matched-control",
)
_PHASES = (
    "more phases than epochs: a phase left out would be another method, so each gets one",
    "bench/pipeline/recipes/common.py: shared_out",
)
_PLATEAU = (
    "a supervised phase ends at a plateau of its validation score, patience and most epochs being "
    'the same for all methods (row "length")',
    "docs/reference/training.md#length",
)
_ORIGINAL = (
    "--settings original: each method as in its own paper",
    "paper 3.2; bench/protocol/original.py",
)
_INHERITED = (
    "no trials of its own: it takes the tuned value of the method that it is compared with",
    "bench/protocol/tuning.py: INHERITS",
)
_NOT_TUNED = (
    "a method of your own has the preset's value until bench tune --methods FILE.py:CLASS --write",
    "docs/reference/training.md#tuned-learning-rates",
)
_LOOKALIKES = (
    "the published split is kept; at EyeQ's size about 20 pairs of strangers look alike",
    "bench/data/duplicates.py: ALIKE",
)
_RADIOGRAPHS = (
    "compared at the threshold of photographs, 0.22, at which different patients' radiographs "
    "look alike; newer records hold their own, 0.18",
    "bench/data/duplicates.py: ALIKE_RADIOGRAPHS; results/LOG.md, 2026-11-25",
)
_SUPER_RESOLUTION = (
    "its first phase trains no classifier: under a classifier's optimiser its super-resolution "
    "stays below one constant colour",
    "docs/reference/methods.md#deepmt-dr",
)
_THREE_NETWORKS = (
    "three phases that train networks one after the other, each as long as a classifier",
    "docs/reference/methods.md#deepmt-dr; bench/pipeline/recipes/deepmt_dr.py",
)
_FAMILY = "paper 3.2: a plain classifier of this family"
_TRAINING = ("length", "steps", "images", "total", "patch_steps", "patches", "batch", "optimiser")

EXCEPTIONS: tuple[DeclaredException, ...] = (
    DeclaredException("steps", is_compute_matched, *_LONGER, allows="more"),
    DeclaredException("images", is_compute_matched, *_LONGER, allows="more"),
    DeclaredException("total", is_compute_matched, *_LONGER, allows="more"),
    DeclaredException("total", _pretrains, *_PRETRAINED, allows="more"),
    *(
        DeclaredException(check, _stops, *_PLATEAU, steady=False)
        for check in ("steps", "images", "total")
    ),
    DeclaredException("steps", _too_short, *_PHASES, allows="more"),
    DeclaredException("images", _too_short, *_PHASES, allows="more"),
    DeclaredException("total", _too_short, *_PHASES, allows="more"),
    DeclaredException("optimiser", _named("deepmt-dr"), *_SUPER_RESOLUTION, allows="besides"),
    *(
        DeclaredException(check, _named("deepmt-dr"), *_THREE_NETWORKS, allows="more")
        for check in ("steps", "images", "total")
    ),
    DeclaredException(
        "input",
        _named("inception-v3"),
        "the network needs 75 px or more",
        "docs/reference/methods.md#inception-v3",
    ),
    DeclaredException(
        "input",
        _named("mmcnn"),
        "three resolutions are the method",
        "docs/reference/methods.md#mmcnn",
    ),
    DeclaredException(
        "input",
        _named("zoom-in-net"),
        "zooming into a larger image is it",
        "docs/reference/methods.md#zoom-in-net",
    ),
    DeclaredException(
        "backbone", _named("inception-v3", "densenet121"), "keeps its family", _FAMILY
    ),
    DeclaredException(
        "commit",
        lambda run: True,
        "versions decide whether numbers can move; a commit may touch pages alone",
        "tests/golden/code.lock",
        steady=False,
    ),
    DeclaredException(
        "trials",
        _options,
        "sensitivity runs vary an option to report its effect; the default was registered before",
        "bench/protocol/ambiguities.toml",
    ),
    DeclaredException("tried", _inherits, *_INHERITED),
    DeclaredException("tried", _of_the_user, *_NOT_TUNED),
    DeclaredException("tuned", _of_the_user, *_NOT_TUNED),
    DeclaredException("same_picture", _published_split, *_LOOKALIKES),
    DeclaredException("like_test", _published_split, *_LOOKALIKES),
    DeclaredException("same_picture", _compared_as_photographs, *_RADIOGRAPHS),
    DeclaredException("like_test", _compared_as_photographs, *_RADIOGRAPHS),
    *(
        DeclaredException(check, _own_settings, *_ORIGINAL)
        for check in (*_TRAINING, "input", "backbone", "weights", "augmentation")
    ),
)
