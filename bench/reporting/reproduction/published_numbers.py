"""Each published number with the verdict on it, whether anything was run or not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bench.evaluation import registry
from bench.experiments import EXPERIMENTS, SEEDS, Experiment, ExperimentRow
from bench.reporting.figures.study import ScoredStudy
from bench.reporting.results.comparability import whole
from bench.reporting.results.published import DATASETS, NATIVE_RATIO, READABLE, published
from bench.reporting.results.runs import Runs
from bench.reporting.results.scores import ScoredRuns
from bench.reporting.results.verdicts import Verdict
from bench.reporting.tables.cells import verdicts

KINDS = {"eyeq": "grading", "chestxray": "findings"}
UNRUN = ScoredRuns(Runs(), {})


class PublishedNumber(NamedTuple):
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


class PublishedTable(NamedTuple):
    """One data set in one table of the paper.

    Attributes:
        table: Its number.
        dataset: Name in the harness.
        title: As the paper names it.
        heads: One a number: its proportion of low-quality images and its header.
        rows: Title and numbers; None where the paper prints nothing.
        command: What makes the runs.
    """

    table: str
    dataset: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[PublishedNumber | None, ...]], ...]
    command: str


def published_tables(studies: Iterable[ScoredStudy]) -> tuple[PublishedTable, ...]:
    """All tables and data sets that the paper prints numbers of.

    Args:
        studies: Of any data sets; whole real ones are judged, all others left out.
    """
    real = {study.group.dataset: study.scored for study in studies if whole(study.group.records)}
    return tuple(
        _standing(EXPERIMENTS[table], dataset, real.get(dataset, UNRUN))
        for table in READABLE
        for dataset in DATASETS
        if EXPERIMENTS[table].ratios(dataset)
    )


def tally(tables: Iterable[PublishedTable]) -> str:
    """How many published numbers have which verdict, as a sentence."""
    counts = Counter(number.verdict.name for number in _numbers(tables))
    each = ", ".join(f"{n} {name}" for name, n in counts.most_common())
    return f"Of the paper's {counts.total()} published numbers, each under its own header: {each}."


def _numbers(tables: Iterable[PublishedTable]) -> Iterator[PublishedNumber]:
    for table in tables:
        for _, numbers in table.rows:
            yield from filter(None, numbers)


def _standing(experiment: Experiment, dataset: str, scored: ScoredRuns) -> PublishedTable:
    metrics = _metrics(experiment, dataset)
    columns = [(ratio, metric) for ratio in experiment.ratios(dataset) for metric in metrics]
    native = NATIVE_RATIO[dataset]
    return PublishedTable(
        experiment.table,
        dataset,
        DATASETS[dataset],
        tuple(
            f"{float(native if ratio == 'native' else ratio) * 100:g} % low quality, "
            f"{registry.named(m).paper}"
            for ratio, m in columns
        ),
        tuple(
            (
                row.title,
                tuple(_number(scored, experiment.table, row, dataset, *c) for c in columns),
            )
            for row in experiment.rows
            if row.in_paper
        ),
        f"bench sweep --table {experiment.table} --dataset {dataset} --seeds {SEEDS}",
    )


def _metrics(experiment: Experiment, dataset: str) -> Sequence[str]:
    """Of our scores the first of each of the paper's two names, in the order of its header."""
    first: dict[str, str] = {}
    for metric in registry.printed(KINDS[dataset]):
        if metric.paper:
            first.setdefault(metric.paper, metric.name)
    row = next(row for row in experiment.rows if row.method == "comcl")
    printed = published(experiment.table, row.title, dataset, "native")
    assert printed is not None, "a table of READABLE prints this method's number"
    return [first[name] for name in printed.printed_header]


def _number(
    scored: ScoredRuns, table: str, row: ExperimentRow, dataset: str, ratio: str, metric: str
) -> PublishedNumber | None:
    printed = published(table, row.title, dataset, ratio)
    if printed is None:
        return None
    verdict, other = verdicts(scored, row.method, metric, ratio, printed)
    estimate = scored.score(metric, row.method, ratio)
    ends = estimate.interval() if estimate else None
    ours = "" if estimate is None else f"{estimate.value:.3f}"
    if ends:
        ours += f" ± {(ends.high - ends.low) / 2:.3f}"
    return PublishedNumber(printed.readings(registry.named(metric).paper)[0], ours, verdict, other)
