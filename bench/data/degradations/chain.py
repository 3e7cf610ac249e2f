"""A whole degradation: drawn once for an image, stored with it, applied at any size.

`draw` never looks at strength or size, so an image keeps its degradation when these change.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np

from bench.data.degradations.blur import Blur
from bench.data.degradations.cataract import Cataract
from bench.data.degradations.kernels import in_colour
from bench.data.degradations.light import COFE_FACTORS, GFE_FACTORS, Colour, Halo, Hole
from bench.data.degradations.radiograph_detail import Jpeg, Pixelation, Unsharpness
from bench.data.degradations.radiograph_noise import (
    GaussianNoise,
    ImpulseNoise,
    QuantumNoise,
    SpeckleNoise,
)
from bench.data.degradations.radiograph_tone import Brightness, Contrast, Gamma, Grey
from bench.data.degradations.spots import Spot, draw_spots
from bench.seeding import generator_for

FundusPiece = Colour | Halo | Hole | Spot | Blur | Cataract
Noise = QuantumNoise | GaussianNoise | SpeckleNoise | ImpulseNoise
RadiographPiece = Noise | Unsharpness | Pixelation | Jpeg | Brightness | Contrast | Gamma | Grey
Piece = FundusPiece | RadiographPiece
Model = Literal["mix", "cofe", "cataract", "gfe_map"]
SizeVariant = Literal["512", "1024"]

PIECES: dict[str, type[Piece]] = {
    "colour": Colour,
    "halo": Halo,
    "hole": Hole,
    "spot": Spot,
    "blur": Blur,
    "cataract": Cataract,
    "quantum_noise": QuantumNoise,
    "gaussian_noise": GaussianNoise,
    "speckle_noise": SpeckleNoise,
    "impulse_noise": ImpulseNoise,
    "unsharpness": Unsharpness,
    "pixelation": Pixelation,
    "jpeg": Jpeg,
    "brightness": Brightness,
    "contrast": Contrast,
    "gamma": Gamma,
    "grey": Grey,
}

SPREAD = (QuantumNoise, GaussianNoise, SpeckleNoise)
"""Noise that is averaged away with the pixels: its standard deviation is that of one pixel."""

COFE_TYPES = ("001", "010", "100", "011", "101", "110", "111")
"""Bits: blur, spots, illumination."""

KINDS = (*(f"cofe-{bits}" for bits in COFE_TYPES), "cataract")


@dataclass(frozen=True)
class Degradation:
    """What is done to one image.

    Attributes:
        kind: "cofe-" and three bits (blur, spots, illumination), or "cataract"; of a radiograph
            "chain-" and a severity, "fundus-" and three bits, or a corruption and its severity.
        parts: The pieces in the order in which they are applied.
        strength: Factor on every departure: 0 leaves the image as it is, 1 is as published.
    """

    kind: str
    parts: tuple[Piece, ...]
    strength: float = 1.0

    def apply(
        self, image: np.ndarray, mask: np.ndarray, *, noise_px: int | None = None
    ) -> np.ndarray:
        """The degraded image, uint8 (S, S, 3), black outside the field of view.

        Args:
            image: uint8 (S, S, 3), black outside the field.
            mask: bool (S, S), the field of view.
            noise_px: Side of the square whose pixels levels of noise count; the image averaged down
                to it is as noisy as one that was degraded there. None: the image's own.
        """
        size = image.shape[0]
        if image.shape != (size, size, 3) or image.dtype != np.uint8 or mask.shape != (size, size):
            raise ValueError(
                f"image {image.dtype} {image.shape} and mask {mask.shape}: crop to the field of "
                "view first (bench.data.field_of_view), uint8 (S, S, 3) and (S, S)"
            )
        values = image.astype(np.float32) / 255
        finer = size / (noise_px or size)
        for part in self.parts:
            strength = self.strength * finer if isinstance(part, SPREAD) else self.strength
            values = part(values, mask, strength)
        # The published code truncates, which darkens by half a level; rounding keeps strength 0
        # the identity.
        return np.rint(values * in_colour(mask.astype(np.float32) * 255)).astype(np.uint8)

    def parameters(self) -> dict[str, Any]:
        """Everything that the degradation is, ready for JSON."""
        names = {piece: name for name, piece in PIECES.items()}
        parts = [{"piece": names[type(part)], **asdict(part)} for part in self.parts]
        return {"kind": self.kind, "strength": self.strength, "parts": parts}

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> Self:
        """The degradation that `parameters` describes."""
        parts = []
        for record in parameters["parts"]:
            values = {name: value for name, value in record.items() if name != "piece"}
            parts.append(PIECES[record["piece"]](**values))
        return cls(parameters["kind"], tuple(parts), parameters["strength"])


def draw(
    rng: np.random.Generator,
    *,
    model: Model = "mix",
    strength: float = 1.0,
    size_variant: SizeVariant = "512",
    blur_px: int | None = None,
) -> Degradation:
    """One image's degradation.

    Args:
        rng: Of this image; see `degrade`.
        model: "cofe" (each of seven types alike), "cataract", "mix" (one half each), or "gfe_map"
            (GFE-Net's list: each cofe type 1/9, cataract 2/9, with its wider colour ranges).
        strength: Kept in the result; the draws do not depend on it.
        size_variant: The square that the published formulas count pixels on. "512" is cofe-Net's
            own; "1024" is CoMCL's file, where blur is half as wide and large spots are dark.
        blur_px: The square that blur counts pixels on, if that is another one; a smaller square
            blurs more.
    """
    return draw_kind(
        rng,
        _kind(rng, model),
        strength=strength,
        size_variant=size_variant,
        blur_px=blur_px,
        gfe=model == "gfe_map",
    )


def draw_kind(
    rng: np.random.Generator,
    kind: str,
    *,
    strength: float = 1.0,
    size_variant: SizeVariant = "512",
    blur_px: int | None = None,
    gfe: bool = False,
) -> Degradation:
    """A degradation of one of `KINDS`; `gfe` takes GFE-Net's colour ranges."""
    if kind == "cataract":
        # The cataract simulation was published at 512 only; CoMCL's folder does not hold it.
        return Degradation(kind, (Cataract.draw(rng),), strength)
    grid_px = int(size_variant)
    blurred, spotted, lit = (bit == "1" for bit in kind.removeprefix("cofe-"))
    parts: list[Piece] = []
    if lit:
        parts.append(Colour.draw(rng, GFE_FACTORS if gfe else COFE_FACTORS))
        parts += [Halo.draw(rng, grid_px), Hole.draw(rng, grid_px)]
    if spotted:
        parts += draw_spots(rng, grid_px)
    if blurred:
        parts.append(Blur.draw(rng, blur_px or grid_px))
    return Degradation(kind, tuple(parts), strength)


def degrade(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    data_seed: int,
    image_id: str,
    model: Model = "mix",
    strength: float = 1.0,
    size_variant: SizeVariant = "512",
    blur_px: int | None = None,
) -> tuple[np.ndarray, Degradation]:
    """An image as it is degraded in every run: the draw depends on data seed and image id alone.

    Returns:
        The degraded image, uint8 (S, S, 3), and what was done to it.
    """
    rng = generator_for(data_seed, "degrade", image_id)
    degradation = draw(
        rng, model=model, strength=strength, size_variant=size_variant, blur_px=blur_px
    )
    return degradation.apply(image, mask), degradation


def _kind(rng: np.random.Generator, model: Model) -> str:
    """The kind that a model's proportions give."""
    if model == "gfe_map":
        return (*KINDS, "cataract")[rng.integers(len(KINDS) + 1)]
    if model == "cataract" or (model == "mix" and rng.random() < 0.5):
        return "cataract"
    return f"cofe-{COFE_TYPES[rng.integers(len(COFE_TYPES))]}"
