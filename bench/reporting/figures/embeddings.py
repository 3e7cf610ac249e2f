"""The paper's Figure 1: the four levels of patches as pretraining arranges them.

A t-SNE shows neighbourhoods and can show clusters that are not there; so each panel carries what
was measured in the space of features itself.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.reporting.figures import style
from bench.reporting.figures.separation import NEIGHBOURS, QUESTIONS, measures
from bench.reporting.figures.study import (
    Picture,
    ScoredStudy,
    Skipped,
    at_share,
    dagger_note,
    seeds_in_words,
)

NAME, FILE = "embeddings", "embeddings.npz"
MEASURES = "embedding-measures"
NOTHING = (
    "no run holds embeddings.npz: none of a method that pretrains on patches or views; "
    "bench sweep --table 2 runs some"
)
GENERAL, ON_LESIONS, PROPOSED = ("moco",), ("lesion-base-cl", "comcl-no-multilevel"), ("comcl",)
"""The panels of the paper's figure: general, on lesions whatever their quality, and proposed."""

PERPLEXITY = 30.0
LEVELS = (
    ("lesion, high quality", "o", True, style.VERMILION),
    ("lesion, low quality", "o", False, style.VERMILION),
    ("healthy, high quality", "s", True, style.BLUE),
    ("healthy, low quality", "s", False, style.BLUE),
)
CAPTION = (
    "After the paper's Figure 1: test patches of the four levels ({counts}), features of the "
    "pretrained encoder before fine-tuning, t-SNE of seed {seed} (perplexity {perplexity:g}). "
    "Below each panel, measured on the {components} principal components of the features, not on "
    "the picture, mean over n seeds: silhouette (0: overlapping) and purity, the proportion of the "
    "{neighbours} nearest neighbours of the same class (chance {chance:.2f}); classes count alike. "
    "{dagger}"
)
CAPTION_MEASURES = (
    "Each ring is one run, the line their mean; features of the pretrained encoder before "
    "fine-tuning. Silhouette: 0 where classes overlap, 1 where they stand apart. "
    "Purity: proportion of "
    "the {neighbours} nearest neighbours of the same class, chance dotted; classes count alike. A "
    "good encoder for low-quality images is high on the left and low on the right. {dagger}"
)


class Embedding(NamedTuple):
    """One run's `embeddings.npz`: (N,) level codes and (N, D) features."""

    level: np.ndarray
    feature: np.ndarray


def pictures(study: ScoredStudy) -> list[Picture | Skipped]:
    """The t-SNE of up to three methods, and the measures of all that pretrain."""
    ratio = study.ratio_with(FILE)
    if ratio is None:
        return [Skipped(NAME, NOTHING)]
    data = measured(study, ratio)
    return [_levels(study, ratio, data), _measures(study, ratio, data)]


def measured(study: ScoredStudy, ratio: str) -> pd.DataFrame:
    """One row a run with embeddings: method, seed, patches, components, and `measures` of them."""
    rows = []
    for method in study.methods:
        for seed, file in study.artefacts(FILE, method, ratio).items():
            embedding = read(file)
            sizes = {"patches": len(embedding.level), "components": embedding.feature.shape[1]}
            run = {"method": method, "ratio": ratio, "seed": seed}
            rows.append({**run, **sizes, **measures(embedding.feature, embedding.level)})
    return pd.DataFrame(rows)


def read(file: Path) -> Embedding:
    """The levels and features of a run."""
    with np.load(file) as held:
        return Embedding(held["level"].astype(np.int64), held["feature"].astype(np.float64))


def on_a_plane(feature: np.ndarray) -> np.ndarray:
    """(N, D) features as (N, 2) by t-SNE, the same for the same features.

    The exact gradients on one thread: sums over threads come out in another order each time.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(PERPLEXITY, (len(feature) - 1) / 3)
    start = feature[:, :2] / max(feature[:, 0].std(), np.finfo(float).tiny) * 1e-4
    with threadpool_limits(1):
        plane = TSNE(perplexity=perplexity, init=start, method="exact", random_state=0)
        return plane.fit_transform(feature)


def shown(methods: set[str]) -> list[str]:
    """Of the methods with embeddings, those of the figure's panels; without any of them, all."""
    panels = [next((m for m in group if m in methods), "") for group in _GROUPS]
    return [method for method in panels if method] or sorted(methods)[:3]


_GROUPS = (GENERAL, ON_LESIONS, PROPOSED)


