"""The paper's tables from the records.

A pure function of the records: the same records give the same bytes.
"""

from collections.abc import Sequence

import pandas as pd

from bench.errors import RequestError
from bench.experiments import EXPERIMENTS, TABLE1, Experiment, chosen
from bench.reporting.results.comparability import ComparableRuns, comparable_groups
from bench.reporting.results.scores import ScoredRuns, score_runs
from bench.reporting.tables.model import Table
from bench.reporting.tables.sections import metrics_of, section

NEXT = "bench run --method resnet50 --dataset eyeq-twin --protocol smoke"
NOTHING = f"No finished runs here yet. Make one, without any download:\n  {NEXT}\n  bench table"
ONLY_STUDIES = (
    "The {n} runs here all belong to sensitivity studies, which never enter the paper's tables.\n"
    f"Make one that does:\n  {NEXT}\n  bench table"
)
NOT_THIS_ONE = (
    "No finished runs here of what Table {table} alone shows. Make them, without any download:\n"
    "  bench sweep --table {table} --dataset eyeq-twin"
)


def build(which: str, records: pd.DataFrame, *, protocol: str | None = None) -> Table:
    """One table of the paper by its number; see `build_all`."""
    (table,) = build_all(which, records, protocol=protocol)
    return table


def build_all(
    which: str, records: pd.DataFrame, *, protocol: str | None = None
) -> tuple[Table, ...]:
    """Tables from the records, every run being read once; one section a data set.

    Args:
        which: "1", "2", "3" or "all".
        records: One row a run, as `bench.reporting.results.records.load` gives them; may be empty.
        protocol: Name or comparability key to select; None if there is only one.

    Raises:
        NotComparable: if a data set has runs that must not share a table.
        RequestError: for a table that there is not, or if no run has the protocol asked for.
    """
    if which not in (*EXPERIMENTS, "all"):
        raise RequestError(f"no table {which!r}: choose one of {', '.join((*EXPERIMENTS, 'all'))}")
    experiments = chosen(which)
    groups = comparable_groups(records, protocol)
    scored = [_measure(group, experiments) for group in groups]
    return build_scored(experiments, groups, scored, len(records))


def build_scored(
    experiments: Sequence[Experiment],
    groups: Sequence[ComparableRuns],
    scored: Sequence[ScoredRuns],
    n: int,
) -> tuple[Table, ...]:
    """Tables of runs that are scored already.

    Args:
        experiments: One a table.
        groups: The records, as `comparable_groups` gives them.
        scored: The scores of each group.
        n: How many records there are, those of studies counted.
    """
    return tuple(_table(experiment, groups, scored, n) for experiment in experiments)


def _measure(group: ComparableRuns, experiments: Sequence[Experiment]) -> ScoredRuns:
    """All runs where Table 1 is asked for, which shows all; else those of the tables' rows."""
    rows = {row.method for experiment in experiments for row in experiment.rows}
    methods = None if TABLE1 in experiments else rows
    return score_runs(group.records, methods, tuple(metrics_of(group.records)))


def _table(
    experiment: Experiment, groups: Sequence[ComparableRuns], scored: Sequence[ScoredRuns], n: int
) -> Table:
    pairs = zip(groups, scored, strict=True)
    sections = tuple(
        section(experiment, group, scores) for group, scores in pairs if _shows(experiment, group)
    )
    message = ""
    if not sections:
        no_runs = NOT_THIS_ONE.format(table=experiment.table)
        message = no_runs if groups else ONLY_STUDIES.format(n=n) if n else NOTHING
    caption = f"Table {experiment.table}. {experiment.caption}"
    return Table(f"table{experiment.table}", caption, sections, message)


def _shows(experiment: Experiment, group: ComparableRuns) -> bool:
    """Whether a data set has a place in a table: Table 1 takes all, the others need runs."""
    if experiment is TABLE1:
        return True
    only_here = {row.method for row in experiment.rows} - {row.method for row in TABLE1.rows}
    return bool(experiment.stand_ins(group.dataset) and only_here & set(group.records["method"]))
