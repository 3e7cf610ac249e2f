"""The eight findings: what each does to the chest, and where it shows.

A finding's side and place belong to the patient, its extent to the image.  Sizes as the terms say:
a nodule is up to 3 cm, a mass is more (Hansell et al., Radiology 2008, Fleischner glossary); a
heart is large beyond half of the chest.  Other sizes are assumed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from bench.data.chest_twin import opacities, pleura
from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import box_of
from bench.data.chest_twin.chest import HEART_LIMIT, LEFT, RIGHT, Chest, Strain
from bench.data.chest_twin.mediastinum import heart_outline
from bench.data.chest_twin.trait import Trait
from bench.seeding import generator_for

SEEN = 0.25  # of a finding's own weight: where its box ends
LOBAR = 0.35  # proportion of atelectasis that takes a lobe


@dataclass
class DrawnFindings:
    """Boxes so far: finding, x0, y0, x1, y1 in pixels of the drawing."""

    boxes: list[tuple[str, float, float, float, float]] = field(default_factory=list)

    def add(self, finding: str, mask: np.ndarray) -> None:
        """One more place, as far as it is in the picture."""
        box = box_of(mask, SEEN * float(mask.max(initial=0)))
        if box is not None:
            self.boxes.append((finding, *box))


def traits(findings: Iterable[str], *, seed: int, patient: int, image: str) -> dict[str, Trait]:
    """The findings of an image in detail."""
    out = {}
    for finding in findings:
        rng = generator_for(seed, "chest finding", patient, finding)
        side = int(rng.choice([RIGHT, LEFT]))
        severe, lobar = rng.beta(1.4, 1.4), bool(rng.random() < LOBAR)
        change = generator_for(seed, "chest extent", image, finding).normal(0, 0.15)
        position_seed = int(rng.integers(2**31))
        extent = float(np.clip(severe + change, 0.05, 1))
        out[finding] = Trait(finding, side, extent, lobar, position_seed)
    if (free := out.get("Pneumothorax")) and (ball := out.get("Mass") or out.get("Nodule")):
        # A round shadow needs a lung around it.
        out["Pneumothorax"] = replace(free, side=-ball.side)
    return out


def strain(traits: dict[str, Trait]) -> Strain:
    """What the chest suffers from them; a heart is said to be large from about half of it on."""
    heart, lift, shift = None, [0.0, 0.0], 0.0
    if large := traits.get("Cardiomegaly"):
        heart = HEART_LIMIT - 0.03 + 0.155 * large.extent
    if small := traits.get("Atelectasis"):
        pull = (0.8 + 2.2 * small.extent) * (1.0 if small.lobar else 0.4)
        lift[0 if small.side == RIGHT else 1] += pull
        shift += small.side * 0.5 * pull * small.lobar
    if fluid := traits.get("Effusion"):
        shift -= fluid.side * 1.6 * max(0, fluid.extent - 0.6)
    if free := traits.get("Pneumothorax"):
        shift -= free.side * 2.0 * max(0, free.extent - 0.6)
    return Strain(heart, (lift[0], lift[1]), shift)


def paint(
    shadow: Shadow, chest: Chest, traits: dict[str, Trait], rng: np.random.Generator
) -> DrawnFindings:
    """Draw them all, before vessels and bones; opacities first, free air last."""
    drawn = DrawnFindings()
    for finding in ORDER:
        if finding in traits:
            for mask in PAINTERS[finding](shadow, chest, traits[finding], rng):
                drawn.add(finding, mask)
    return drawn


def _heart(
    shadow: Shadow, chest: Chest, trait: Trait, rng: np.random.Generator
) -> list[np.ndarray]:
    """Drawn with the anatomy; its box is the heart's."""
    return [shadow.film.polygon(heart_outline(chest))]


PAINTERS = {
    "Cardiomegaly": _heart,
    "Infiltration": opacities.infiltration,
    "Pneumonia": opacities.pneumonia,
    "Atelectasis": opacities.atelectasis,
    "Nodule": opacities.nodules,
    "Mass": opacities.mass,
    "Effusion": pleura.effusion,
    "Pneumothorax": pleura.pneumothorax,
}
ORDER = tuple(PAINTERS)
