"""The name of a table's cell: `T1:comcl:eyeq:0.7`, or with a score `T1:comcl:eyeq:0.7:accuracy`."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from bench.data.lq_ratio import NATIVE_LABELS, parse
from bench.errors import RequestError
from bench.evaluation import registry
from bench.experiments import EXPERIMENTS, TABLE1, Experiment, ExperimentRow
from bench.roster import ALIASES, METHODS

FORM = "a cell is TABLE:METHOD:DATASET:RATIO[:SCORE], such as T1:comcl:eyeq:0.7"
DATASETS = (*NATIVE_LABELS, "folder")
TABLES = tuple(f"T{number}" for number in EXPERIMENTS)


@dataclass(frozen=True)
class CellId:
    """One cell of one table.

    Attributes:
        table: "1", "2" or "3".
        method: As records name it: of the roster, or a user's "file.py:Class"; with options that
            were changed by hand in brackets.
        dataset: Name of the data set.
        ratio: "native" or a number as text.
        score: Name of the score; "" for the data set's main one.
    """

    table: str
    method: str
    dataset: str
    ratio: str
    score: str = ""

    def __str__(self) -> str:
        parts = (f"T{self.table}", self.method, self.dataset, self.ratio, self.score)
        return ":".join(part for part in parts if part)

    @property
    def experiment(self) -> Experiment:
        """The table."""
        return EXPERIMENTS[self.table]

    @property
    def row(self) -> ExperimentRow:
        """Its line; below those of Table 1 stands whatever else was run."""
        rows = (row for row in self.experiment.rows if row.method == self.method)
        title = METHODS[self.method].title if self.method in METHODS else self.method
        return next(rows, ExperimentRow(self.method, title, in_paper=False))


def cell_id(text: str) -> CellId:
    """The cell that a text names; aliases of methods and ratios resolved.

    A user's method may hold colons, so the method is what stands between the table on the left and
    data set, ratio and score on the right.

    Raises:
        RequestError: for a missing part or an unknown name, naming the nearest.
    """
    table, *rest = text.strip().split(":")
    score = rest.pop() if rest and _is_score(rest) else ""
    if len(rest) < 3:
        raise RequestError(f"{text!r}: {FORM}")
    *names, dataset, ratio = rest
    number = _known("table", table.upper(), TABLES).removeprefix("T")
    dataset = _known("data set", dataset, DATASETS)
    score = _known("score", score, registry.printed_names()) if score else ""
    method = _method(":".join(names), EXPERIMENTS[number])
    ratio = parse(ratio, dataset, what=f"{text!r}, ratio")
    return CellId(number, method, dataset, ratio, score)


def _is_score(parts: list[str]) -> bool:
    """Whether a fifth part is there: the last is a word, and the one before it a ratio."""
    return len(parts) > 3 and parts[-1] not in ("", "native") and not _number(parts[-1])


def _number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _method(name: str, experiment: Experiment) -> str:
    """The method as records name it, if the table can show it."""
    bare, bracket, options = name.partition("[")
    if ".py:" not in bare:
        bare = ALIASES.get(bare, bare)
        bare = _known("method", bare, METHODS)
    titles = [row.method for row in experiment.rows]
    if experiment is not TABLE1 and bare + bracket + options not in titles:
        raise RequestError(
            f"Table {experiment.table} has no row {name!r}; its rows are {', '.join(titles)}, and "
            "T1 shows every method that was run"
        )
    return bare + bracket + options


def _known(kind: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1, cutoff=0)[0]
    raise RequestError(f"no {kind} {name!r}: did you mean {near!r}? {FORM}")
