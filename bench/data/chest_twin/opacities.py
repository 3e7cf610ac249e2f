"""What fills or squeezes the lung itself: haze, consolidation, collapse, round shadows.

Each returns masks, (R, R) in 0..1, of the places that it shows in.
"""

import numpy as np

from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import Point, Stroke, clouds, smooth, step, waves
from bench.data.chest_twin.chest import Chest
from bench.data.chest_twin.trait import Trait

NODULE_CM = (1.3, 2.9)  # diameters
MASS_CM = (3.8, 8.0)
TISSUE = 0.055  # attenuation of a centimetre of solid tissue instead of lung


def infiltration(
    shadow: Shadow, chest: Chest, trait: Trait, rng: np.random.Generator
) -> list[np.ndarray]:
    """Patchy haze without borders, on one side or both."""
    trait_rng, film = trait.generator(), shadow.film
    both = trait_rng.random() < 0.4
    masks, depth = [], 0.30 + 0.28 * trait.extent
    for side in (trait.side, -trait.side)[: 2 if both else 1]:
        zone, across = trait_rng.uniform(0.35, 0.85), trait_rng.uniform(0.25, 0.7)
        haze = film.empty()
        for _ in range(4 + int(5 * trait.extent)):
            centre = chest.inside(
                side,
                float(np.clip(across + trait_rng.normal(0, 0.2), 0.05, 0.9)),
                float(np.clip(zone + trait_rng.normal(0, 0.12), 0.15, 0.95)),
            )
            radii = (trait_rng.uniform(1.2, 3.0), trait_rng.uniform(1.2, 3.0))
            spot = film.mound(centre, radii, ragged=waves(trait_rng, 0.3))
            haze[spot.where] = np.maximum(haze[spot.where], trait_rng.uniform(0.5, 1) * spot.mask)
        haze = film.soften(haze, 0.45) * shadow.lungs[side]
        grain = 1 + 0.22 * clouds(rng, film.size_px, 30) + 0.2 * clouds(rng, film.size_px, 60)
        shadow.fill(haze * np.clip(grain, 0, 1.6), depth)
        masks.append(haze)
    return masks


def pneumonia(
    shadow: Shadow, chest: Chest, trait: Trait, rng: np.random.Generator
) -> list[np.ndarray]:
    """A lobe's part filled with fluid, bronchi still full of air, and a fissure as its border."""
    trait_rng, film, side = trait.generator(), shadow.film, trait.side
    centre = chest.inside(side, trait_rng.uniform(0.3, 0.65), trait_rng.uniform(0.4, 0.85))
    size = 2.6 + 2.6 * trait.extent
    filled = film.empty()
    for _ in range(6):
        spot = film.mound(
            (
                centre[0] + trait_rng.normal(0, 0.35 * size),
                centre[1] + trait_rng.normal(0, 0.3 * size),
            ),
            (size * trait_rng.uniform(0.5, 0.8), size * trait_rng.uniform(0.4, 0.7)),
            ragged=waves(trait_rng, 0.35),
        )
        np.maximum(filled[spot.where], step(spot.mask - 0.35, 0.35), out=filled[spot.where])
    filled = film.soften(filled, 0.5)
    fissure = step((film.grid[1] - centre[1]) * trait_rng.choice([-1, 1]) + 0.5 * size, 0.2)
    filled *= fissure * shadow.lungs[side]
    grain = np.clip(0.92 + 0.10 * clouds(rng, film.size_px, 26), 0, 1.1)
    shadow.fill(filled * grain, 0.62 + 0.2 * trait.extent)
    shadow.soft -= (
        0.035 * film.strokes(_bronchi(chest, side, centre, trait_rng), full_cm=0.4) * filled
    )
    return [filled]


def _bronchi(
    chest: Chest, side: int, centre: Point, trait_rng: np.random.Generator
) -> list[Stroke]:
    """Forking tubes from the hilum into a place."""
    root, lines = np.array(chest.hilum(side)), []
    to = np.array(centre) - root
    for _ in range(6):
        end = root + to * trait_rng.uniform(1.0, 1.5) + trait_rng.normal(0, 1.4, 2)
        lines.append((smooth([root, root + 0.6 * to + trait_rng.normal(0, 0.4, 2), end]), 0.32))
    return lines


def atelectasis(
    shadow: Shadow, chest: Chest, trait: Trait, rng: np.random.Generator
) -> list[np.ndarray]:
    """Plates in the lower lung, or a lobe shrunk to a wedge; the volume is lost in the anatomy."""
    return (_lobe if trait.lobar else _plates)(shadow, chest, trait)


