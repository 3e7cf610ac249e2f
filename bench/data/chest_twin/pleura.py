"""What gathers between lung and chest wall: fluid below, air above.

Each returns masks, (R, R) in 0..1, of the places that it shows in.
"""

import numpy as np

from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import step
from bench.data.chest_twin.chest import Chest
from bench.data.chest_twin.trait import Trait


def effusion(
    shadow: Shadow, chest: Chest, trait: Trait, rng: np.random.Generator
) -> list[np.ndarray]:
    """Fluid that blunts the angle and climbs the wall; on AP views often a veil as well."""
    trait_rng, film = trait.generator(), shadow.film
    masks = []
    for side in (trait.side, -trait.side)[: 2 if trait_rng.random() < 0.3 else 1]:
        x, y = film.grid
        proportion = np.clip(np.abs(x) / chest.patient.half_width, 0, 1.05)
        top = chest.base - 1.3 - (1.2 + 0.45 * chest.height * trait.extent**1.7)
        slope = trait_rng.uniform(1.2, 2.4) + 2.2 * trait.extent
        meniscus = top + slope * (1 - proportion**3)
        pool = step(y - meniscus, 0.9) * film.polygon(chest.cage(side))
        fluid = pool * shadow.lungs[side]
        shadow.fill(pool, 0.94)
        above = step(shadow.floor + 1.0 - y, 1.0)
        beside = np.clip(side * (x - chest.shift) / 5, 0, 1)  # not in front of the heart
        shadow.soft += (0.03 + 0.09 * trait.extent) * pool * above * beside
        if chest.ap and trait_rng.random() < 0.6:
            veil = np.clip((y - chest.apex) / chest.height, 0, 1) ** 1.3 * shadow.lungs[side]
            shadow.fill(veil, 0.22 + 0.22 * trait.extent)
        masks.append(fluid)
    return masks


def pneumothorax(
    shadow: Shadow, chest: Chest, trait: Trait, rng: np.random.Generator
) -> list[np.ndarray]:
    """A fallen lung behind its thin pleural line, and nothing but air beyond."""
    film, side, outline = shadow.film, trait.side, chest.cage(trait.side)
    root = np.array(chest.hilum(side)) + np.array((0, 2.0))
    height = np.clip((outline[:, 1] - chest.apex) / chest.height, 0, 1)
    fall = 0.11 + 0.28 * trait.extent**1.3
    shrink = fall * (1.15 - 0.75 * height) * np.clip(np.abs(outline[:, 0]) / 4, 0.3, 1)
    line = root + (outline - root) * (1 - shrink)[:, None]
    lung = film.polygon(line)
    free = (1 - lung) * shadow.lungs[side]
    shadow.air += 0.22 * free * shadow.air
    shadow.fill((0.06 + 0.3 * trait.extent**2) * lung * shadow.lungs[side])
    shadow.marked *= 1 - free
    outer = np.abs(line[:, 0]) > 0.36 * chest.patient.half_width
    edge = film.strokes([(line[outer], 0.16)], full_cm=0.16, soft_cm=0.03)
    shadow.soft += 0.09 * edge * shadow.lungs[side]
    lateral = np.abs(film.grid[0]) > 0.2 * chest.patient.half_width
    return [film.soften(free * lateral, 0.1)]
