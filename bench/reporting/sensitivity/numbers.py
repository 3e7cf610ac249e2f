"""A sensitivity study as numbers: a CSV of seeds, and the values of a JSON object."""

import csv
import io
from typing import Any

from bench.reporting.sensitivity.effects import Effect, QuestionEffects, Sensitivity


def numbers(study: Sensitivity) -> str:
    """One line per alternative and seed, in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("point", "reading", "method", "lq_ratio", "seed", "metric", "difference"))
    for effects in study.questions:
        for effect in effects.effects:
            where = (
                effects.question.id,
                effect.alternative.name,
                effect.alternative.cell,
                effects.ratio,
            )
            each = effect.difference.per_seed if effect.difference else ()
            for seed, value in zip(effect.seeds, each, strict=True):
                writer.writerow((*where, seed, study.metric, repr(value)))
    return text.getvalue()


def plain(study: Sensitivity) -> dict[str, Any]:
    """All of it as JSON values, in full precision."""
    names = ("dataset", "key", "protocol", "metric")
    points = [_plain_point(effects) for effects in study.questions]
    return {name: getattr(study, name) for name in names} | {"points": points}


def _plain_point(effects: QuestionEffects) -> dict[str, Any]:
    return {
        "point": effects.question.id,
        "question": effects.question.question,
        "lq_ratio": effects.ratio,
        "default": effects.question.default.name,
        "score": effects.default.value if effects.default else None,
        "selected": effects.selected,
        "readings": [_plain_effect(effect) for effect in effects.effects],
    }


def _plain_effect(effect: Effect) -> dict[str, Any]:
    difference, rank = effect.difference, effect.ranks
    return {
        "reading": effect.alternative.name,
        "run": effect.alternative.cell,
        "score": effect.score.value if effect.score else None,
        "effect": difference.value if difference else None,
        "interval": difference.interval() if difference else None,
        "seeds": effect.seeds,
        "per_seed": difference.per_seed if difference else (),
        "selected": effect.selected,
        "rank": [rank.default, rank.other, rank.methods] if rank else None,
        "crossings": [vars(crossing) for crossing in rank.crossings] if rank else [],
        "stale": effect.stale,
        "undecided": effect.undecided,
    }
