"""The paper's Figure 3: where each method looks, with the lesions and the pointing game's score."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from bench.evaluation.influence import JointScores, mean_influence, sum_by_patient
from bench.evaluation.statistics import Estimate, estimate, score
from bench.reporting.figures import images, style
from bench.reporting.figures.study import (
    Picture,
    ScoredStudy,
    Skipped,
    at_share,
    dagger_note,
    read_predictions,
)

NAME, FILE = "saliency", "saliency.npz"
NOTHING = (
    "no run holds saliency.npz, which runs write since version 0.2; run again with bench sweep"
)
IMAGES = 6
CELL = 1.0
"""Side of a cell, inches."""

CAPTION = (
    "After the paper's Figure 3: maps of seed {seed} on the same {n} test images, each from its "
    "lowest value (clear) to its highest (yellow); a method's own attention where it has one, "
    "else Grad-CAM; blocks are the cells of a coarse map. {boxes}Beside each name, over all "
    "{boxed} test images with lesion boxes: how often the map's peak lies on a lesion, mean over n "
    "seeds ± half of the 95 % interval over seeds and patients (none for one seed); a random point "
    "of {field} hits {chance:.2f} of the time. {flat}{not_drawn}{dagger}"
)
NO_GAME = (
    "After the paper's Figure 3: maps of seed {seed} on the same {n} test images, from lowest "
    "(clear) to highest (yellow). No test image has lesion boxes, so there is no pointing game. "
    "{flat}{not_drawn}{dagger}"
)
FIELDS = ("the field of view", "the disc that the image's sides touch")
"""Where a random point lies, in a photograph and in a radiograph."""

FLAT = "Flat: a map that is the same everywhere; its first cell counts as its peak. "
BOXES = "Boxes: the synthetic lesions. "


class Maps(NamedTuple):
    """One run's `saliency.npz`."""

    image_ids: list[str]
    maps: np.ndarray
    pointed: list[str]
    hit: np.ndarray
    chance: np.ndarray

    def of(self, image_id: str) -> np.ndarray:
        """(h, w), one image's."""
        return self.maps[self.image_ids.index(image_id)]


def pictures(study: ScoredStudy) -> list[Picture | Skipped]:
    """One picture, a row a method."""
    ratio = study.ratio_with(FILE)
    if ratio is None:
        return [Skipped(NAME, NOTHING)]
    methods = [m for m in study.methods if study.artefacts(FILE, m, ratio)]
    first = {m: next(iter(study.artefacts(FILE, m, ratio).items())) for m in methods}
    held = {m: read(file) for m, (_, file) in first.items()}
    common = [i for i in held[methods[0]].image_ids if all(i in h.image_ids for h in held.values())]
    if not common:
        return [Skipped(NAME, "the runs' saliency.npz have no image in common")]
    framed, why = _images(first[methods[0]][1].parent, study.group.dataset, common[:IMAGES])
    games = pointing(study, ratio)
    title = f"Where each method looks {at_share(ratio, study.share(ratio))}"
    if games[0].images:
        title += f"; a random point would hit {games[0].chance:.2f}"
    with style.styled():
        figure = _figure(study, games, held, common[:IMAGES], framed)
        style.heading(figure, title, study.about)
    caption = (CAPTION if games[0].images else NO_GAME).format(
        seed=first[methods[0]][0],
        n=len(common[:IMAGES]),
        boxes=BOXES if framed else "",
        boxed=games[0].images,
        chance=games[0].chance,
        field=FIELDS["chest" in study.group.records.iloc[0]["protocol"]],
        flat=FLAT if any(flat(h.of(i)) for h in held.values() for i in common[:IMAGES]) else "",
        not_drawn=images.NO_IMAGES.format(why=why) if why else "",
        dagger=dagger_note(study, methods),
    )
    return [Picture(NAME, title, caption.strip(), pd.DataFrame(games), figure)]


def read(file: Path) -> Maps:
    """The maps and hits of a run."""
    with np.load(file) as held:
        names = ([str(i) for i in held[name]] for name in ("image_id", "pointed_id"))
        image_ids, pointed = names
        return Maps(image_ids, held["map"].astype(float), pointed, held["hit"], held["chance"])


def flat(saliency_map: np.ndarray) -> bool:
    """Whether a map says nothing."""
    return float(np.ptp(saliency_map)) == 0


class PointingScore(NamedTuple):
    """A method's pointing game over n seeds.

    Attributes:
        hits: Share of the images with boxes; nan without any.
        low: End of its 95 % interval, nan where there is none; so is `high`.
        chance: What a random point scores; nan without boxes.
        images: How many have boxes.
    """

    method: str
    ratio: str
    hits: float
    low: float
    high: float
    chance: float
    images: int
    n: int


