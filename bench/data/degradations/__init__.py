"""Degradations of fundus photographs, as published, drawn and then applied.

`degrade` is what a run does to an image; the pieces stand in `light`, `spots`, `blur` and
`cataract`, their order in `chain`.
"""

from bench.data.degradations.chain import (
    COFE_TYPES,
    KINDS,
    Degradation,
    Model,
    SizeVariant,
    degrade,
    draw,
    draw_kind,
)

VERSION: int = 1
"""Bumped by hand when the same parameters give other pixels, or the same seed other parameters."""

__all__ = [
    "COFE_TYPES",
    "KINDS",
    "VERSION",
    "Degradation",
    "Model",
    "SizeVariant",
    "degrade",
    "draw",
    "draw_kind",
]
