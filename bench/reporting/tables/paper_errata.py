"""What is odd about the paper's own numbers, computed from the files in `results/published`.

Whatever follows from printed numbers is computed here from our transcription of them; what other
papers report, and how many images have which grade, stands with its source in files of that folder.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.reporting.results.published import DATASETS, FOLDER, NATIVE_RATIO, load, rows

PAPER = "the paper's Table {}, as transcribed in results/published/table{}.csv"
Pair = tuple[float, float]
PrintedCell = tuple[str, str, str]
PROPOSED = "CoMCL"
FEW = 5


@dataclass(frozen=True)
class Erratum:
    """One oddity.

    Attributes:
        title: What is odd.
        findings: The facts behind it, one a line.
        sources: Where they stand.
    """

    title: str
    findings: tuple[str, ...]
    sources: tuple[str, ...]


def errata(folder: Path = FOLDER) -> tuple[Erratum, ...]:
    """All of them.

    Args:
        folder: With the files of `results/published`.

    Raises:
        RequestError: if a file of `results/published` is missing or differs from its digest.
    """
    return tuple(make(folder) for make in ERRATA)


def swapped_headers(folder: Path) -> Erratum:
    """Rows that two tables print with the same numbers under opposite headers."""
    table_1, table_2 = pairs("1", folder), pairs("2", folder)
    titles = {row for row, _, _ in table_2}
    alike = []
    for row, dataset, ratio in table_2:
        title = row if (row, dataset, ratio) in table_1 else _inside(row)
        if table_1.get((title, dataset, ratio)) == table_2[row, dataset, ratio]:
            first, second = table_2[row, dataset, ratio]
            alike.append(f"{row}: {first:.3f} {second:.3f} in both")
    over = {name: _first_over_second(table_1, title) for name, title in DATASETS.items()}
    return Erratum(
        f"Tables 1 and 2 print the same numbers under opposite headers ({_headers(folder)})",
        (
            *alike,
            *(
                f"{DATASETS[name]}: the first number is the larger in {larger} of {total} cells"
                for name, (larger, total) in over.items()
            ),
            f"{len(alike)} of the {len(titles)} rows of Table 2 stand in Table 1 as well; nothing "
            "printed says which number is kappa (ambiguity D35)",
        ),
        (PAPER.format(1, 1), PAPER.format(2, 2)),
    )


def under_the_majority(folder: Path) -> Erratum:
    """Accuracies on EyeQ that answering grade 0 for every image beats."""
    counts = {line["grade"]: int(line["images"]) for line in rows("eyeq_test_grades.csv", folder)}
    proportion = max(counts.values()) / sum(counts.values())
    printed, both = [], []
    for (row, dataset, ratio), (first, second) in pairs("1", folder).items():
        if dataset != DATASETS["eyeq"]:
            continue
        if second < proportion:
            printed.append(f"{row} at {ratio}: {second:.3f}, with kappa {first:.3f}")
        if max(first, second) < proportion:
            both.append(f"{row} at {ratio}")
    source = rows("eyeq_test_grades.csv", folder)[0]["source"]
    return Erratum(
        f"EyeQ accuracies below the {proportion:.4f} of answering grade 0 for every test image, "
        "which has kappa 0",
        (
            f"{max(counts.values()):,} of {sum(counts.values()):,} test images have grade 0",
            *printed,
            f"under either header: {', '.join(both)}",
        ),
        (PAPER.format(1, 1), source),
    )


def rising_cells(folder: Path) -> Erratum:
    """Numbers that are higher at a larger proportion of low-quality images than at the smallest."""
    table, rising, falling = pairs("1", folder), [], 0
    for (row, dataset, ratio), numbers in table.items():
        smallest = next(NATIVE_RATIO[n] for n, title in DATASETS.items() if title == dataset)
        for number, native in zip(numbers, table[row, dataset, smallest], strict=True):
            if number > native:
                where = f"{row}, {dataset} at {ratio}"
                rising.append(f"{where}: {number:.3f}, above the row's {native:.3f} at {smallest}")
            falling += ratio != smallest and number < native
    return Erratum(
        "A score that rises as images get worse: probably a misprint",
        (
            *rising,
            f"the other {falling} numbers at larger proportions fall, as the paper says they do",
        ),
        (PAPER.format(1, 1), "section 3.2: the performance of all methods decreases"),
    )


def not_the_most_robust(folder: Path) -> Erratum:
    """Numbers by which CoMCL loses more than others as images get worse, or its lead shrinks."""
    table, findings = pairs("1", folder), []
    heads = tuple(dict.fromkeys(line["printed_header"] for line in load("1", folder)))
    for dataset in DATASETS.values():
        ratios = list(dict.fromkeys(ratio for _, name, ratio in table if name == dataset))
        for place, head in enumerate(heads):
            by_row = {
                row: [table[row, dataset, each][place] for each in ratios]
                for row, name, ratio in table
                if name == dataset and ratio == ratios[0]
            }
            ours = by_row.pop(PROPOSED)
            loss = ours[0] - ours[-1]
            less = [row for row, scores in by_row.items() if _less(scores[0] - scores[-1], loss)]
            shrinks = [row for row, scores in by_row.items() if _shrinks(ours, scores)]
            findings.append(
                f"{dataset}, {head}: CoMCL loses {loss:.3f}; "
                f"{_number(less, len(by_row))} lose less; its lead over "
                f"{_number(shrinks, len(by_row))} shrinks at a step"
            )
    return Erratum(
        "By one of the printed scores CoMCL is not the most robust, and its lead does not always "
        "grow",
        tuple(findings),
        (PAPER.format(1, 1), "section 3.2, observation 1: CoMCL loses less than all others"),
    )


def numbers_of_other_papers(folder: Path) -> Erratum:
    """Table 1's numbers beside what the methods' own papers report on other images."""
    table, findings, sources, matches = pairs("1", folder), [], [PAPER.format(1, 1)], 0
    for line in rows("other_papers.csv", folder):
        value = float(line["value"])
        first, second = table[line["row"], DATASETS["eyeq"], NATIVE_RATIO["eyeq"]]
        equal = [
            position
            for position, number in (("first", first), ("second", second))
            if number == round(value, 3)
        ]
        matches += bool(equal)
        same = f"equals the {equal[0]} number" if equal else "equals neither number"
        findings.append(
            f"{line['row']}: {line['metric']} {line['value']} on {line['images']}; "
            f"{same} of its EyeQ cell, {first:.3f} {second:.3f}"
        )
        sources.append(f"{line['row']}: {line['source']}")
    return Erratum(
        f"{matches} of {len(findings)} scores that methods' own papers report on other images are "
        "Table 1's numbers for EyeQ",
        (*findings, "chance, or carried over without a rerun: it cannot be told from here"),
        tuple(dict.fromkeys(sources)),
    )


def unreadable_table(_: Path) -> Erratum:
    """Table 3 has no numbers in the text that we have."""
    return Erratum(
        "Table 3 stands in the paper's text as a caption without numbers",
        ("its full row is CoMCL, whose numbers Tables 1 and 2 print; no other can be compared",),
        ("the paper's text, section 3.3; ambiguity D37",),
    )


def pairs(table: str, folder: Path = FOLDER) -> dict[PrintedCell, Pair]:
    """The two numbers of each (row, data set, ratio), as the paper names them."""
    cells: dict[PrintedCell, dict[str, float]] = {}
    for line in load(table, folder):
        cell = (line["row"], line["dataset"], line["lq_ratio"])
        cells.setdefault(cell, {})[line["column_position"]] = float(line["value"])
    return {cell: (pair["first"], pair["second"]) for cell, pair in cells.items()}


def _less(one: float, other: float) -> bool:
    """By a printed digit or more."""
    return round(other - one, 3) > 0


def _shrinks(ours: list[float], theirs: list[float]) -> bool:
    leads = [a - b for a, b in zip(ours, theirs, strict=True)]
    return any(_less(after, before) for before, after in itertools.pairwise(leads))


def _number(rows_found: list[str], total: int) -> str:
    """How many of the others, and of a few which."""
    named = f" ({', '.join(rows_found)})" if 0 < len(rows_found) <= FEW else ""
    return f"{len(rows_found)} of {total} others{named}"


def _inside(row: str) -> str:
    """Of "Baseline (ResNet50)" the "ResNet50"; a row without brackets as it is."""
    return row.partition("(")[2].removesuffix(")") or row


def _headers(folder: Path) -> str:
    return "; ".join(f"Table {table}: {' '.join(_heads(table, folder))}" for table in ("1", "2"))


def _heads(table: str, folder: Path) -> Iterator[str]:
    for position in ("first", "second"):
        lines = [line for line in load(table, folder) if line["column_position"] == position]
        yield from sorted({line["printed_header"] for line in lines})


def _first_over_second(table: dict[PrintedCell, Pair], dataset: str) -> tuple[int, int]:
    cells = [numbers for (_, name, _), numbers in table.items() if name == dataset]
    return sum(first > second for first, second in cells), len(cells)


ERRATA: tuple[Callable[[Path], Erratum], ...] = (
    swapped_headers,
    under_the_majority,
    rising_cells,
    not_the_most_robust,
    numbers_of_other_papers,
    unreadable_table,
)