def _levels(study: ScoredStudy, ratio: str, data: pd.DataFrame) -> Picture:
    methods = shown(set(data["method"]))
    title = f"Patches as pretraining arranges them {at_share(ratio, study.share(ratio))}"
    with style.styled():
        figure, all_axes = style.panels(len(methods), columns=3, width=2.8, height=3.1)
        for axes, method in zip(all_axes, methods, strict=True):
            file = study.artefacts(FILE, method, ratio)[seed_of(study, method, ratio)]
            _scatter(axes, read(file))
            of_method = data.loc[data["method"] == method]
            style.panel_title(axes, f"{study.title(method)} (n={len(of_method)})", letters=32)
            axes.set_xlabel(_in_numbers(of_method), fontsize=7, loc="left")
        figure.legend(
            handles=[_mark(*level) for level in LEVELS], loc="outside lower left",
            ncols=2 if len(methods) < 3 else 4, frameon=False, handletextpad=0.2,
        )  # fmt: skip
        style.heading(figure, title, study.about)
    level = read(study.artefacts(FILE, methods[0], ratio)[seed_of(study, methods[0], ratio)]).level
    counts = np.bincount(level, minlength=4)
    of_method = data.loc[data["method"].isin(methods)]
    caption = CAPTION.format(
        counts="; ".join(f"{name[0]}: {n}" for n, name in zip(counts, LEVELS, strict=True)),
        seed=seed_of(study, methods[0], ratio),
        perplexity=PERPLEXITY,
        components=of_method["components"].max(),
        neighbours=NEIGHBOURS,
        chance=_mean(of_method, "chance_lesion"),
        dagger=dagger_note(study, methods),
    )
    return Picture(NAME, title, caption.strip(), of_method.reset_index(drop=True), figure)


def seed_of(study: ScoredStudy, method: str, ratio: str) -> int:
    """The seed whose embedding is drawn: the lowest."""
    return next(iter(study.artefacts(FILE, method, ratio)))


def _scatter(axes: Axes, embedding: Embedding) -> None:
    plane = on_a_plane(embedding.feature)
    for code, (_, marker, filled, colour) in enumerate(LEVELS):
        points = plane[embedding.level == code]
        face = colour if filled else "none"
        axes.plot(*points.T, marker, ms=3.2, mfc=face, mec=colour, mew=0.7, alpha=0.85)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_box_aspect(1)
    axes.spines[:].set_visible(True)


def _mark(name: str, marker: str, filled: bool, colour: str) -> Line2D:
    face = colour if filled else "none"
    return Line2D([], [], marker=marker, ls="", mfc=face, mec=colour, ms=5, label=name)


def _in_numbers(of_method: pd.DataFrame) -> str:
    """The measures of one method, a line a question."""
    lines = []
    for question, text in QUESTIONS.items():
        first, second = (_mean(of_method, f"{m}_{question}") for m in ("silhouette", "purity"))
        lines.append(f"{text}: silhouette {_number(first)}, purity {_number(second)}")
    return "\n".join(lines)


def _mean(data: pd.DataFrame, name: str) -> float:
    return float(data[name].to_numpy(float).mean())


def _number(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{round(value, 2) + 0.0:.2f}"


def _measures(study: ScoredStudy, ratio: str, data: pd.DataFrame) -> Picture:
    title = "Do lesions stand apart, and does quality not? All pretrained encoders"
    methods = [method for method in study.methods if method in set(data["method"])]
    with style.styled():
        figure, all_axes = style.panels(
            4, columns=4, width=2.1, height=0.9 + 0.24 * len(methods), sharey=True
        )
        names = [f"{measure}_{q}" for q in QUESTIONS for measure in ("silhouette", "purity")]
        for axes, name in zip(all_axes, names, strict=True):
            _dots(axes, data, name, methods)
        style.name_rows(all_axes, map(study.title, methods))
        style.heading(figure, title, study.about)
    caption = CAPTION_MEASURES.format(neighbours=NEIGHBOURS, dagger=dagger_note(study, methods))
    seeds = f"{seeds_in_words(data.groupby('method').size().tolist())}."
    return Picture(MEASURES, title, f"{caption.strip()} {seeds.capitalize()}", data, figure)


def _dots(axes: Axes, data: pd.DataFrame, name: str, methods: list[str]) -> None:
    measure, question = name.split("_")
    axes.set_title(f"{QUESTIONS[question]}:\n{measure}", loc="left", fontsize=8)
    chance = 0.0 if measure == "silhouette" else _mean(data, f"chance_{question}")
    if np.isfinite(chance):
        axes.axvline(chance, color=style.GREY, lw=0.8, ls=":")
    for row, method in enumerate(methods):
        values = data.loc[data["method"] == method, name].to_numpy()
        colour = style.method_style(method).colour
        axes.plot(values, [row] * len(values), "o", ms=3.5, mfc="none", mec=colour, mew=0.9)
        axes.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=colour, lw=1.6)
