"""From attenuation to a picture: beam, scatter, noise, window, collimator."""

import cv2
import numpy as np

from bench.data.chest_twin.anatomy import Shadow
from bench.data.chest_twin.canvas import step

BEAM = 3.4  # of the abdomen's attenuation in natural logarithms (assumed: about 1/30 gets through)


def expose(shadow: Shadow, ap: bool, size_px: int, rng: np.random.Generator) -> np.ndarray:
    """(S, S) float32 in 0..1, attenuation bright."""
    film = shadow.film
    light = np.exp(-BEAM * np.clip(shadow.total(), 0, None)).astype(np.float32)
    spread = rng.uniform(0.05, 0.11) if ap else rng.uniform(0.02, 0.06)
    small = cv2.resize(light, (64, 64), interpolation=cv2.INTER_AREA)
    scatter = cv2.resize(cv2.GaussianBlur(small, (0, 0), 7), light.shape)
    x, y = film.grid
    heel = 1 + rng.normal(0, 0.004) * x + rng.normal(0, 0.004) * y
    met = light * heel + spread * scatter
    met = cv2.resize(met, (size_px, size_px), interpolation=cv2.INTER_AREA)
    quanta = rng.uniform(0.006, 0.013) * (1.3 if ap else 1.0)
    met += quanta * np.sqrt(met) * rng.standard_normal(met.shape, dtype=np.float32)
    return _window(-np.log(np.clip(met, 1e-3, None)) / BEAM, ap, rng)


def _window(density: np.ndarray, ap: bool, rng: np.random.Generator) -> np.ndarray:
    """Grey as a reading station would set it: from the picture itself, with a film's curve."""
    low, high = np.percentile(density[density > 0.12], [3, 99])
    low -= (0.08 + 0.5 * rng.beta(1.2, 3)) * (high - low) * (1.5 if ap else 1.0)
    high += rng.uniform(0.0, 0.22) * (high - low)
    grey = np.clip((density - low) / (high - low), 0, 1)
    bend = rng.uniform(0.0, 0.5) * (0.5 if ap else 1.0)
    curved = grey * grey * (3 - 2 * grey)
    return (grey + bend * (curved - grey)) ** rng.uniform(0.85, 1.2)


def collimate(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shutters: dark or, where nothing was masked, white margins on some sides."""
    size = picture.shape[0]
    axis = (np.arange(size) + 0.5) / size
    for flip in range(4):
        if rng.random() > 0.18:
            continue
        width, slope = rng.uniform(0.005, 0.07), rng.normal(0, 0.008)
        across, down = np.meshgrid(axis, axis if flip % 2 else axis[::-1])
        edge = (down if flip < 2 else (across if flip % 2 else across[:, ::-1])) - slope * across
        shut = 1 - step(edge - width, rng.uniform(0.003, 0.02))
        shade = 1.0 if rng.random() < 0.12 else rng.uniform(0, 0.05)
        picture = picture + shut * (shade - picture)
    return picture
