"""What verdicts and claims say of simulated studies, counted, and how often it is wrong."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.reporting.claims.files import Claim, load_claims
from bench.reporting.claims.judge import is_negligible, ruling
from bench.reporting.results.verdicts import DELTA, verdict_name
from bench.reporting.simulation.worlds import BASE, EFFECTS, SEEDS, SimulatedStudy, World, simulate

CLAIM = "best-in-each-column"  # whose rule and margin a claim of one comparison is judged by
NOMINAL = 0.05


@dataclass
class Tally:
    """The answers on one effect with one number of seeds.

    Attributes:
        world: Where.
        effect: True kappa of ours minus the rival's, or the paper's method's.
        seeds: S.
        better: Verdicts on "ours is better than the rival".
        worse: Verdicts on "ours is worse than the rival".
        equivalent: How often the two are shown to be within the margin.
        exact: Verdicts where the published value is the true mean of the paper's method.
        one_run: Verdicts where it is one run of it, on the same images.
        covered: How often the 95 % interval of the difference holds the truth.
        count: Of repetitions.
    """

    world: World
    effect: float
    seeds: int
    better: Counter[str] = field(default_factory=Counter)
    worse: Counter[str] = field(default_factory=Counter)
    equivalent: int = 0
    exact: Counter[str] = field(default_factory=Counter)
    one_run: Counter[str] = field(default_factory=Counter)
    covered: int = 0
    count: int = 0

    def add(self, study: SimulatedStudy, better: Claim, worse: Claim) -> None:
        """Count one repetition."""
        difference = study.difference
        self.count += 1
        self.better[_ruled(better, study)] += 1
        self.worse[_ruled(worse, study)] += 1
        self.equivalent += difference.seeds >= better.seeds and is_negligible(better, difference)
        self.exact[verdict_name(study.method, BASE)] += 1
        self.one_run[verdict_name(study.method, study.published)] += 1
        interval = difference.interval()
        self.covered += interval is not None and interval.low <= self.effect <= interval.high

    @property
    def wrong(self) -> dict[str, int]:
        """How often each statement is not true.

        A side that is not the true one, or any where there is no difference; equivalence from delta
        on; DIFFERENT up to delta; and CLOSE, which says that two values differ, at no effect. A
        verdict on one run is held against the paper's method, not against what that run gave.
        """
        none, small, large = not self.effect, self.effect <= DELTA, self.effect >= DELTA
        better, worse = self.better, self.worse
        wrong = {
            "better": better["contradicted"] + none * better["supported"],
            "worse": worse["supported"] + none * worse["contradicted"],
            "equivalent": large * self.equivalent,
        }
        for name, verdicts in (("mean", self.exact), ("one run", self.one_run)):
            wrong[f"{name}: EQUIVALENT"] = large * verdicts["EQUIVALENT"]
            wrong[f"{name}: CLOSE"] = none * verdicts["CLOSE"]
            wrong[f"{name}: DIFFERENT"] = small * verdicts["DIFFERENT"]
        return wrong


def tallies(
    world: World,
    effects: Sequence[float] = EFFECTS,
    seeds: Sequence[int] = SEEDS,
    tick: Callable[[int], None] = lambda _: None,
) -> list[Tally]:
    """The answers of a world, by effect and then by number of seeds.

    Args:
        world: Where.
        effects: Of which.
        seeds: Numbers of them.
        tick: Told how many repetitions are over.
    """
    better, worse = claims()
    by_place = {
        (effect, count): Tally(world, effect, count) for effect in effects for count in seeds
    }
    for repetition in range(world.repetitions):
        for condition, study in simulate(world, repetition, effects, seeds).items():
            by_place[condition].add(study, better, worse)
        tick(repetition + 1)
    return list(by_place.values())


def claims() -> tuple[Claim, Claim]:
    """Of "better" and of "worse", by the rule of the committed claim, each of one comparison."""
    better = next(claim for claim in load_claims() if claim.id == CLAIM)
    return better, better.model_copy(update={"side": "less"})


def error(count: int, of: int) -> float:
    """Monte-Carlo standard error of a share."""
    proportion = count / of
    return float(np.sqrt(proportion * (1 - proportion) / of))


def is_too_often(count: int, of: int) -> bool:
    """Whether a share is above the nominal one by more than two of its standard errors."""
    return count / of - 2 * error(count, of) > NOMINAL


def _ruled(claim: Claim, study: SimulatedStudy) -> str:
    """As `bench.reporting.claims.judge` judges a claim of one comparison."""
    difference = study.difference
    p = difference.p_value() if difference.seeds >= claim.seeds else None
    return "undecided" if p is None else ruling(claim, difference, p)
