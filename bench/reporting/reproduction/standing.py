"""Each published number with the verdict on it, whether anything was run or not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bench.experiments import EXPERIMENTS, SEEDS, Experiment, ExperimentRow
from bench.reporting.figures.study import Study
from bench.reporting.results.comparability import whole
from bench.reporting.results.published import DATASETS, NATIVE_RATIO, READABLE, published
from bench.reporting.results.runs import Runs
from bench.reporting.results.scores import ScoredRuns
from bench.reporting.results.verdicts import Verdict
from bench.reporting.tables.cells import PAPERS_NAME, verdicts
from bench.reporting.tables.sections import FINDINGS, GRADING

SCORES = {"eyeq": GRADING, "chestxray": FINDINGS}
UNRUN = ScoredRuns(Runs(), {})


class Number(NamedTuple):
    """One published number.

    Attributes:
        value: As printed.
        ours: Mean of our runs with the half-width of its 95 % interval, as text; "" without runs.
        verdict: Under the header of its own table.
        other: Under the header of the other table, which prints the same numbers the other way
            round (D35).
    """

    value: float
    ours: str
    verdict: Verdict
    other: Verdict

    @property
    def text(self) -> str:
        """As a table prints it."""
        ours = f"; ours {self.ours}" if self.ours else ""
        swapped = "" if self.other == self.verdict else f"; other header: {self.other.text}"
        return f"{self.value:.3f}{ours}: {self.verdict.text}{swapped}"


class Standing(NamedTuple):
    """One data set in one table of the paper.

    Attributes:
        table: Its number.
        dataset: Name in the harness.
        title: As the paper names it.
        heads: One a number: its share of low quality and its header.
        rows: Title and numbers; None where the paper prints nothing.
        again: What makes the runs.
    """

    table: str
    dataset: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Number | None, ...]], ...]
    again: str


def standings(studies: Iterable[Study]) -> tuple[Standing, ...]:
    """All tables and data sets that the paper prints numbers of.

    Args:
        studies: Of any data sets; whole real ones are judged, all others left out.
    """
    real = {one.group.dataset: one.measured for one in studies if whole(one.group.records)}
    return tuple(
        _standing(EXPERIMENTS[table], dataset, real.get(dataset, UNRUN))
        for table in READABLE
        for dataset in DATASETS
        if EXPERIMENTS[table].ratios(dataset)
    )


def tally(found: Iterable[Standing]) -> str:
    """How many published numbers have which verdict, as a sentence."""
    counts = Counter(number.verdict.name for number in _numbers(found))
    each = ", ".join(f"{n} {name}" for name, n in counts.most_common())
    return f"Of the paper's {counts.total()} published numbers, each under its own header: {each}."


def _numbers(found: Iterable[Standing]) -> Iterator[Number]:
    for one in found:
        for _, numbers in one.rows:
            yield from filter(None, numbers)


def _standing(experiment: Experiment, dataset: str, measured: ScoredRuns) -> Standing:
    metrics = _metrics(experiment, dataset)
    columns = [(ratio, metric) for ratio in experiment.ratios(dataset) for metric in metrics]
    native = NATIVE_RATIO[dataset]
    return Standing(
        experiment.table,
        dataset,
        DATASETS[dataset],
        tuple(
            f"{float(native if ratio == 'native' else ratio) * 100:g} % low quality, "
            f"{PAPERS_NAME[m]}"
            for ratio, m in columns
        ),
        tuple(
            (
                row.title,
                tuple(_number(measured, experiment.table, row, dataset, *c) for c in columns),
            )
            for row in experiment.rows
            if row.in_paper
        ),
        f"bench sweep --table {experiment.table} --dataset {dataset} --seeds {SEEDS}",
    )


def _metrics(experiment: Experiment, dataset: str) -> Sequence[str]:
    """Of our scores the first of each of the paper's two names, in the order of its header."""
    first: dict[str, str] = {}
    for metric in SCORES[dataset]:
        if metric in PAPERS_NAME:
            first.setdefault(PAPERS_NAME[metric], metric)
    row = next(row for row in experiment.rows if row.method == "comcl")
    theirs = published(experiment.table, row.title, dataset, "native")
    assert theirs is not None, "a table of READABLE prints this method's number"
    return [first[name] for name in theirs.printed_header]


def _number(
    measured: ScoredRuns, table: str, row: ExperimentRow, dataset: str, ratio: str, metric: str
) -> Number | None:
    theirs = published(table, row.title, dataset, ratio)
    if theirs is None:
        return None
    own, other = verdicts(measured, row.method, metric, ratio, theirs)
    found = measured.score(metric, row.method, ratio)
    ends = found.interval() if found else None
    ours = "" if found is None else f"{found.value:.3f}"
    if ends:
        ours += f" ± {(ends.high - ends.low) / 2:.3f}"
    return Number(theirs.readings(PAPERS_NAME[metric])[0], ours, own, other)
