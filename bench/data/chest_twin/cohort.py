"""Who is in the synthetic twin: patients, radiographs, views and findings in NIH's joint mix."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from bench.data.chest_twin.mix import (
    AGAIN,
    AGES,
    COLUMNS,
    IMAGES,
    INITIALS,
    JOINT,
    MALE,
    ORIGINALS,
    SAME_VIEW,
    STILL_NONE,
)
from bench.data.published import NO_FINDING
from bench.seeding import generator_for

PATIENTS = 30_805  # numbers to choose from
ALL_FINDINGS_FROM = 100  # images: below it a finding may be missing
ViewAndFindings = tuple[str, str]  # view, initials


@dataclass(frozen=True)
class Visit:
    """One radiograph to be taken.

    Attributes:
        original: Width, height and pixel spacing (mm) before the picture was made square.
    """

    split: str
    patient: int
    follow_up: int
    age: int
    male: bool
    view: str
    findings: tuple[str, ...]
    original: tuple[int, int, float]

    @property
    def name(self) -> str:
        """NIH's way of naming files."""
        return f"{self.patient:08d}_{self.follow_up:03d}.png"

    @property
    def label(self) -> str:
        """NIH's way of listing findings."""
        return "|".join(self.findings) or NO_FINDING


def kinds(split: str, images: int) -> dict[ViewAndFindings, int]:
    """Numbers of images by view and findings, NIH's mix by largest remainders.

    From 100 images on, a finding that would be missing takes the place of a normal PA view.

    Args:
        images: Their sum.
    """
    column = {view: COLUMNS.index((split, view)) for view in ("PA", "AP")}
    cells = [(view, initials) for view in column for initials in JOINT]
    expected = np.array([JOINT[initials][column[view]] for view, initials in cells], float)
    expected *= images / expected.sum()
    counts = np.floor(expected).astype(int)
    for cell in np.argsort(counts - expected, kind="stable")[: images - counts.sum()]:
        counts[cell] += 1
    out = dict(zip(cells, counts.tolist(), strict=True))
    for initial in INITIALS if images >= ALL_FINDINGS_FROM else ():
        if not any(count for (_, initials), count in out.items() if initial in initials):
            out["PA", ""] -= 1
            out["PA", initial] += 1
    return out


def cohort(train: int, test: int, *, seed: int) -> list[Visit]:
    """All images of both splits in the order of their names; no patient is in both."""
    sizes = {"train": _sizes("train", train, seed), "test": _sizes("test", test, seed)}
    total = sum(len(patient_sizes) for patient_sizes in sizes.values())
    rng = generator_for(seed, "chest numbers")
    numbers = iter(1 + rng.choice(PATIENTS, total, replace=False))
    visits = []
    for split, patient_sizes in sizes.items():
        pool = kinds(split, sum(patient_sizes))
        rng = generator_for(seed, "chest cohort", split)
        for size in patient_sizes:
            visits += _patient(split, int(next(numbers)), size, pool, rng)
    return sorted(visits, key=lambda visit: visit.name)


def _sizes(split: str, images: int, seed: int) -> list[int]:
    """Images of each patient; the last one's are what is left."""
    rng = generator_for(seed, "chest patients", split)
    odds = np.array(IMAGES[split]) / sum(IMAGES[split])
    sizes: list[int] = []
    while sum(sizes) < images:
        size = 1 + int(rng.choice(len(odds), p=odds))
        sizes.append(min(size, images - sum(sizes)))
    return sizes


def _patient(
    split: str, patient: int, size: int, pool: dict[ViewAndFindings, int], rng: np.random.Generator
) -> list[Visit]:
    """A patient's images, taken out of the pool; they are alike."""
    male, age = bool(rng.random() < MALE), float(np.interp(rng.random(), *AGES))
    visits, before = [], None
    for follow_up in range(size):
        cells = [kind for kind, count in pool.items() if count]
        odds = np.array([pool[kind] * (_alike(before, kind) if before else 1.0) for kind in cells])
        view, initials = before = cells[int(rng.choice(len(cells), p=odds / odds.sum()))]
        pool[before] -= 1
        findings = tuple(INITIALS[initial] for initial in initials)
        original = _original(view, rng)
        visits.append(Visit(split, patient, follow_up, int(age), male, view, findings, original))
        age += rng.exponential(0.3)
    return visits


@cache
def _alike(before: ViewAndFindings, kind: ViewAndFindings) -> float:
    odds = SAME_VIEW if before[0] == kind[0] else 1.0
    if before[1] == kind[1] == "":
        return odds * STILL_NONE
    return odds * AGAIN ** len(set(before[1]) & set(kind[1]))


def _original(view: str, rng: np.random.Generator) -> tuple[int, int, float]:
    shapes = list(ORIGINALS[view])
    odds = np.array(list(ORIGINALS[view].values()), float)
    return shapes[int(rng.choice(len(shapes), p=odds / odds.sum()))]