def pointing(study: ScoredStudy, ratio: str) -> list[PointingScore]:
    """Of every method with maps at a ratio."""
    rows = []
    for method in study.methods:
        files = list(study.artefacts(FILE, method, ratio).values())
        if not files:
            continue
        held = [read(file) for file in files]
        rate = hit_rate(held, _patients(files[0].parent))
        low, high = (rate.interval() if rate else None) or (np.nan, np.nan)
        value, chance = (rate.value, held[0].chance.mean()) if rate else (np.nan, np.nan)
        sizes = (len(held[0].pointed), len(held))
        rows.append(PointingScore(method, ratio, value, low, high, float(chance), *sizes))
    return rows


def hit_rate(held: list[Maps], patients: dict[str, str]) -> Estimate | None:
    """The pointing game's score over seeds and patients; None without boxed images.

    Args:
        held: One a seed, of the same images.
        patients: Of each image.
    """
    if not held[0].pointed:
        return None
    of_patient = [patients[image] for image in held[0].pointed]
    names, index = np.unique(of_patient, return_inverse=True)
    terms = [mean_influence(maps.hit) for maps in held]
    sums = [sum_by_patient(term.per_image, index, len(names)) for term in terms]
    joint = JointScores(np.array([term.value for term in terms]), np.stack(sums, axis=1))
    return estimate(joint, np.arange(len(held))[:, None], score)


def _patients(folder: Path) -> dict[str, str]:
    table = read_predictions(folder).table
    return dict(zip(table["image_id"], table["patient_id"], strict=True))


def _images(
    folder: Path, dataset: str, names: list[str]
) -> tuple[dict[str, images.FramedImage], str]:
    """The images by name where they can be drawn again, else none and why."""
    spec: dict[str, Any] = json.loads((folder / "spec.json").read_text())["spec"]
    origin = spec["manifest"].get("origin") or {}
    protocol = images.protocol_of(spec)
    why = images.why_not(dataset, origin, protocol)
    if why:
        return {}, why
    rows = {row["image_id"]: row for row in read_predictions(folder).table.to_dict("records")}
    framed = {n: images.regenerated(dataset, rows[n], origin, protocol) for n in names}
    return framed, ""


def _figure(
    study: ScoredStudy,
    games: list[PointingScore],
    held: dict[str, Maps],
    names: list[str],
    framed: dict[str, images.FramedImage],
) -> Figure:
    """A column an image, a row a method; the images themselves on top where there are any."""
    rows = [*([None] if framed else []), *games]
    figure = style.new_figure(1.75 + CELL * len(names), style.HEADING + CELL * len(rows))
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.0)
    grid = figure.subplots(len(rows), len(names), squeeze=False)
    for line, game in zip(grid, rows, strict=True):
        for axes, name in zip(line, names, strict=True):
            _cell(axes, framed.get(name), held[game.method].of(name) if game else None)
        text = _label(study, game) if game else "test image,\nlesions boxed"
        weight = "bold" if game and game.method == "comcl" else "normal"
        placed = {"rotation": 0, "ha": "right", "va": "center", "labelpad": 4}
        line[0].set_ylabel(text, fontsize=7, fontweight=weight, **placed)
    return figure


def _cell(axes: Axes, framed: images.FramedImage | None, saliency_map: np.ndarray | None) -> None:
    """An image, a map over it in grey, or where there is no image the map alone."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.imshow(images.with_map(framed, saliency_map), extent=(0, 1, 1, 0), interpolation="none")
    if saliency_map is not None and flat(saliency_map):
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.text(0.5, 0.95, "flat", ha="center", va="bottom", fontsize=6.5, bbox=ground)
    if framed is None:
        return
    corners = [
        [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        for x0, y0, x1, y1 in framed.boxes / framed.image.shape[0]
    ]
    if corners:
        outline = Outline.make_compound_path(
            *(Outline(saliency_map, closed=True) for saliency_map in corners)
        )
        for colour, width in (("black", 0.9), ("white", 0.4)):
            axes.add_patch(PathPatch(outline, fill=False, ec=colour, lw=width))


def _label(study: ScoredStudy, game: PointingScore) -> str:
    title = study.title(game.method).replace(", ", ",\n")
    if np.isnan(game.hits):
        return title
    spread = "" if np.isnan(game.low) else f" ± {(game.high - game.low) / 2:.2f}"
    return f"{title}\nhits {game.hits:.2f}{spread} (n={game.n})"
