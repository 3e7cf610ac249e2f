"""What a run's training took: sides of its inputs, samples seen, operations, seconds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FIELDS = ("samples", "flops", "training_seconds")
"""Of a record, beside `sides_px`; None in records that do not tell."""

NOT_RECORDED = "not recorded"
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z")


def of_events(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the events of a run say of its stages together.

    Returns:
        `sides_px`: side of what the network is given, stage by stage, without repeats in a row, the
        classifier's input last; `samples` seen, repeats counted; `flops`, floating-point operations
        of matrix products and convolutions; `training_seconds`. All None where a stage's are not
        logged, as in older records.
    """
    trained = [event for event in events if "epoch" in event]
    logged = {event["stage"]: event["compute"] for event in events if event.get("compute")}
    if not logged or not {event["stage"] for event in trained} <= logged.keys():
        return dict.fromkeys(("sides_px", *FIELDS))
    stages = list(logged.values())
    sides = [stage["px"] for stage in stages]
    return {
        "sides_px": tuple(
            px for px, before in zip(sides, [None, *sides], strict=False) if px != before
        ),
        "samples": sum(stage["samples"] for stage in stages),
        "flops": sum(stage["flops"] for stage in stages),
        "training_seconds": sum(event["seconds"] for event in trained),
    }


def in_words(record: Mapping[str, Any]) -> str:
    """One record's, as "64 px, 15.7k samples, 1.2 TFLOP, 61 s"."""
    return summary([record])


def summary(records: Sequence[Mapping[str, Any]]) -> str:
    """That of runs of one cell: sides and samples of all, operations and seconds on average."""
    known = [record for record in records if _known(record.get("flops"))]
    if not known:
        return NOT_RECORDED
    sides = dict.fromkeys(_sides(record["sides_px"]) for record in known)
    samples, flops, seconds = (
        math.fsum(record[name] for record in known) / len(known) for name in FIELDS
    )
    left = len(records) - len(known)
    parts = [f"{' or '.join(sides)} px", f"{_short(samples)} samples"]
    parts += [f"{_short(flops, gap=' ')}FLOP", f"{seconds:,.0f} s"]
    return ", ".join(parts) + (f" ({left} of {len(records)} runs {NOT_RECORDED})" if left else "")


def _known(value: Any) -> bool:
    return value is not None and not math.isnan(value)


def _sides(sides_px: Sequence[int]) -> str:
    return ", then ".join(map(str, sides_px))


def _short(number: float, gap: str = "") -> str:
    """Three digits and a prefix, as 15.7k; as a whole number below a thousand."""
    power = min(int(math.log10(number) / 3) if number >= 1 else 0, len(PREFIXES) - 1)
    value = number / 1000**power
    digits = 0 if power == 0 else max(0, 2 - int(math.log10(value)))
    return f"{value:.{digits}f}{gap}{PREFIXES[power]}"
