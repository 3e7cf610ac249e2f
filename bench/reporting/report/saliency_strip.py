"""Where a run looks: a few test images with its saliency map over them, in the page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from bench.reporting.figures import images, saliency
from bench.reporting.figures.study import read_predictions
from bench.reporting.report.embedded import jpeg

MOST = 4


class SaliencyImage(NamedTuple):
    """One image: what it is, and its picture as a data address."""

    text: str
    source: str


class SaliencyStrip(NamedTuple):
    """A run's images; `why` says what is missing of them."""

    seed: int
    images: tuple[SaliencyImage, ...]
    why: str


class StripMaker:
    """Draws a twin's images again, each once for all methods."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[Any, ...], images.FramedImage] = {}

    def strip(self, files: Mapping[int, Path], dataset: str) -> SaliencyStrip | None:
        """The first run's images under its maps; None where no run holds maps.

        Args:
            files: Seed -> `saliency.npz`, of one cell.
            dataset: Its name.
        """
        if not files:
            return None
        seed, file = next(iter(files.items()))
        maps = saliency.read(file)
        rows = {
            row["image_id"]: row for row in read_predictions(file.parent).table.to_dict("records")
        }
        spec = json.loads((file.parent / "spec.json").read_text())["spec"]
        protocol = images.protocol_of(spec)
        origin = spec["manifest"].get("origin") or {}
        why = images.why_not(dataset, origin, protocol)
        pictures = []
        for name in maps.image_ids[:MOST]:
            key = (dataset, name, rows[name]["degraded"], json.dumps(origin, sort_keys=True))
            if not why and key not in self._drawn:
                self._drawn[key] = images.regenerated(dataset, rows[name], origin, protocol)
            framed = None if why else self._drawn[key]
            overlaid = images.with_map(framed, maps.of(name))
            text = f"{name}, {'degraded' if rows[name]['degraded'] else 'not degraded'}"
            pictures.append(SaliencyImage(text, jpeg(Image.fromarray(overlaid))))
        return SaliencyStrip(seed, tuple(pictures), why)
