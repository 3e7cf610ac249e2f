"""One radiograph: a patient's chest with findings, through an X-ray machine."""

from dataclasses import dataclass

import numpy as np

from bench.data.chest_twin import (
    anatomy,
    bones,
    devices,
    exposure,
    findings,
    mediastinum,
    vessels,
)
from bench.data.chest_twin.canvas import Film
from bench.data.chest_twin.chest import Chest
from bench.data.chest_twin.cohort import Visit
from bench.data.chest_twin.patient import Patient
from bench.seeding import generator_for

OVERSAMPLING = 1.25


@dataclass(frozen=True)
class Radiograph:
    """A drawn radiograph and what is known of it.

    Attributes:
        image: (S, S) uint8.
        boxes: Finding and x0, y0, x1, y1 in pixels of the image, x1 and y1 exclusive.
        chest: What was drawn.
    """

    image: np.ndarray
    boxes: tuple[tuple[str, float, float, float, float], ...]
    chest: Chest


def radiograph(visit: Visit, *, size_px: int, seed: int) -> Radiograph:
    """The radiograph of a visit; the same arguments give the same bytes, in any order.

    Args:
        visit: Its patient's number seeds the anatomy, its name the image.
        size_px: Side of the image.
        seed: Of the cohort.
    """
    first = generator_for(seed, "chest patient", visit.patient)
    patient = Patient.draw(visit.male, visit.age, first)
    traits = findings.traits(visit.findings, seed=seed, patient=visit.patient, image=visit.name)
    ap, stance = visit.view == "AP", generator_for(seed, "chest stance", visit.name)
    chest = Chest.draw(patient, ap, findings.strain(traits), stance)
    film = _film(visit, chest, round(size_px * OVERSAMPLING), stance)
    tissue = generator_for(seed, "chest tissue", visit.name)
    shadow = anatomy.paint(film, chest, tissue)
    mediastinum.paint(shadow, chest, tissue)
    rng = generator_for(seed, "chest disease", visit.name)
    drawn = findings.paint(shadow, chest, traits, rng)
    # A patient's vessels are the same in all images, as far as the breath leaves them.
    vessels.paint(shadow, chest, generator_for(seed, "chest vessels", visit.patient))
    bones.paint(shadow, chest, generator_for(seed, "chest bones", visit.name))
    devices.attach(shadow, chest, generator_for(seed, "chest devices", visit.name))
    rng = generator_for(seed, "chest beam", visit.name)
    picture = exposure.collimate(exposure.expose(shadow, ap, size_px, rng), rng)
    picture = devices.letter(picture, ap, generator_for(seed, "chest letters", visit.name))
    image = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    scale = film.size_px / size_px
    boxes = tuple(
        (finding, x0 / scale, y0 / scale, x1 / scale, y1 / scale)
        for finding, x0, y0, x1, y1 in drawn.boxes
    )
    return Radiograph(image, boxes, chest)


def _film(visit: Visit, chest: Chest, size_px: int, rng: np.random.Generator) -> Film:
    """The lungs fit on the film, mostly; patients in bed lie less straight and less centred."""
    width, height, spacing = visit.original
    field = (width * spacing / 10, height * spacing / 10)
    scale = rng.normal(1.10, 0.09) * (1.04 if chest.ap else 1.0)
    scale = min(scale, 0.97 * field[0] / (2 * chest.patient.half_width))
    scale = min(scale, 0.93 * field[1] / (chest.height + 1.5))
    spare = 0.8 if chest.ap else -0.4  # of the lungs' edge beyond the film, cm
    room = (
        max(0.3, field[0] / 2 - scale * chest.patient.half_width + spare),
        max(0.0, (field[1] - scale * chest.height) / 2 + spare),
    )
    across = float(np.clip(rng.normal(0, 1.6 if chest.ap else 0.7), -room[0], room[0]))
    down = float(np.clip(rng.normal(-0.5, 2.2 if chest.ap else 1.5), -room[1], room[1]))
    middle = scale * (chest.apex + chest.base) / 2
    tilt = rng.normal(0, 0.045 if chest.ap else 0.022)
    return Film(size_px, field, (across, down - middle), tilt, scale)
