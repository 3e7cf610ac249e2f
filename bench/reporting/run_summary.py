"""One record as a few lines: what was run, what came out, and where it lies."""

import json
import math
from collections.abc import Mapping
from typing import Any

from bench.evaluation import registry
from bench.evaluation.metric import FREQUENT, KINDS


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
        f"seed {record['seed']}, protocol {record['protocol_name']}",
        f"  low-quality images: {shares}",
        f"  {_scores(record)}  (n = {record['n_test']} test images)",
        *(f"  note: {sentence}" for sentence in _notes(record)),
        f"  {record['folder']}",
    ]
    return "\n".join(lines)


def _scores(record: Mapping[str, Any]) -> str:
    metrics = [m.name for kind in KINDS for m in registry.of(kind) if m.summarised]
    names = dict.fromkeys([*metrics, FREQUENT])
    return ", ".join(f"{name} {record[name]:.3f}" for name in names if name in record)


def _notes(record: Mapping[str, Any]) -> list[str]:
    notes = list(record["assumptions"])
    if record["boxes"] not in ("none", "given"):
        notes.append(f"lesion patches from boxes={record['boxes']}")
    if not record["real"]:
        notes.append("synthetic images: not comparable with the published numbers")
    return notes


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
