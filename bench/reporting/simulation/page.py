"""`results/simulated-studies.md`: are verdicts and claims right where the truth is known?"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.evaluation.statistics import FEWEST_SEEDS
from bench.reporting.results.verdicts import DELTA
from bench.reporting.simulation.tally import NOMINAL, Tally, claims, error, is_too_often, tallies
from bench.reporting.simulation.worlds import BASE, OF_IMAGE, OF_PATIENT, SEED, WORLDS, World
from bench.store import write_bytes

NAME = "simulated-studies.md"
VERDICTS = ("EQUIVALENT", "CLOSE", "DIFFERENT", "INCONCLUSIVE")
CLAIM_HEADS = (
    *("effect", "n", "better: supported", "better: contradicted"),
    *("worse: supported", "worse: contradicted", "equivalent: shown", "interval holds the truth"),
)
VERDICT_HEADS = (
    *("effect", "n", *(f"mean: {name}" for name in VERDICTS)),
    *(f"one run: {name}" for name in VERDICTS),
)
POWER = 0.8
# What should be found, and where it is true.
RIGHT: dict[str, tuple[Callable[[Tally], int], Callable[[float], bool]]] = {
    "better": (lambda tally: tally.better["supported"], lambda effect: effect > 0),
    "equivalent": (lambda tally: tally.equivalent, lambda effect: effect < DELTA),
    "verdict EQUIVALENT": (lambda tally: tally.exact["EQUIVALENT"], lambda effect: effect < DELTA),
    "verdict DIFFERENT": (lambda tally: tally.exact["DIFFERENT"], lambda effect: effect > DELTA),
}


def write(out: Path, tick: Callable[[World, int], None] = lambda *_: None) -> Path:
    """Draw all worlds, which takes minutes, and write the page.

    Args:
        out: Folder.
        tick: Told the world and how many of its repetitions are over.
    """
    by_world = [tallies(world, tick=lambda done, w=world: tick(w, done)) for world in WORLDS]
    out.mkdir(parents=True, exist_ok=True)
    write_bytes(out / NAME, page(by_world).encode())
    return out / NAME


def page(worlds: Sequence[Sequence[Tally]]) -> str:
    """The whole page; a function of the tallies alone."""
    parts = [*_head(worlds), "## Wrong too often", *_too_often(worlds)]
    parts += ["## What n can see", *_power(worlds)]
    for of_world in worlds:
        world = of_world[0].world
        parts += [f"## {world.name}: claims and intervals", _grid(CLAIM_HEADS, of_world, claim_row)]
        parts += [f"## {world.name}: verdicts", _grid(VERDICT_HEADS, of_world, verdict_row)]
    return "\n\n".join(parts) + "\n"


def claim_row(tally: Tally) -> list[str]:
    """One line of a table of claims."""
    none = not tally.effect
    cells = [
        _percent(tally.better["supported"], tally, wrong=none),
        _percent(tally.better["contradicted"], tally, wrong=True),
        _percent(tally.worse["supported"], tally, wrong=True),
        _percent(tally.worse["contradicted"], tally, wrong=none),
        _percent(tally.equivalent, tally, wrong=tally.wrong["equivalent"] > 0),
        _percent(tally.covered, tally) if tally.seeds >= FEWEST_SEEDS else "no interval",
    ]
    return [f"{tally.effect:g}", str(tally.seeds), *cells]


def verdict_row(tally: Tally) -> list[str]:
    """One line of a table of verdicts."""
    cells = [
        _percent(verdicts[name], tally, wrong=tally.wrong.get(f"{what}: {name}", 0) > 0)
        for what, verdicts in (("mean", tally.exact), ("one run", tally.one_run))
        for name in VERDICTS
    ]
    return [f"{tally.effect:g}", str(tally.seeds), *cells]


def _head(worlds: Sequence[Sequence[Tally]]) -> list[str]:
    drawn = [
        f"- **{w.name}**: {w.patients} patients with two images each, standard "
        f"deviation between seeds {w.seed_sd:g}, "
        f"{w.repetitions} repetitions"
        for w in (of_world[0].world for of_world in worlds)
    ]
    claim, _ = claims()
    return [
        "# Simulated studies: are the verdicts right?",
        "Made by `bench simulate --out results`; a function of the code and of the seed "
        f"{SEED}. No image and no network: predictions are drawn so that the true kappa of every "
        "method is known, and are then judged by the code that judges real runs.",
        f"The rival, and the paper's method, have a true kappa of {BASE:g}; ours has that plus the "
        "effect. A run's own kappa differs from its method's by luck, normal with the standard "
        "deviation below; the laptop runs of `results/studies/first` had 0.015 to 0.07 at the "
        f"native ratio. Patients and images make up {100 * OF_PATIENT:.0f} and "
        f"{100 * OF_IMAGE:.0f} % of the variance of what makes a run miss.",
        "\n".join(drawn),
        f"Claims are judged as `{claim.id}` is (alpha {claim.alpha:g}, margin {claim.margin:g}, "
        f"none before {claim.seeds} seeds), as a claim of one comparison. Verdicts take delta "
        f"{DELTA:g}. *mean*: the published value is the true mean of the paper's method; *one "
        "run*: it is one run of it, as papers print, and right or wrong is then said of the "
        "method, not of the number that this run happened to give. Wrong is: a side where there "
        "is no difference, or the other side; EQUIVALENT at an effect of delta or more; "
        "DIFFERENT at an effect of delta or less; CLOSE, which says that the values differ, at no "
        "effect. INCONCLUSIVE and undecided are never wrong.",
        "Figures are percentages ± one Monte-Carlo standard error; 0 is none of all repetitions, "
        "which of 1,000 means below 0.3 with 95 % confidence. What is wrong is in italics, and in "
        f"bold where it is above {100 * NOMINAL:.0f} % by more than two standard errors.",
    ]


def _too_often(worlds: Sequence[Sequence[Tally]]) -> list[str]:
    """Each statement that is wrong above the nominal level, and the coverage of the intervals."""
    lines = (*_faults(worlds), *_coverages(worlds))
    return [
        "\n".join(f"- {line}" for line in lines),
        "How to read it. A verdict is on the number that was printed. Where that is one run, its "
        "luck is in none of our intervals but the prediction interval that DIFFERENT asks for, so "
        "that CLOSE may be said of two methods that are alike, and the more surely the more seeds "
        "ours has: it says that the numbers differ, not that the methods do. At an effect of delta "
        "both EQUIVALENT and DIFFERENT count as wrong, the one or the other being only just so. "
        "Two seeds have no interval: before that rule as few as 91 % of theirs held the truth "
        "(results/LOG.md). Where "
        "patients are most of what varies, intervals are wider than they need be: the spread of "
        "seeds holds patients' noise that is counted again.",
    ]


def _faults(worlds: Sequence[Sequence[Tally]]) -> Iterator[str]:
    everything = [tally for of_world in worlds for tally in of_world]
    for name in everything[0].wrong:
        worst = max(everything, key=lambda tally: tally.wrong[name] / tally.count)
        bad = [tally for tally in everything if is_too_often(tally.wrong[name], tally.count)]
        most = f"{_percent(worst.wrong[name], worst)} % ({_place(worst)})"
        if not bad:
            yield f"{name}: nowhere; at most {most}"
            continue
        effects = _listed(sorted({tally.effect for tally in bad}))
        seeds = _listed(sorted({tally.seeds for tally in bad}))
        yield (
            f"**{name}**: in {len(bad)} of {len(everything)} places, with effect {effects} and n "
            f"{seeds}; at most {most}"
        )


def _coverages(worlds: Sequence[Sequence[Tally]]) -> Iterator[str]:
    """The lowest and the highest over the effects, by number of seeds."""
    for of_world in worlds:
        by_seeds = []
        for seeds in sorted({t.seeds for t in of_world if t.seeds >= FEWEST_SEEDS}):
            proportions = [t.covered / t.count for t in of_world if t.seeds == seeds]
            by_seeds.append(
                f"{100 * min(proportions):.1f} to {100 * max(proportions):.1f} (n = {seeds})"
            )
        yield (
            f"95 % intervals in {of_world[0].world.name} hold the truth in "
            f"{', '.join(by_seeds)} % of the repetitions"
        )


def _power(worlds: Sequence[Sequence[Tally]]) -> list[str]:
    """By world and n, at which effects each true thing is found often enough."""
    heads = ("world", "n", *RIGHT)
    rows = [heads, ("---", "--:", *("---" for _ in RIGHT))]
    for of_world in worlds:
        for seeds in sorted({tally.seeds for tally in of_world}):
            of_n = [tally for tally in of_world if tally.seeds == seeds]
            cells = [_found(of_n, *right) for right in RIGHT.values()]
            rows.append((of_world[0].world.name, str(seeds), *cells))
    explanation = (
        "One and two seeds have no interval, so that nothing is ever said. The effects at which a "
        f"true statement is found in {100 * POWER:.0f} % of the repetitions or more; the "
        "statement is true at effects above 0 (better), below delta (equivalent, EQUIVALENT) and "
        "above delta (DIFFERENT)."
    )
    return [explanation, _lines(rows)]


def _found(
    of_seeds: Sequence[Tally], count_found: Callable[[Tally], int], is_true: Callable[[float], bool]
) -> str:
    effects = [
        t.effect for t in of_seeds if is_true(t.effect) and count_found(t) / t.count >= POWER
    ]
    return _listed(effects) if effects else "none"


def _grid(
    heads: Sequence[str], of_world: Sequence[Tally], row: Callable[[Tally], list[str]]
) -> str:
    return _lines([heads, ["--:"] * len(heads), *(row(tally) for tally in of_world)])


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _percent(count: int, tally: Tally, *, wrong: bool = False) -> str:
    if not count:
        return "0"
    text = f"{100 * count / tally.count:.1f} ± {100 * error(count, tally.count):.1f}"
    if wrong and is_too_often(count, tally.count):
        return f"**{text}**"
    return f"*{text}*" if wrong else text


def _place(tally: Tally) -> str:
    return f"{tally.world.name}, effect {tally.effect:g}, n = {tally.seeds}"


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
