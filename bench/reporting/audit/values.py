"""What each check of the audit takes from a run, and how it is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.protocol import tuned
from bench.protocol.tuned import TunedEntry
from bench.reporting.audit.runs import AuditedRun

Value = Any  # hashable, compared with ==; None where the check says nothing of a run


@dataclass(frozen=True)
class Check:
    """One thing that must be equal.

    Attributes:
        id: Short name, by which exceptions refer to it.
        title: For pages.
        value: Of a run.
        show: A value as text.
        scope: Runs with equal scopes must agree; "" for all.
    """

    id: str
    title: str
    value: Callable[[AuditedRun], Value]
    show: Callable[[Value], str] = str
    scope: Callable[[AuditedRun], str] = lambda run: ""

    def differing(self, value: Value, reference: Value) -> str:
        """The part of a value that is not as the others have it."""
        if not isinstance(value, tuple) or not isinstance(reference, tuple):
            return self.show(value)
        if not all(isinstance(item, tuple) for item in (*value, *reference)):
            return self.show(value)
        return ", ".join(f"{k} {v}" for k, v in value if (k, v) not in reference) or "fewer"


def _number(value: int) -> str:
    return f"{value:,}"


def _words(value: tuple[Any, ...]) -> str:
    return ", ".join(str(item) for item in value)


def _pairs(value: tuple[tuple[str, Any], ...]) -> str:
    return ", ".join(f"{name} {item}" for name, item in value)


def _short(value: str) -> str:
    return value[:12]


def _origin(name: str) -> Callable[[AuditedRun], Value]:
    return lambda run: run.origin.get(name)


def _setting(group: str, *fields: str) -> Callable[[AuditedRun], Value]:
    """Fields of a protocol group, None if the record has none of them."""

    def value(run: AuditedRun) -> Value:
        values = [(name, run.setting(group, name)) for name in fields]
        kept = tuple((name, _hashable(v)) for name, v in values if v is not None)
        return kept or None

    return value


def _optimiser(run: AuditedRun) -> Value:
    """That of fine-tuning, and what a method has of its own for a phase that trains no grader.

    Tuned values have a check of their own; here the preset's stand for them.
    """
    preset = {k.partition(".")[2]: v for k, v in (run.about.get("tuned") or {}).items()}
    fields = _setting("finetuning", "optimizer", "lr", "weight_decay", "schedule")(run) or ()
    shared = tuple((name, preset.get(name, value)) for name, value in fields)
    groups = run.roster_value("groups") or ()
    own = [pair for group in groups for pair in _setting(group, *OWN_OPTIMISER)(run) or ()]
    return (*shared, *own) or None


def _entry(run: AuditedRun) -> TunedEntry | None:
    """What was tuned for its method, under its preset as it is today."""
    return tuned.entry_of(run.roster_name, run.about["protocol_name"])


def _tuned(run: AuditedRun) -> Value:
    """Whether the tuned values are those in force; None where the preset is not tuned."""
    if run.about.get("tuned") is None:
        return None
    if (entry := _entry(run)) is None:
        return NOT_TUNED
    wrong = [
        f"{setting} {in_force} instead of {value}"
        for setting, value in entry.chosen.items()
        if (in_force := run.setting(*setting.split("."))) != value
    ]
    return ", ".join(wrong) or "as tuned"


def _trials(run: AuditedRun) -> Value:
    """How many trials its own method had; None where the preset is not tuned."""
    if run.about.get("tuned") is None:
        return None
    return tuned.own_trials(run.roster_name, run.about["protocol_name"])


def _hashable(value: Any) -> Any:
    return tuple(_hashable(item) for item in value) if isinstance(value, list) else value


def _libraries(run: AuditedRun) -> Value:
    packages = sorted(run.origin["packages"].items())
    codecs = sorted(run.origin.get("codecs", {}).items())
    gpu = sorted(run.origin.get("gpu", {}).items())
    return (("python", run.origin["python"]), *packages, *codecs, *gpu)


def _libraries_shown(value: tuple[tuple[str, str], ...]) -> str:
    versions = dict(value)
    first = ", ".join(
        f"{name} {versions[name]}" for name in ("python", "torch") if name in versions
    )
    return f"{first} and {len(versions) - 2} more"


def _input_px(run: AuditedRun) -> Value:
    group = run.roster_value("input_from") or "data"
    return run.setting(group, "image_px")


def _backbone(run: AuditedRun) -> Value:
    field = "name" if run.roster_value("backbone") is None else run.roster_value("backbone")
    return run.setting("backbone", field)


def _total(what: str, contrastive: bool | None) -> Callable[[AuditedRun], Value]:
    return lambda run: run.total(what, contrastive=contrastive) or None


def _selection(run: AuditedRun) -> Value:
    scored = "scored on validation" if run.stages and run.stages[-1].scores else "not scored"
    return (f"{run.setting('finetuning', 'select')} epoch", f"last stage {scored}")


def _shared(run: AuditedRun) -> Value:
    """Where what other runs may have trained was trained; None in records that do not tell."""
    origins = run.origin.get("shared")
    if not origins:
        return None
    foreign = [
        f"{name}: {field.replace('_', ' ')} {_plain(origin.get(field))}"
        for name, origin in sorted(origins.items())
        for field in SAME_ORIGIN
        if origin.get(field) != run.origin.get(field)
    ]
    return "as the run itself" if not foreign else ", ".join(foreign)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else "others"


def _boxes(run: AuditedRun) -> Value:
    return None if run.about["boxes"] == "none" else run.about["boxes"]


def _degradation(run: AuditedRun) -> Value:
    return tuple(sorted(run.spec["protocol"]["degradation"].items()))


def _images(run: AuditedRun) -> Value:
    if run.predictions.twice:
        return f"images scored twice: {run.predictions.twice}"
    return tuple(sorted((s, digest[:8]) for s, digest in run.predictions.images.items()))


def _images_shown(value: Value) -> str:
    if isinstance(value, str):
        return value
    return "each once, the same: " + ", ".join(f"{split} {digest}" for split, digest in value)


def _method_version(run: AuditedRun) -> Value:
    return (run.spec["method_version"], run.spec["method_digest"])


def _method_version_shown(value: tuple[int, str | None]) -> str:
    version, digest = value
    return f"version {version}" + (f", file {digest[:8]}" if digest else "")


LENGTH = ("epochs", "patience", "patience_share")
NOT_TUNED = "the preset's"
OWN_OPTIMISER = ("sr_optimizer", "sr_lr", "sr_weight_decay", "sr_steps")

SAME_ORIGIN = ("device", "device_name", "instructions", "packages", "codecs", "python")
"""What a stage or a detector that runs share must have in common with the run that used it."""

CHECKS: tuple[Check, ...] = (
    Check("device", "device", _origin("device")),
    Check("model", "device model", _origin("device_name")),
    Check("precision", "precision", _setting("engine", "precision", "channels_last"), _pairs),
    Check("threads", "CPU threads", _setting("engine", "threads"), _pairs),
    Check("world", "world size", lambda run: run.spec["world_size"]),
    Check("libraries", "library versions", _libraries, _libraries_shown),
    Check(
        "versions",
        "code versions",
        lambda run: tuple(sorted(run.spec["versions"].items())),
        _pairs,
    ),
    Check(
        "method",
        "method version",
        _method_version,
        _method_version_shown,
        scope=lambda run: run.method,
    ),
    Check("commit", "commit", _origin("commit"), _short),
    Check("shared", "shared stages trained", _shared),
    Check("manifest", "image manifest", lambda run: run.spec["manifest"]["key"], _short),
    Check("scored", "images scored", _images, _images_shown),
    Check("degradation", "degradation", _degradation, _pairs),
    Check(
        "degraded",
        "degraded images",
        lambda run: f"{run.spec['lq_ratio']}: {run.predictions.degraded[:8]}",
        scope=lambda run: run.spec["lq_ratio"],
    ),
    Check("input", "input side, px", _input_px),
    Check("backbone", "backbone", _backbone),
    Check("weights", "first weights", lambda run: run.setting("init", "weights")),
    Check("augmentation", "augmentation", lambda run: run.setting("finetuning", "augmentation")),
    Check("selection", "selection rule", _selection, _words),
    Check("batch", "batch", _setting("finetuning", "batch", "accumulation"), _pairs),
    Check(
        "optimiser",
        "optimiser",
        _optimiser,
        _pairs,
    ),
    Check("length", "epochs at most, patience, its share", _setting("finetuning", *LENGTH), _pairs),
    Check("tuned", "tuned values", _tuned),
    Check("tried", "tuning trials of each", _trials),
    Check("steps", "optimiser steps, supervised", _total("steps", False), _number),
    Check("images", "images seen, supervised", _total("images", False), _number),
    Check("patch_steps", "optimiser steps, contrastive", _total("steps", True), _number),
    Check("patches", "patches seen, contrastive", _total("images", True), _number),
    Check("total", "samples seen in total", _total("images", None), _number),
    Check("boxes", "lesion boxes", _boxes),
)
