"""What the degradations do to one drawn image, at the runs' own settings."""

import json
from typing import Any

import numpy as np
import pandas as pd

from bench.data.chest_twin.cohort import Visit
from bench.data.chest_twin.draw import radiograph
from bench.data.degradations import KINDS, draw_kind
from bench.data.degradations.recipe import DegradationRecipe
from bench.data.field_of_view import crop, find, whole_frame
from bench.data.twin.draw import photograph
from bench.protocol.settings import Protocol
from bench.reporting.figures import style
from bench.reporting.figures.images import protocol_of
from bench.reporting.figures.study import Picture, ScoredStudy
from bench.seeding import generator_for

NAME, SOURCE = "degradations", "gallery"
PX, DRAWS, SEED = 288, 8, 0
BITS = ("blur", "spots", "illumination")
VISIT = Visit("gallery", 1, 0, 60, True, "PA", ("Effusion", "Mass"), (1024, 1024, 0.4))
FUNDUS = (
    "One synthetic photograph of a severe retinopathy under each kind of degradation "
    "that runs draw "
    "from (model {model}, strength {strength:g}), seeded as by `bench degrade`; a run draws anew "
    "for each image."
)
CHEST = (
    "One synthetic radiograph with an effusion and a mass under eight draws of the "
    "runs' degradation "
    "(model {model}, strength {strength:g}); a run draws anew for each image."
)
NamedPanels = list[tuple[str, np.ndarray]]


def pictures(study: ScoredStudy) -> list[Picture]:
    """One picture of nine panels, the first as taken."""
    spec = json.loads((study.scored.runs.folders[0] / "spec.json").read_text())["spec"]
    protocol = protocol_of(spec)
    chest = "chest" in spec["protocol"]
    named_panels = radiographs(protocol) if chest else photographs(protocol)
    title = "The degradations"
    with style.styled():
        figure, all_axes = style.panels(len(named_panels), columns=3, width=1.9, height=2.05)
        for axes, (name, picture) in zip(all_axes, named_panels, strict=True):
            axes.imshow(picture, interpolation="none")
            axes.set_axis_off()
            style.panel_title(axes, name, letters=30)
        style.heading(figure, title, study.about)
    strength = protocol.degradation.strength
    model = protocol.chest.degradation if chest else protocol.degradation.model
    caption = (CHEST if chest else FUNDUS).format(model=model, strength=strength)
    return [Picture(NAME, title, caption, _table(named_panels), figure)]


def photographs(protocol: Protocol) -> NamedPanels:
    """A photograph as taken and under each kind, (S, S, 3) uint8 by name."""
    original = photograph(SOURCE, 1, grade=3, quality=0, size_px=PX, seed=SEED).image
    field = find(original)
    clean, mask = crop(original, field, PX), field.mask(PX)
    settings = protocol.degradation
    options: dict[str, Any] = {
        "strength": settings.strength,
        "size_variant": settings.size_variant,
        "blur_px": settings.blur_px,
    }
    named_panels = [("as taken", clean)]
    for kind in KINDS:
        degradation = draw_kind(generator_for(SEED, SOURCE, SOURCE, kind), kind, **options)
        named_panels.append((in_words(kind), degradation.apply(clean, mask)))
    return named_panels


def radiographs(protocol: Protocol) -> NamedPanels:
    """A radiograph as taken and under several draws, (S, S, 3) uint8 by pieces."""
    original = radiograph(VISIT, size_px=PX, seed=SEED).image
    clean = np.repeat(original[..., None], 3, axis=2)
    mask, recipe = whole_frame(PX, PX).mask(PX), DegradationRecipe.of(protocol, "chest")
    named_panels = [("as taken", clean)]
    for number in range(DRAWS):
        name = f"{SOURCE} {number}"
        degraded, what = recipe.apply(clean, mask, data_seed=SEED, image_id=name)
        pieces = dict.fromkeys(part["piece"] for part in what.parameters()["parts"])
        named_panels.append((", ".join(pieces).replace("_", " "), degraded))
    return named_panels


def _table(named_panels: NamedPanels) -> pd.DataFrame:
    """One row a degraded panel: its name and the mean change of a channel, of 255."""
    clean = named_panels[0][1].astype(int)
    rows = [(name, np.abs(picture - clean).mean()) for name, picture in named_panels[1:]]
    return pd.DataFrame(rows, columns=["name", "mean_change"])


def in_words(kind: str) -> str:
    """A kind's name for readers: "blur, illumination" for "cofe-101"."""
    if not kind.startswith("cofe-"):
        return kind
    pairs = zip(kind.removeprefix("cofe-"), BITS, strict=True)
    return ", ".join(name for bit, name in pairs if bit == "1")
