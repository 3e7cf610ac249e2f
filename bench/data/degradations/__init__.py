"""Degradations of fundus photographs and chest radiographs, drawn and then applied.

`degrade` and `degrade_radiograph` are what a run does to an image. Fundus pieces stand in `light`,
`spots`, `blur` and `cataract`, their order in `chain`; those of radiographs in `radiograph_noise`,
`radiograph_detail` and `radiograph_tone`, their order in `radiograph`.
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
from bench.data.degradations.radiograph import (
    CORRUPTIONS,
    SEVERITIES,
    RadiographModel,
    degrade_radiograph,
    draw_radiograph,
)
from bench.data.degradations.recipe import DegradationRecipe

VERSION: int = 1
"""Bumped by hand when the same parameters give other pixels, or the same seed other parameters."""

__all__ = [
    "COFE_TYPES",
    "CORRUPTIONS",
    "KINDS",
    "SEVERITIES",
    "VERSION",
    "Degradation",
    "DegradationRecipe",
    "Model",
    "RadiographModel",
    "SizeVariant",
    "degrade",
    "degrade_radiograph",
    "draw",
    "draw_kind",
    "draw_radiograph",
]
