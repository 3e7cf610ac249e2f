"""Where a run looks: a few test images with its saliency map over them, in the page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from bench.reporting.figures import images, saliency
from bench.reporting.figures.study import answers
from bench.reporting.report.embedded import jpeg

MOST = 4


class Look(NamedTuple):
    """One image: what it is, and its picture as a data address."""

    text: str
    source: str


class Looks(NamedTuple):
    """A run's images; `why` says what is missing of them."""

    seed: int
    looks: tuple[Look, ...]
    why: str


class Camera:
    """Draws a twin's images again, each once for all methods."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[Any, ...], images.Shown] = {}

    def looks(self, files: Mapping[int, Path], dataset: str) -> Looks | None:
        """The first run's images under its maps; None where no run holds maps.

        Args:
            files: Seed -> `saliency.npz`, of one cell.
            dataset: Its name.
        """
        if not files:
            return None
        seed, file = next(iter(files.items()))
        maps = saliency.read(file)
        rows = {row["image_id"]: row for row in answers(file.parent).table.to_dict("records")}
        spec = json.loads((file.parent / "spec.json").read_text())["spec"]
        protocol, origin = images.protocol_of(spec["protocol"]), spec["manifest"]["origin"]
        why = images.why_not(dataset, origin, protocol)
        looks = []
        for name in maps.image_ids[:MOST]:
            place = (dataset, name, rows[name]["degraded"], json.dumps(origin, sort_keys=True))
            if not why and place not in self._drawn:
                self._drawn[place] = images.drawn_again(dataset, rows[name], origin, protocol)
            shown = None if why else self._drawn[place]
            over = images.with_map(shown, maps.of(name))
            text = f"{name}, {'degraded' if rows[name]['degraded'] else 'not degraded'}"
            looks.append(Look(text, jpeg(Image.fromarray(over))))
        return Looks(seed, tuple(looks), why)
