"""The part of the README that is computed: the answer, the picture, the table."""

from collections.abc import Iterator, Sequence

from bench.errors import RequestError
from bench.experiments import TABLE1
from bench.reporting.reproduction.published_numbers import published_tables, tally
from bench.reporting.reproduction.study_results import StudyResults
from bench.reporting.tables.markdown import escape
from bench.reporting.tables.model import TableCell

BEGIN = "<!-- written by `bench pages`: begin -->"
END = "<!-- written by `bench pages`: end -->"
PICTURE = "results/figures/overview.svg"
HOW = (
    "Mean over seeds ± half of its 95 % interval over seeds and patients; **bold**: the best of "
    "its column, and what is not significantly worse (Holm's p of 0.05 or more)."
)
UNTRAINED = " ‡: a run of it has not learnt, so it is ranked nowhere and decides nothing."
STALE = (
    "**Of an older version of the code.** These runs are stale: what has changed since, in "
    "methods, images or training, is not in them, and they are to be made anew."
)
MORE = (
    "What stands where, number by number and claim by claim, with the runs behind it: "
    "[results/REPRODUCTION.md](results/REPRODUCTION.md)."
)


def with_block(readme: str, text: str) -> str:
    """The README with the computed part put between its marks.

    Raises:
        RequestError: if the marks are not there once each, in order.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.find(BEGIN) > readme.find(END):
        raise RequestError(f"README.md needs one line {BEGIN} and below it one line {END}")
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}"


def block(results: Sequence[StudyResults], caption: str) -> str:
    """Picture with its caption, table, and where the published numbers stand."""
    printed = published_tables(result.study for result in results)
    answers = [
        f"**{escape(result.answer.title)}.** {escape(result.answer.sentences[0])}"
        for result in results
    ]
    shown = [cell for result in results for line in result.main.lines for cell in line.cells]
    parts = [
        f"![Score as images lose quality, a panel each data set]({PICTURE})",
        escape(caption),
        "\n".join(_table(results)),
        HOW + UNTRAINED * any(cell.untrained for cell in shown),
        *([STALE] if any(cell.stale for cell in shown) else []),
        *answers,
        f"{tally(printed)} {MORE}",
    ]
    return "\n\n".join(parts) + "\n"


def _table(results: Sequence[StudyResults]) -> Iterator[str]:
    """The main score of each data set, methods as in Table 1."""
    heads = [
        f"{escape(result.study.group.dataset)}, {result.main.heading}: {column.head}"
        if index == 0
        else column.head
        for result in results
        for index, column in enumerate(result.section.columns)
    ]
    yield _row(["", *heads])
    yield _row([":--", *("--:" for _ in heads)])
    lines = [{line.method: line for line in result.main.lines if line.method} for result in results]
    for row in TABLE1.rows:
        cells = [cell for of_dataset in lines for cell in of_dataset[row.method].cells]
        yield _row([escape(row.title), *map(_text, cells)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(cell: TableCell) -> str:
    """The number without how many seeds it has, bold where nothing is surely better."""
    text = escape(cell.short or cell.text.partition(" (n=")[0]) + " ‡" * cell.untrained
    return f"**{text}**" if {"*", "="} & set(cell.marks) else text
