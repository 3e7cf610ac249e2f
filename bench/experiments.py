"""Each table of the paper as the rows and columns that it needs.

Rows name methods of the roster in the paper's order, under the paper's titles; columns are pairs
of data set and low-quality ratio.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

RATIOS = ("native", "0.7", "1.0")


@dataclass(frozen=True)
class Row:
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
    rows: tuple[Row, ...]
    columns: tuple[tuple[str, str], ...]

    def runs(self, seeds: Iterable[int]) -> Iterator[tuple[str, str, str, int]]:
        """(method, data set, ratio, seed), all cells of one seed before the next seed."""
        for seed in seeds:
            for dataset, ratio in self.columns:
                for row in self.rows:
                    yield row.method, dataset, ratio, seed

    def ratios(self, dataset: str) -> tuple[str, ...]:
        """The ratios in the columns of a data set; a twin stands in the columns of its original."""
        original = dataset.removesuffix("-twin")
        return tuple(ratio for name, ratio in self.columns if name == original)


TABLE1 = Experiment(
    table="1",
    caption="CoMCL against other diagnosis methods as images lose quality",
    rows=(
        Row("resnet50", "ResNet50"),
        Row("inception-v3", "Inception-v3"),
        Row("densenet121", "DenseNet-121"),
        Row("mmcnn", "MMCNN"),
        Row("zoom-in-net", "Zoom-in-Net"),
        Row("lesion-base-cl", "Lesion-base CL"),
        Row("cabnet", "CABNet"),
        Row("deepmt-dr", "DeepMT-DR"),
        Row("lesion-aware-cl", "Lesion-aware CL"),
        Row("lanet", "LANet"),
        Row("comcl", "CoMCL"),
        Row(
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
        Row("resnet50", "Baseline (ResNet50)"),
        Row("moco", "Basic CL"),
        Row("comcl-no-multilevel", "CoMCL w/o Multi-level"),
        Row("comcl-no-spl", "CoMCL w/o SPL"),
        Row("comcl", "CoMCL"),
    ),
    columns=(("eyeq", "native"),),
)

# Only the caption and one sentence of Table 3 are readable (D37): v3 takes all levels. What v1 and
# v2 take is assumed (D38).
TABLE3 = Experiment(
    table="3",
    caption="CoMCL with some of its level pairs",
    rows=(
        Row("comcl-v1", "CoMCL_v1", note="assumed: lesion against healthy, high quality only"),
        Row("comcl-v2", "CoMCL_v2", note="assumed: v1 and lesions across qualities"),
        Row("comcl", "CoMCL_v3"),
    ),
    columns=(("eyeq", "native"),),
)

EXPERIMENTS = {experiment.table: experiment for experiment in (TABLE1, TABLE2, TABLE3)}
