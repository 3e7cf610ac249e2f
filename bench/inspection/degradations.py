"""One image under every degradation: what `bench degrade IMAGE --out DIR` writes."""

import difflib
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from bench.data.contact_sheet import grid
from bench.data.decode import opened
from bench.data.degradations.chain import KINDS, Degradation, SizeVariant, draw_kind
from bench.data.degradations.radiograph import (
    CORRUPTIONS,
    SEVERITIES,
    RadiographModel,
    draw_radiograph,
)
from bench.data.degradations.radiograph_detail import GRID_PX
from bench.data.field_of_view import crop, find, whole_frame
from bench.errors import RequestError
from bench.seeding import generator_for

MODALITIES = ("fundus", "chest")
DRAWS = {"chain": 8, "fundus_literal": 3}
"""How many draws of each model of radiographs are shown."""


def sheet(image_path: Path, out: Path, *, modality: str, **options: Any) -> list[Path]:
    """The pictures of a modality, "fundus" or "chest"; options and result as of the two below.

    Raises:
        RequestError: for another modality, or if the file is no readable image.
    """
    if modality not in MODALITIES:
        near = difflib.get_close_matches(modality, MODALITIES, n=1, cutoff=0)[0]
        raise RequestError(
            f"--modality {modality}: did you mean {near!r}? Choose one of: {', '.join(MODALITIES)}"
        )
    write = degradation_sheet if modality == "fundus" else radiograph_sheet
    return write(image_path, out, **options)


def degradation_sheet(
    image_path: Path,
    out: Path,
    *,
    strength: float = 1.0,
    size_px: int = 512,
    size_variant: SizeVariant = "512",
    data_seed: int = 0,
) -> list[Path]:
    """Write the clean crop, one PNG per degradation, their parameters and a contact sheet.

    The draws depend on the data seed, the file's name and the kind alone.

    Returns:
        The files: clean.png, one per kind, parameters.json, sheet.png.

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
    title = f"{image_path.name}, strength {strength:g}"
    return _write(out, pictures, parameters, title, list(pictures))


def radiograph_sheet(
    image_path: Path,
    out: Path,
    *,
    strength: float = 1.0,
    size_px: int = 512,
    data_seed: int = 0,
) -> list[Path]:
    """Write a grey square, draws of two models with their parameters, and two contact sheets.

    The draws depend on the data seed, the file's name and their number alone. The second sheet has
    a row per corruption, a column per severity, at the 224 px that its levels were published for.

    Returns:
        The files: clean.png, one per draw, parameters.json, sheet.png, corruptions.png.

    Raises:
        RequestError: if the file is no readable image.
    """
    photograph = _photograph(image_path, "L")
    clean, mask = _square(photograph, size_px)
    pictures, captions, parameters = {"clean": clean}, ["clean"], {}
    models: list[RadiographModel] = ["chain", "fundus_literal"]
    for model in models:
        for number in range(1, DRAWS[model] + 1):
            rng = generator_for(data_seed, "gallery", image_path.name, model, number)
            degradation = draw_radiograph(rng, model=model, strength=strength)
            name = f"{model}-draw-{number}"
            pictures[name] = degradation.apply(clean, mask)
            parameters[name] = degradation.parameters()
            captions.append(_in_words(degradation))
    title = f"{image_path.name}, strength {strength:g}"
    written = _write(out, pictures, parameters, title, captions)
    small, small_mask = _square(photograph, GRID_PX)
    cells = {}
    for corruption in CORRUPTIONS:
        for severity in SEVERITIES:
            degradation = draw_radiograph(
                generator_for(data_seed, "gallery", image_path.name, corruption),
                model="single",
                severity=severity,
                corruption=corruption,
                strength=strength,
            )
            cells[degradation.kind] = degradation.apply(small, small_mask)
    path = out / "corruptions.png"
    return [*written, grid(list(cells.values()), list(cells), len(SEVERITIES), path, title)]


def _square(photograph: np.ndarray, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """A whole frame padded with black to a square of a size, and which pixels show the frame."""
    height, width = photograph.shape[:2]
    frame = whole_frame(width, height)
    return crop(photograph, frame, size_px), frame.mask(size_px)


def _in_words(degradation: Degradation) -> str:
    """A degradation's kind, its pieces and the first parameter of each, without repeats."""
    parts = {}
    for record in degradation.parameters()["parts"]:
        values = [value for name, value in record.items() if name != "piece"][:1]
        parts.setdefault(
            record["piece"], " ".join([record["piece"], *(f"{v:.3g}" for v in values)])
        )
    return f"{degradation.kind}: {', '.join(parts.values())}".replace("_", " ")


def _write(
    out: Path,
    pictures: dict[str, np.ndarray],
    parameters: dict[str, dict],
    title: str,
    captions: list[str],
) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, picture in pictures.items():
        written.append(out / f"{name}.png")
        Image.fromarray(picture).save(written[-1])
    written.append(out / "parameters.json")
    written[-1].write_text(json.dumps(parameters, indent=2) + "\n")
    written.append(grid(list(pictures.values()), captions, 3, out / "sheet.png", title))
    return written


def _photograph(path: Path, mode: Literal["RGB", "L"] = "RGB") -> np.ndarray:
    """A file as uint8 (H, W, 3) RGB; with mode "L" its three channels are its grey."""
    with opened(path) as image:
        return np.asarray(image.convert(mode).convert("RGB"))
