"""Degradations of chest radiographs: drawn once for an image, applied at any size.

CoMCL degrades chest radiographs too but gives no model, and the two that it cites for fundus
photographs (halo, retinal spots, cataract) have no counterpart here. So results on degraded
radiographs are not comparable with the paper's. Three models
(docs/reference/degradations.md#radiographs):

- "chain": what goes wrong between patient and file, from published levels;
- "single": one corruption of MedMNIST-C at a severity, for a sweep;
- "fundus_literal": cofe-Net's light, spots and blur without colour, to copy the paper's wording.
"""

import difflib
from typing import Literal, get_args

import numpy as np

from bench.data.degradations.chain import COFE_TYPES, Degradation, Piece, draw_kind
from bench.data.degradations.light import Colour
from bench.data.degradations.radiograph_detail import Jpeg, Pixelation, Unsharpness
from bench.data.degradations.radiograph_noise import (
    GaussianNoise,
    ImpulseNoise,
    QuantumNoise,
    SpeckleNoise,
)
from bench.data.degradations.radiograph_tone import Brightness, Contrast, Gamma, Grey
from bench.errors import RequestError
from bench.seeding import generator_for

RadiographModel = Literal["chain", "single", "fundus_literal"]

SEVERITIES = (1, 2, 3, 4, 5)

NOISES = {
    "gaussian_noise": (GaussianNoise, (0.04, 0.08, 0.12, 0.18, 0.26)),
    "speckle_noise": (SpeckleNoise, (0.05, 0.15, 0.2, 0.35, 0.45)),
    "impulse_noise": (ImpulseNoise, (0.01, 0.03, 0.06, 0.09, 0.17)),
    "shot_noise": (QuantumNoise, (60, 25, 18, 10, 5)),
}
"""Piece and level at each severity, by the registry's names: those that need a seed."""

CHANGES = {
    "pixelate": (Pixelation, (0.3, 0.25, 0.2, 0.15, 0.1)),
    "jpeg_compression": (Jpeg, (50, 30, 15, 10, 7)),
    "gaussian_blur": (Unsharpness, (3, 5, 7, 9, 11)),
    "brightness_up": (Brightness, (1.1, 1.2, 1.3, 1.4, 1.5)),
    "brightness_down": (Brightness, (0.9, 0.8, 0.7, 0.6, 0.5)),
    "contrast_up": (Contrast, (1.1, 1.2, 1.3, 1.4, 1.6)),
    "contrast_down": (Contrast, (0.9, 0.8, 0.7, 0.6, 0.4)),
    "gamma_corr_up": (Gamma, (1.1, 1.2, 1.3, 1.4, 1.6)),
    "gamma_corr_down": (Gamma, (0.9, 0.8, 0.7, 0.6, 0.4)),
}
"""Those that need none. The registry lists a sixth blur, 13, which its own five never reach."""

CORRUPTIONS = (*NOISES, *CHANGES)

DOSES = (60, 25, 18, 10)
"""Quanta of the chain at its severities 1 to 4: the first four of "shot_noise"."""


def draw_radiograph(
    rng: np.random.Generator,
    *,
    model: RadiographModel = "chain",
    severity: int = 3,
    corruption: str | None = None,
    strength: float = 1.0,
) -> Degradation:
    """One radiograph's degradation; which pieces and which noise does not depend on the rest.

    Args:
        rng: Of this image; see `degrade_radiograph`.
        model: See the module.
        severity: Of "single", 1 to 5. The others draw their own.
        corruption: Of "single", one of `CORRUPTIONS`; None draws one.
        strength: Kept in the result; the draws do not depend on it.

    Raises:
        RequestError: for an unknown model, severity or corruption, or a corruption that the model
            would ignore.
    """
    _check(model, severity, corruption)
    if model == "single":
        kind, parts = _single(rng, severity, corruption)
    elif model == "chain":
        kind, parts = _chain(rng)
    else:
        kind, parts = _fundus_literal(rng)
    return Degradation(kind, parts, strength)


