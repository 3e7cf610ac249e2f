"""One record as a few lines: what was run, what came out, and where it lies."""

import json
import math
from collections.abc import Mapping
from typing import Any

from bench.evaluation import registry, training_cost
from bench.evaluation.metric import FREQUENT, KINDS, Metric
from bench.protocol.presets import named_protocol

SETTINGS = {
    "default": "the preset's values for every method, nothing tuned",
    "original": "each method as in its own paper, as far as the preset's budget allows",
}
"""What `--settings` means where it is not common."""

SHARED = {
    "patients": ("patient has images in", "patients have images in"),
    "same_file": ("image file stands in", "image files stand in"),
    "same_picture": ("picture is, in two files, in", "pictures are, in two files each, in"),
}
"""What two splits may share, of one and of several."""


def record_card(record: Mapping[str, Any], *, as_json: bool = False) -> str:
    """The record for a terminal, or as one JSON object.

    Args:
        record: From `bench.evaluation.stored_runs.record`.
    """
    if as_json:
        plain = {key: _plain(value) for key, value in record.items() if key != "folder"}
        return json.dumps(plain | {"folder": str(record["folder"])}, sort_keys=True)
    shares = ", ".join(
        f"{split} {record[f'share_{split}']:.1%}" for split in ("train", "validation", "test")
    )
    lines = [
        f"{record['method']} on {record['dataset']}, low-quality ratio {record['lq_ratio']}, "
        f"seed {record['seed']}, {named_protocol(record['protocol_name'])}",
        *(f"  {sentence}" for sentence in settings_sentences(record)),
        f"  low-quality images: {shares}",
        f"  {_scores(record)}  (n = {record['n_test']} test images)",
        f"  training: {training_cost.in_words(record)}",
        *(
            f"  {record[name]}"
            for name in ("not_trained", "pretraining_failed")
            if record.get(name)
        ),
        *(f"  note: {sentence}" for sentence in _notes(record)),
        *(f"  warning: {sentence}" for sentence in _warnings(record)),
        f"  {record['folder']}",
    ]
    return "\n".join(lines)


def shared_sentences(shared: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What two splits have in common, a sentence each; none where they share nothing.

    Args:
        shared: By pair of splits, as "train+test", the counts of `bench.data.leakage`.
    """
    sentences = []
    for pair, counts in shared.items():
        both = f"both {' and '.join(pair.split('+'))}"
        for what, (one, several) in SHARED.items():
            count = counts[what]
            if count:
                sentences.append(f"{count:,} {one if count == 1 else several} {both}")
    return sentences


def settings_sentences(record: Mapping[str, Any]) -> list[str]:
    """What a run has that is not the preset's, one sentence each; none of the preset as it stands.

    Args:
        record: A row with `settings`, `protocol` and, of tuned runs, `tuned`.
    """
    if record.get("settings", "common") != "common":
        return [f"settings {record['settings']}: {SETTINGS[record['settings']]}"]
    sentences = []
    for setting, preset in (record.get("tuned") or {}).items():
        group, _, field = setting.partition(".")
        value = record["protocol"][group][field]
        sentences.append(f"tuned on validation images: {setting} {value} (the preset has {preset})")
    return sentences


def _warnings(record: Mapping[str, Any]) -> list[str]:
    """What a stage did not reach, and what makes a score of a real set too good.

    Drawn pictures of two patients may look alike.
    """
    missed = [sentence for _, sentence in record.get("gates_missed", ())]
    shared = shared_sentences(record.get("shared_by_splits") or {}) if record["real"] else []
    return missed + shared


def _scores(record: Mapping[str, Any]) -> str:
    kinds = [record["kind"]] if record.get("kind") else KINDS
    metrics = {m.name: m for kind in kinds for m in registry.of(kind) if m.summarised}
    shown = []
    for name in dict.fromkeys([*metrics, FREQUENT]):
        if name in record:
            over = _over(metrics.get(name), record)
            shown.append(f"{name} {record[name]:.3f}{f' ({over})' if over else ''}")
    return ", ".join(shown)


def _over(metric: Metric | None, record: Mapping[str, Any]) -> str:
    return registry.mean_over(metric, record, record.get("classes", ())) if metric else ""


def _notes(record: Mapping[str, Any]) -> list[str]:
    notes = list(record["assumptions"])
    if record["boxes"] not in ("none", "given"):
        notes.append(f"lesion patches from boxes={record['boxes']}")
    if not record["real"]:
        notes.append("synthetic images: not comparable with the published numbers")
    return notes


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