def _plates(shadow: Shadow, chest: Chest, trait: Trait) -> list[np.ndarray]:
    trait_rng, film, masks = trait.generator(), shadow.film, []
    for _ in range(int(trait_rng.integers(1, 4))):
        x, y = chest.inside(
            trait.side, trait_rng.uniform(0.35, 0.65), trait_rng.uniform(0.68, 0.96)
        )
        long, tilt = trait_rng.uniform(2.2, 4.2) + trait.extent, trait_rng.normal(0, 0.3)
        ends = np.array((np.cos(tilt), np.sin(tilt))) * long
        line = smooth(
            [
                (x - ends[0], y - ends[1]),
                (x, y + trait_rng.normal(0, 0.35)),
                (x + ends[0], y + ends[1]),
            ]
        )
        wide = trait_rng.uniform(0.3, 0.6) + 0.3 * trait.extent
        plate = film.strokes([(line, wide)], full_cm=wide, soft_cm=0.09)
        plate *= shadow.lungs[trait.side]
        shadow.fill(plate, 0.30 + 0.2 * trait.extent)
        masks.append(plate)
    base = film.mound(
        chest.inside(trait.side, 0.5, 0.97), (4.2, 1.3 + 1.2 * trait.extent), angle=0.1
    ).whole(film)
    shadow.fill(film.soften(base, 0.3) * shadow.lungs[trait.side], 0.22)
    return [mask for mask in masks if mask.max() > 0.3] or [base * shadow.lungs[trait.side]]


def _lobe(shadow: Shadow, chest: Chest, trait: Trait) -> list[np.ndarray]:
    """An upper lobe folds up to the apex, a lower one behind the heart."""
    trait_rng, side, half = trait.generator(), trait.side, chest.patient.half_width
    x, y = chest.hilum(side)
    if trait_rng.random() < 0.4:
        low = y - 1.5 - 2.5 * trait.extent
        edge = [(0, low + 0.6), (side * 0.4 * half, low - 0.8), (side * half, low - 2.6)]
        wedge = [*smooth(edge), (side * half, -30), (0, -30)]
    else:
        out = side * half * (0.42 + 0.26 * trait.extent)
        edge = [(x - side * 0.5, y), (x + side * 1.6, y + 5), (out + chest.shift, chest.base)]
        wedge = [*smooth(edge), (0, chest.base + 4), (0, y)]
    mask = shadow.film.polygon(np.array(wedge), soft_cm=0.12) * shadow.lungs[side]
    shadow.fill(mask, 0.5 + 0.25 * trait.extent)
    return [mask]


def nodules(
    shadow: Shadow, chest: Chest, trait: Trait, rng: np.random.Generator
) -> list[np.ndarray]:
    """One to four round shadows of up to 3 cm."""
    trait_rng = trait.generator()
    count = 1 if trait_rng.random() < 0.6 else int(trait_rng.integers(2, 5))
    sides = [trait.side, *trait_rng.choice([-1, 1], 3)]
    return [
        _round(shadow, chest, int(side), trait_rng, trait_rng.uniform(*NODULE_CM), 0.08)
        for side in sides[:count]
    ]


def mass(shadow: Shadow, chest: Chest, trait: Trait, rng: np.random.Generator) -> list[np.ndarray]:
    """One lobulated shadow of more than 3 cm."""
    trait_rng = trait.generator()
    size = MASS_CM[0] + (MASS_CM[1] - MASS_CM[0]) * trait.extent**1.5
    return [_round(shadow, chest, trait.side, trait_rng, size, 0.1)]


def _round(
    shadow: Shadow,
    chest: Chest,
    side: int,
    trait_rng: np.random.Generator,
    size: float,
    ragged: float,
) -> np.ndarray:
    """A ball of tissue; its rim wavers, its longest diameter is `size`."""
    film, radius = shadow.film, size / 2 / (1 + ragged)
    centre = chest.inside(side, trait_rng.uniform(0.15, 0.82), trait_rng.uniform(0.18, 0.9))
    rim = [*trait_rng.uniform(-ragged / 4, ragged / 4, 4), *trait_rng.uniform(0, 2 * np.pi, 4)]
    ball = film.mound(
        centre, (radius, radius * trait_rng.uniform(0.8, 1)), angle=trait_rng.random(), ragged=rim
    )
    mask = film.soften(ball.whole(film), 0.06) * shadow.lungs[side]
    dense = trait_rng.uniform(0.9, 1.25)
    shadow.soft += dense * TISSUE * (1.9 + 0.65 * size) * mask
    shadow.marked *= 1 - 0.7 * mask
    return step(mask - 0.15, 0.05)