def degrade_radiograph(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    data_seed: int,
    image_id: str,
    model: RadiographModel = "chain",
    severity: int = 3,
    corruption: str | None = None,
    strength: float = 1.0,
    noise_px: int | None = None,
) -> tuple[np.ndarray, Degradation]:
    """A radiograph as it is degraded in every run; the draw depends on data seed and id alone.

    Args:
        image: uint8 (S, S, 3), three equal channels.
        mask: bool (S, S), False in the black padding, which stays black.
        data_seed: With image_id, what the draw depends on.
        image_id: Of the image in its data set.
        model: With severity, corruption and strength, see `draw_radiograph`.
        severity: Of "single".
        corruption: Of "single".
        strength: 0 leaves the image as it is, 1 is as published.
        noise_px: See `Degradation.apply`.

    Returns:
        The degraded image, uint8 (S, S, 3), three equal channels, and what was done to it.

    Raises:
        RequestError: as `draw_radiograph`.
        ValueError: for an image in colour.
    """
    if (image != image[..., :1]).any():
        raise ValueError("a radiograph has three equal channels: make it grey first (PIL mode L)")
    rng = generator_for(data_seed, "degrade", image_id)
    degradation = draw_radiograph(
        rng, model=model, severity=severity, corruption=corruption, strength=strength
    )
    return degradation.apply(image, mask, noise_px=noise_px), degradation


def _chain(rng: np.random.Generator) -> tuple[str, tuple[Piece, ...]]:
    """Pieces of the chain in the order of image formation, since no source gives an order.

    Unsharpness comes before the quanta are counted: after them it would smooth their noise away.
    """
    severity = int(rng.integers(len(DOSES)))
    quanta = QuantumNoise(DOSES[severity], _seed(rng))
    electronics = GaussianNoise(float(rng.uniform(0.01, 0.04)), _seed(rng))
    blur = Unsharpness((3, 5, 7, 9)[rng.integers(4)])
    contrast, gamma = Contrast(float(rng.uniform(0.5, 0.9))), Gamma((0.6, 1.6)[rng.integers(2)])
    tone = contrast if rng.random() < 0.5 else gamma
    jpeg = Jpeg(int(rng.integers(15, 51)))
    blurred, toned, compressed = rng.random(3) < (0.5, 0.5, 0.3)
    parts = (
        *([blur] if blurred else []),
        quanta,
        electronics,
        *([tone] if toned else []),
        *([jpeg] if compressed else []),
    )
    return f"chain-{severity + 1}", parts


def _single(
    rng: np.random.Generator, severity: int, corruption: str | None
) -> tuple[str, tuple[Piece, ...]]:
    """One corruption of the registry; asking for one leaves its noise what it was."""
    drawn, seed = CORRUPTIONS[rng.integers(len(CORRUPTIONS))], _seed(rng)
    name = corruption or drawn
    if name in NOISES:
        noise, levels = NOISES[name]
        return f"{name}-{severity}", (noise(levels[severity - 1], seed),)
    change, levels = CHANGES[name]
    return f"{name}-{severity}", (change(levels[severity - 1]),)


def _fundus_literal(rng: np.random.Generator) -> tuple[str, tuple[Piece, ...]]:
    """A cofe-Net degradation, each of its seven types alike, without its change of colour."""
    bits = COFE_TYPES[rng.integers(len(COFE_TYPES))]
    drawn = draw_kind(rng, f"cofe-{bits}").parts
    return f"fundus-{bits}", (*(part for part in drawn if not isinstance(part, Colour)), Grey())


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**32))


def _check(model: str, severity: int, corruption: str | None) -> None:
    models = get_args(RadiographModel)
    if model not in models:
        raise RequestError(f"no degradation of radiographs {model!r}: one of {', '.join(models)}")
    if severity not in SEVERITIES:
        raise RequestError(f"severity {severity}: MedMNIST-C has five; give 1, 2, 3, 4 or 5")
    if corruption is not None and corruption not in CORRUPTIONS:
        near = difflib.get_close_matches(corruption, CORRUPTIONS, n=1, cutoff=0)[0]
        raise RequestError(
            f"no corruption {corruption!r}: did you mean {near!r}? All: {', '.join(CORRUPTIONS)}"
        )
    if corruption is not None and model != "single":
        raise RequestError(
            f"corruption {corruption!r} with model {model!r}: only model 'single' takes one"
        )
