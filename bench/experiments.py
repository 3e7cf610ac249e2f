"""Each table of the paper as the rows and columns that it needs.

Rows name methods of the roster in the paper's order, under the paper's titles; columns are pairs
of data set and low-quality ratio.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.errors import RequestError

RATIOS = ("native", "0.7", "1.0")
SEEDS = 3  # as the claim files ask for; the paper reports one run


class RequiredRun(NamedTuple):
    """One run that a table needs."""

    method: str
    dataset: str
    lq_ratio: str
    seed: int


@dataclass(frozen=True)
class ExperimentRow:
    """One line of a table.

    Attributes:
        method: Its name in the roster.
        title: As the paper prints it.
        in_paper: False for our controls, which have no published value.
        note: What a reader must know, or "".
    """

    method: str
    title: str
    in_paper: bool = True
    note: str = ""


@dataclass(frozen=True)
class Experiment:
    """One table: every row is run in every column.

    Attributes:
        table: Its number in the paper.
        caption: What it compares.
        rows: In the paper's order, our controls last.
        columns: (data set, ratio); "native" is the paper's 33.4 % (EyeQ) or 43.2 % (chest).
    """

    table: str
    caption: str
    rows: tuple[ExperimentRow, ...]
    columns: tuple[tuple[str, str], ...]

    def ratios(self, dataset: str) -> tuple[str, ...]:
        """The ratios in the columns of a data set; a synthetic twin stands in its original's."""
        return tuple(ratio for name, ratio in self.columns if name == original(dataset))

    def stand_ins(self, dataset: str) -> tuple[str, ...]:
        """The ratios to run a data set at: its own columns', or all for a set of the user's."""
        if original(dataset) in {name for e in EXPERIMENTS.values() for name, _ in e.columns}:
            return self.ratios(dataset)
        return tuple(dict.fromkeys(ratio for _, ratio in self.columns))


def original(dataset: str) -> str:
    """The data set in whose columns a data set stands: a synthetic twin's original, else itself."""
    return dataset.removesuffix("-twin")


TABLE1 = Experiment(
    table="1",
    caption="CoMCL against other diagnosis methods as images lose quality",
    rows=(
        ExperimentRow("resnet50", "ResNet50"),
        ExperimentRow("inception-v3", "Inception-v3"),
        ExperimentRow("densenet121", "DenseNet-121"),
        ExperimentRow("mmcnn", "MMCNN"),
        ExperimentRow("zoom-in-net", "Zoom-in-Net"),
        ExperimentRow("lesion-base-cl", "Lesion-base CL"),
        ExperimentRow("cabnet", "CABNet"),
        ExperimentRow("deepmt-dr", "DeepMT-DR"),
        ExperimentRow("lesion-aware-cl", "Lesion-aware CL"),
        ExperimentRow("lanet", "LANet"),
        ExperimentRow("comcl", "CoMCL"),
        ExperimentRow(
            "resnet50-long",
            "ResNet50, compute-matched",
            in_paper=False,
            note="not in the paper: ResNet50 trained for as long as CoMCL with its pretraining, "
            "so that what pretraining adds is not what training time adds",
        ),
    ),
    columns=tuple((dataset, ratio) for dataset in ("eyeq", "chestxray") for ratio in RATIOS),
)

TABLE2 = Experiment(
    table="2",
    caption="What each part of CoMCL adds",
    rows=(
        ExperimentRow("resnet50", "Baseline (ResNet50)"),
        ExperimentRow("moco", "Basic CL"),
        ExperimentRow("comcl-no-multilevel", "CoMCL w/o Multi-level"),
        ExperimentRow("comcl-no-spl", "CoMCL w/o SPL"),
        ExperimentRow("comcl", "CoMCL"),
    ),
    columns=(("eyeq", "native"),),
)

# Only the caption and one sentence of Table 3 are readable (D37): v3 takes all levels. What v1 and
# v2 take is assumed (D38).
TABLE3 = Experiment(
    table="3",
    caption="CoMCL with some of its level pairs",
    rows=(
        ExperimentRow(
            "comcl-v1", "CoMCL_v1", note="assumed: lesion against healthy, high quality only"
        ),
        ExperimentRow("comcl-v2", "CoMCL_v2", note="assumed: v1 and lesions across qualities"),
        ExperimentRow("comcl", "CoMCL_v3"),
    ),
    columns=(("eyeq", "native"),),
)

EXPERIMENTS = {experiment.table: experiment for experiment in (TABLE1, TABLE2, TABLE3)}


def chosen(table: str) -> tuple[Experiment, ...]:
    """The tables that "1", "2", "3" or "all" names.

    Raises:
        RequestError: for any other name.
    """
    if table == "all":
        return tuple(EXPERIMENTS.values())
    if table not in EXPERIMENTS:
        raise RequestError(f"--table {table}: choose one of: {', '.join(EXPERIMENTS)}, all")
    return (EXPERIMENTS[table],)


def data_sets(experiments: Iterable[Experiment]) -> tuple[str, ...]:
    """The paper's data sets in the columns of tables, in order."""
    return tuple(dict.fromkeys(name for e in experiments for name, _ in e.columns))


def balanced(
    experiments: Sequence[Experiment],
    datasets: Iterable[str],
    *,
    seeds: int,
    ratios: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> Iterator[RequiredRun]:
    """Each run that the tables need, once, in an order that keeps methods balanced.

    All cells of a seed come before the next seed, and within a seed all methods of a column
    before the next column: a method gets its second cell when every other has its first.

    Args:
        experiments: The tables.
        datasets: Synthetic twins stand in the columns of their originals; a set in no column of
            the paper is run at all ratios of a table.
        seeds: Their number; counted from 0.
        ratios: Instead of the tables' own.
        methods: Instead of the tables' own.
    """
    columns: dict[tuple[str, str], dict[str, None]] = {}
    for dataset in datasets:
        for experiment in experiments:
            stand_ins = experiment.stand_ins(dataset)
            rows = methods or [row.method for row in experiment.rows]
            for ratio in (ratios or stand_ins) if stand_ins else ():
                columns.setdefault((dataset, ratio), {}).update(dict.fromkeys(rows))
    for seed in range(seeds):
        for (dataset, ratio), names in columns.items():
            for method in names:
                yield RequiredRun(method, dataset, ratio, seed)
