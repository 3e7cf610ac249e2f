"""The figures of the benchmark, from records alone: no weights, no images, no torch.

Each module draws one figure: a function that gives the numbers as a table, and `pictures`, which
draws them. `Picture` holds both, so that pages and tests use the numbers and not the pixels.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from bench.errors import RequestError
from bench.reporting.figures import (
    calibration,
    confusion,
    embeddings,
    gallery,
    learning_curves,
    ranks,
    saliency,
    score_curves,
    strips,
)
from bench.reporting.figures.study import Picture, ScoredStudy, Skipped
from bench.reporting.results.comparability import comparable_groups
from bench.reporting.tables.build import NOTHING, ONLY_STUDIES
from bench.store import write_bytes

__all__ = ["FIGURES", "DatasetFigures", "Picture", "Skipped", "draw", "write"]

Draw = Callable[[ScoredStudy], Sequence[Picture | Skipped]]
FIGURES: dict[str, Draw] = {
    "scores": score_curves.pictures,
    "seeds": strips.pictures,
    "learning": learning_curves.pictures,
    "ranks": ranks.pictures,
    "confusion": confusion.pictures,
    "calibration": calibration.pictures,
    "embeddings": embeddings.pictures,
    "saliency": saliency.pictures,
    "degradations": gallery.pictures,
}


TORNADO = (
    "The effect of the open questions of the paper is another figure, of the runs of "
    "a sensitivity study: "
    "`bench sensitivity --only-report --out DIR` draws it."
)


class DatasetFigures(NamedTuple):
    """The figures of one data set: those drawn, and those skipped with a reason."""

    dataset: str
    about: str
    pictures: tuple[Picture, ...]
    skipped: tuple[Skipped, ...]


def draw(
    records: pd.DataFrame, *, protocol: str | None = None, only: Sequence[str] = ()
) -> Iterator[DatasetFigures]:
    """The figures of each data set, the paper's first.

    Args:
        records: One row a run, as `bench.reporting.results.records.load` gives them.
        protocol: Name or comparability key to select; None if there is only one.
        only: Names of FIGURES; empty for all.

    Raises:
        RequestError: for an unknown figure, or without runs to draw from.
        NotComparable: if a data set has runs that must not share a figure.
    """
    for name in only:
        if name not in FIGURES:
            near = difflib.get_close_matches(name, FIGURES, n=1, cutoff=0)[0]
            raise RequestError(
                f"no figure {name!r}: did you mean {near!r}? All: {', '.join(FIGURES)}"
            )
    groups = comparable_groups(records, protocol)
    if not groups:
        nothing = ONLY_STUDIES.format(n=len(records)) if len(records) else NOTHING
        raise RequestError(nothing.replace("bench table", "bench figures"))
    return of_studies((ScoredStudy.of(group) for group in groups), only)


def of_studies(
    studies: Iterable[ScoredStudy], only: Sequence[str] = ()
) -> Iterator[DatasetFigures]:
    """The figures of runs that are scored already; `only` as in `draw`, its names known."""
    drawers = [FIGURES[name] for name in only or FIGURES]
    for study in studies:
        results = [result for drawer in drawers for result in drawer(study)]
        yield DatasetFigures(
            study.group.dataset,
            study.about,
            tuple(result for result in results if isinstance(result, Picture)),
            tuple(result for result in results if isinstance(result, Skipped)),
        )


def write(drawn: DatasetFigures, out: Path) -> list[Path]:
    """Write a data set's pictures to `out/<dataset>/`: SVG, PNG and CSV of each, and index.md."""
    folder = out / drawn.dataset
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for picture in drawn.pictures:
        csv = picture.data.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        contents = {"svg": picture.svg(), "png": picture.png(), "csv": csv.encode()}
        for ending, content in contents.items():
            written.append(folder / f"{picture.name}.{ending}")
            write_bytes(written[-1], content)
    written.append(folder / "index.md")
    write_bytes(written[-1], index(drawn).encode())
    return written


def index(drawn: DatasetFigures) -> str:
    """A page in Markdown: each picture with its caption, and what was skipped and why."""
    parts = [
        f"# Figures of {drawn.about}\n\nDrawn by `bench figures`; the CSV files hold what is shown."
    ]
    for picture in drawn.pictures:
        image = f"![{picture.title}]({picture.name}.svg)"
        parts.append(f"## {picture.title}\n\n{image}\n\n{picture.caption}")
    if drawn.skipped:
        lines = [f"- {name}: {why}" for name, why in drawn.skipped]
        parts.append("## Not drawn\n\n" + "\n".join(lines))
    parts.append(TORNADO)
    return "\n\n".join(parts) + "\n"
