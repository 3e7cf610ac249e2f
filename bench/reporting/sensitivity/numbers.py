"""A sensitivity study as numbers: a CSV of seeds, and the values of a JSON object."""

import csv
import io
from typing import Any

from bench.reporting.sensitivity.effects import Effect, Moved, Sensitivity


def numbers(found: Sensitivity) -> str:
    """One line a reading and seed, in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("point", "reading", "method", "lq_ratio", "seed", "metric", "difference"))
    for moved in found.points:
        for effect in moved.effects:
            where = (moved.point.id, effect.reading.name, effect.reading.cell, moved.ratio)
            each = effect.difference.per_seed if effect.difference else ()
            for seed, value in zip(effect.seeds, each, strict=True):
                writer.writerow((*where, seed, found.metric, repr(value)))
    return text.getvalue()


def plain(found: Sensitivity) -> dict[str, Any]:
    """All of it as JSON values, in full precision."""
    names = ("dataset", "key", "protocol", "metric")
    points = [_plain_point(moved) for moved in found.points]
    return {name: getattr(found, name) for name in names} | {"points": points}


def _plain_point(moved: Moved) -> dict[str, Any]:
    return {
        "point": moved.point.id,
        "question": moved.point.question,
        "lq_ratio": moved.ratio,
        "default": moved.point.default.name,
        "score": moved.default.value if moved.default else None,
        "selected": moved.selected,
        "readings": [_plain_effect(effect) for effect in moved.effects],
    }


def _plain_effect(effect: Effect) -> dict[str, Any]:
    found, standing = effect.difference, effect.standing
    return {
        "reading": effect.reading.name,
        "run": effect.reading.cell,
        "score": effect.score.value if effect.score else None,
        "effect": found.value if found else None,
        "interval": found.interval() if found else None,
        "seeds": effect.seeds,
        "per_seed": found.per_seed if found else (),
        "selected": effect.selected,
        "rank": [standing.default, standing.other, standing.methods] if standing else None,
        "crossings": [vars(crossing) for crossing in standing.crossings] if standing else [],
        "stale": effect.stale,
    }
