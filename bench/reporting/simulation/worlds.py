"""Simulated worlds whose truth is known: how often are verdicts and claims right about it?

A run answers an image with its own grade, or with probability a with a grade drawn like the labels,
whatever the image's own is. The joint table of labels and answers is then (1 - a) diag(p) + a p p',
whose weighted kappa is 1 - a exactly: a method's true kappa is what was set, and the luck of a
run's training moves it by a number that is set too. Images and patients that are hard are hard
for every run, so that runs err together as real ones do.

Everything is a function of the seed, the world, the repetition and the run, and of nothing else: a
line of the page can be made again by itself.

Letters: N images, C classes, G patients, M runs, S seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from bench.evaluation.influence import JointScores, kappa_influence, sum_by_patient
from bench.evaluation.statistics import Estimate, estimate, first_minus_second, score

SEED = 20261124
SEEDS = (1, 2, 3, 5, 10)
EFFECTS = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)

# EyeQ's test split has 69.9, 8.6, 16.3, 2.8 and 2.4 % of its images in grades 0 to 4.
GRADES = np.array([0.699, 0.086, 0.163, 0.028, 0.024])
SAME_GRADE = 0.8  # of the patients have one grade in both eyes, the others two drawn apart
OF_PATIENT, OF_IMAGE = 0.2, 0.3  # of the variance of what makes a run miss an image
BASE = 0.70  # true kappa of the rival, and of the paper's method

RIVAL, METHOD = 0, 1  # streams of runs
PUBLISHED = max(SEEDS)  # the run of the rival's that stands for the paper's


class World(NamedTuple):
    """What a study may look like.

    Attributes:
        name: For the page.
        patients: G; each has two images.
        seed_sd: Standard deviation of a run's true kappa between seeds.
        repetitions: How often it is drawn.
    """

    name: str
    patients: int
    seed_sd: float
    repetitions: int


WORLDS = (
    World("twin, low seed variance", 812, 0.01, 1000),
    World("twin, high seed variance", 812, 0.025, 1000),
    World("EyeQ, low seed variance", 8124, 0.01, 500),
)


@dataclass(frozen=True)
class SimulatedStudy:
    """One repetition with S seeds of a method and of its rival on the same images.

    Attributes:
        method: Estimate of the method's kappa.
        difference: Method minus rival, paired by seed.
        published: The kappa of one run of the rival's, as a paper prints one.
    """

    method: Estimate
    difference: Estimate
    published: float


@dataclass(frozen=True)
class SimulatedImages:
    """The test split of a world in one repetition.

    Attributes:
        labels: (N,) grades.
        patient: (N,) in 0..G-1.
        hardness: (N,) normal with variance `OF_PATIENT` + `OF_IMAGE`, larger where runs miss.
    """

    labels: np.ndarray
    patient: np.ndarray
    hardness: np.ndarray


def simulate(
    world: World,
    repetition: int,
    effects: Sequence[float] = EFFECTS,
    seeds: Sequence[int] = SEEDS,
) -> dict[tuple[float, int], SimulatedStudy]:
    """One repetition, by effect (true kappa of the method minus the rival's) and number of seeds.

    A run draws the same whatever else is drawn, and its luck whatever the effect.
    """
    images, most = simulate_images(world, repetition), max(seeds)
    planned = [(RIVAL, seed, BASE) for seed in (*range(most), PUBLISHED)]
    rivals = [simulate_grades(world, repetition, images, *plan) for plan in planned]
    result: dict[tuple[float, int], SimulatedStudy] = {}
    shared = scores(images, rivals)
    for effect in effects:
        plans = [(METHOD, seed, BASE + effect) for seed in range(most)]
        of_method = scores(
            images, [simulate_grades(world, repetition, images, *plan) for plan in plans]
        )
        values = np.concatenate([shared.values, of_method.values])
        joint = JointScores(values, np.hstack([shared.per_patient, of_method.per_patient]))
        result |= {(effect, count): _judged(joint, most, count) for count in seeds}
    return result


def simulate_images(world: World, repetition: int) -> SimulatedImages:
    """The images of a repetition: two a patient, mostly of one grade."""
    rng = _rng(world, repetition)
    patients = world.patients
    grades = rng.choice(len(GRADES), size=(patients, 2), p=GRADES)
    alike = rng.random(patients) < SAME_GRADE
    grades[alike, 1] = grades[alike, 0]
    of_patient = np.sqrt(OF_PATIENT) * rng.standard_normal((patients, 1))
    hardness = of_patient + np.sqrt(OF_IMAGE) * rng.standard_normal((patients, 2))
    return SimulatedImages(grades.ravel(), np.repeat(np.arange(patients), 2), hardness.ravel())


def simulate_grades(
    world: World, repetition: int, images: SimulatedImages, stream: int, seed: int, kappa: float
) -> np.ndarray:
    """(N,) grades that one run answers, its true kappa being `kappa` plus its luck.

    Raises:
        ValueError: where that is no share of the images.
    """
    rng = _rng(world, repetition, stream, seed)
    missed = 1 - (kappa + world.seed_sd * rng.standard_normal())
    if not 0 < missed < 1:
        raise ValueError(
            f"a run with kappa {1 - missed:.3f} cannot be simulated: it must be in 0..1"
        )
    noise = np.sqrt(1 - OF_PATIENT - OF_IMAGE) * rng.standard_normal(len(images.labels))
    misses = images.hardness + noise > norm.isf(missed)
    guesses = rng.choice(len(GRADES), size=len(images.labels), p=GRADES)
    return np.where(misses, guesses, images.labels)


def scores(images: SimulatedImages, runs: Sequence[np.ndarray]) -> JointScores:
    """The kappas of M runs, as `bench.evaluation.joint` has them of stored predictions."""
    patients = int(images.patient[-1]) + 1
    influences = [kappa_influence(images.labels, grades, len(GRADES)) for grades in runs]
    sums = [
        sum_by_patient(influence.per_image, images.patient, patients) for influence in influences
    ]
    return JointScores(
        np.array([influence.value for influence in influences]), np.stack(sums, axis=1)
    )


def _judged(joint: JointScores, most: int, seeds: int) -> SimulatedStudy:
    """From `most` runs of the rival, the published one, and `most` of the method."""
    rival = np.arange(seeds)
    method = rival + most + 1
    pairs = np.stack([method, rival], axis=1)
    return SimulatedStudy(
        estimate(joint, method[:, None], score),
        estimate(joint, pairs, first_minus_second(score)),
        float(joint.values[most]),
    )


def _rng(world: World, repetition: int, *of_run: int) -> np.random.Generator:
    """The random numbers of the images, or of one run; the luck's size has no say in them."""
    return np.random.default_rng((SEED, world.patients, repetition, *of_run))
