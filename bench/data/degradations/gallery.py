"""One photograph under every degradation: what `bench degrade IMAGE --out DIR` writes."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from bench.data.degradations.chain import KINDS, SizeVariant, draw_kind
from bench.data.field_of_view import crop, find
from bench.data.sheets import grid
from bench.errors import RequestError
from bench.seeding import generator_for


def degradation_sheet(
    image_path: Path,
    out: Path,
    *,
    strength: float = 1.0,
    size_px: int = 512,
    size_variant: SizeVariant = "512",
    data_seed: int = 0,
) -> list[Path]:
    """Write the clean crop, one PNG a degradation, their parameters and a contact sheet.

    The draws depend on the data seed, the file's name and the kind alone.

    Returns:
        The files: clean.png, one a kind, parameters.json, sheet.png.

    Raises:
        RequestError: if the file is no readable image.
    """
    photograph = _photograph(image_path)
    field = find(photograph)
    clean, mask = crop(photograph, field, size_px), field.mask(size_px)
    pictures, parameters = {"clean": clean}, {}
    for kind in KINDS:
        rng = generator_for(data_seed, "gallery", image_path.name, kind)
        degradation = draw_kind(rng, kind, strength=strength, size_variant=size_variant)
        pictures[kind] = degradation.apply(clean, mask)
        parameters[kind] = degradation.parameters()
    return _write(out, pictures, parameters, f"{image_path.name}, strength {strength:g}")


def _write(
    out: Path, pictures: dict[str, np.ndarray], parameters: dict[str, dict], title: str
) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, picture in pictures.items():
        written.append(out / f"{name}.png")
        Image.fromarray(picture).save(written[-1])
    written.append(out / "parameters.json")
    written[-1].write_text(json.dumps(parameters, indent=2) + "\n")
    written.append(grid(list(pictures.values()), list(pictures), 3, out / "sheet.png", title))
    return written


def _photograph(path: Path) -> np.ndarray:
    """A file as uint8 (H, W, 3) RGB."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise RequestError(
            f"{path}: no readable image ({error}); give a JPEG, PNG or TIFF photograph"
        ) from error
