"""What all figures share: the runs of one data set, scored once, and the picture as a result."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench import titles
from bench.evaluation import registry
from bench.evaluation.joint import FILE
from bench.protocol.presets import named_protocol
from bench.reporting.figures import style
from bench.reporting.results.comparability import ComparableRuns, whole
from bench.reporting.results.scores import ScoredRuns, score_runs
from bench.reporting.tables.sections import metrics_of, with_others


@dataclass(frozen=True)
class Picture:
    """A figure with the numbers that it shows.

    Attributes:
        name: Its file name without ending.
        title: What it shows.
        caption: How to read it, and what a reader must know.
        data: The numbers drawn, one row a mark; what a test of a figure looks at.
        figure: Drawn, not yet rendered.
    """

    name: str
    title: str
    caption: str
    data: pd.DataFrame
    figure: Figure = field(compare=False, repr=False)

    def svg(self) -> bytes:
        """As SVG, text as outlines: it looks the same wherever it is shown."""
        return style.to_bytes(self.figure, "svg")

    def png(self) -> bytes:
        """As PNG."""
        return style.to_bytes(self.figure, "png")


class Skipped(NamedTuple):
    """A figure that the records do not hold, and a sentence that says why."""

    name: str
    why: str


class TestPredictions(NamedTuple):
    """What a run predicted of the test split.

    Attributes:
        table: Its rows of `predictions.parquet`.
        labels: (N,) grades, or (N, C) findings.
        probabilities: (N, C).
    """

    table: pd.DataFrame
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def grading(self) -> bool:
        """Whether an image has exactly one class."""
        return self.labels.ndim == 1


@dataclass(frozen=True)
class ScoredStudy:
    """The runs of one data set under one comparability key.

    Attributes:
        group: Their records.
        scored: Their scores, on the same patients.
        metrics: Names of scores with headings, the main one first.
    """

    group: ComparableRuns
    scored: ScoredRuns
    metrics: dict[str, str]

    @classmethod
    def of(cls, group: ComparableRuns) -> "ScoredStudy":
        """Score all runs of a group.

        Raises:
            NotComparable: as `bench.reporting.results.scores.score_runs`.
        """
        metrics = metrics_of(group.records)
        return cls(group, score_runs(group.records, None, tuple(metrics)), metrics)

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """Those with runs, in the order of Table 1, then by name."""
        with_runs = {method for method, _ in self.scored.runs.by_cell}
        rows = with_others(self.group.records)
        return tuple(row.method for row in rows if row.method in with_runs)

    @cached_property
    def ratios(self) -> tuple[str, ...]:
        """Those with runs, native first."""
        with_runs = {ratio for _, ratio in self.scored.runs.by_cell}
        return tuple(sorted(with_runs, key=lambda r: -1.0 if r == "native" else float(r)))

    @property
    def about(self) -> str:
        """The data set, what its images are, and the protocol, for a picture's second line."""
        first, dataset = self.group.records.iloc[0], self.group.dataset
        kind = "" if whole(self.group.records) else ", not all of its images"
        if dataset.endswith("-twin"):
            kind = ", synthetic images: not comparable with the published numbers"
        elif dataset == "folder":
            kind = ", your own images"
        return f"{dataset}{kind} ({named_protocol(first['protocol_name'])}, {first['key']})"

    def title(self, method: str) -> str:
        """A method's title, with a dagger where it has runs of older code."""
        title = titles.of_method(method, self.group.records)
        return f"{title} †" if self.stale(method) else title

    def stale(self, *methods: str) -> bool:
        """Whether one of these has runs of older code."""
        return any(self.scored.stale(m, ratio) for m in methods for ratio in self.ratios)

    def folders(self, method: str, ratio: str) -> dict[int, Path]:
        """Seed -> run folder, by seed; of repeats, the folders of all of their folds."""
        indices = sorted(self.scored.seeds(method, ratio).items())
        members = self.scored.runs.members
        return {seed: folder for _, i in indices for seed, folder in members[i].items()}

    def share(self, ratio: str, split: str = "test") -> float:
        """Share of low-quality images, as achieved; the mean, where runs differ."""
        runs = self.group.records.loc[self.group.records["lq_ratio"] == ratio]
        return float(runs[f"share_{split}"].to_numpy(float).mean())

    def constant(self, metric: str) -> float | None:
        """What the most frequent class for every image scores; None if the records do not tell."""
        chance = registry.named(metric).chance
        if isinstance(chance, str):
            return float(self.group.records[chance].to_numpy(float).mean())
        return chance

    def ratio_with(self, artefact: str) -> str | None:
        """The ratio at which most methods have an artefact, native before others; None if none."""
        counts = {
            ratio: sum(bool(self.artefacts(artefact, m, ratio)) for m in self.methods)
            for ratio in self.ratios
        }
        best = max(counts, key=lambda ratio: counts[ratio], default=None)
        return best if best is not None and counts[best] else None

    def artefacts(self, name: str, method: str, ratio: str) -> dict[int, Path]:
        """Seed -> file, of the runs of a cell that have it."""
        files = {seed: folder / name for seed, folder in self.folders(method, ratio).items()}
        return {seed: file for seed, file in files.items() if file.is_file()}


def read_predictions(folder: Path) -> TestPredictions:
    """The stored predictions of a run's test split."""
    table = pd.read_parquet(folder / FILE)
    table = table.loc[table["split"] == "test"].reset_index(drop=True)
    classes = sum(name.removeprefix("p_").isdigit() for name in table.columns)
    probabilities = table[[f"p_{c}" for c in range(classes)]].to_numpy(np.float64)
    columns = "label" if "label" in table else [f"label_{c}" for c in range(classes)]
    return TestPredictions(table, table[columns].to_numpy(np.int64), probabilities)


def in_words(ratio: str, share: float | None = None) -> str:
    """A ratio, the native one with what it came to if that is given: "native (48%)", "70%"."""
    if ratio != "native":
        return f"{float(ratio):.0%}"
    return ratio if share is None else f"{ratio} ({share:.0%})"


def at_share(ratio: str, share: float) -> str:
    """For a title: "at the native proportion of low-quality images (48%)", "at 70% low quality"."""
    if ratio == "native":
        return f"at the native proportion of low-quality images ({share:.0%})"
    return f"at {float(ratio):.0%} low quality"


def seeds_in_words(numbers: Sequence[int]) -> str:
    """How many seeds stand behind each mark: "3 seeds each", "1 to 3 seeds each"."""
    low, high = min(numbers), max(numbers)
    if low != high:
        return f"{low} to {high} seeds each"
    return "one seed each" if high == 1 else f"{high} seeds each"


DAGGER = "† with runs of older code. "


def dagger_note(study: ScoredStudy, methods: Sequence[str]) -> str:
    """What a caption must say of these methods' runs."""
    return DAGGER if study.stale(*methods) else ""
