"""The paper's numbers, cell by cell, as printed; locked, and never mixed with measured ones.

Table 1 heads each pair of columns "Kappa ACC", Table 2 heads the same numbers "ACC Kappa", so one
of the two headers is wrong (ambiguity D35). Every lookup therefore gives both readings.
"""

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.errors import SHIPPED_FILES, RequestError

FOLDER = Path(__file__).parents[1] / "data" / "published"
DATASETS = {"eyeq": "EyeQ", "chestxray": "Chest X-ray"}
READABLE = ("1", "2")
"""Tables whose numbers can be read in the paper; those of Table 3 cannot (ambiguity D37)."""
NATIVE_RATIO = {"eyeq": "0.334", "chestxray": "0.432"}


@dataclass(frozen=True)
class PublishedCell:
    """One cell: two numbers, and what the header above them says.

    Attributes:
        first: The left number.
        second: The right number.
        printed_header: What each is according to its own table, for example ("kappa", "accuracy").
        note: What is odd about it, or "".
        rises: Of each number, whether it is above that of its own row at the smallest share: what
            no other row does, and no reader can take as printed (D36).
    """

    first: float
    second: float
    printed_header: tuple[str, str]
    note: str = ""
    rises: tuple[bool, bool] = (False, False)

    def readings(self, metric: str) -> tuple[float, float]:
        """The published value of "kappa" or "accuracy": header as printed, header swapped."""
        first, second = (self.first, self.second)[:: self._step(metric)]
        return first, second

    def doubtful(self, metric: str) -> tuple[bool, bool]:
        """Which of the two readings is of a number that rises."""
        first, second = self.rises[:: self._step(metric)]
        return first, second

    def _step(self, metric: str) -> int:
        return 1 if self.printed_header[0] == metric else -1


def published(table: str, row: str, dataset: str, ratio: str) -> PublishedCell | None:
    """What the paper prints for a cell, or None where it prints nothing.

    Args:
        table: "1", "2" or "3", of which the last has no readable numbers.
        row: The paper's title of the row.
        dataset: "eyeq" or "chestxray"; the paper has no other.
        ratio: "native", "0.7" or "1.0".

    Raises:
        RequestError: if the file is missing or differs from its locked digest.
    """
    if table not in READABLE or dataset not in DATASETS:
        return None
    printed_ratio = NATIVE_RATIO[dataset] if ratio == "native" else f"{float(ratio):.2f}"
    return _cells(FOLDER, table).get((row, DATASETS[dataset], printed_ratio))


def load(table: str, folder: Path = FOLDER) -> list[dict[str, str]]:
    """The rows of `table<n>.csv`; see `rows`."""
    return rows(f"table{table}.csv", folder)


def rows(name: str, folder: Path = FOLDER) -> list[dict[str, str]]:
    """The rows of a file, after its bytes have been checked against SHA256SUMS.

    Raises:
        RequestError: if the file is missing or differs from its locked digest.
    """
    path, locks = folder / name, folder / "SHA256SUMS"
    if not path.is_file() or not locks.is_file():
        raise RequestError(f"{path} or its SHA256SUMS is missing; {SHIPPED_FILES}")
    content = path.read_bytes()
    if f"{hashlib.sha256(content).hexdigest()}  {name}" not in locks.read_text().splitlines():
        raise RequestError(
            f"{path} is not the file that SHA256SUMS locks: published values never change; "
            f"{SHIPPED_FILES}"
        )
    return list(csv.DictReader(content.decode().splitlines()))


@cache
def _cells(folder: Path, table: str) -> dict[tuple[str, str, str], PublishedCell]:
    pairs: dict[tuple[str, str, str], dict[str, dict[str, str]]] = {}
    for line in load(table, folder):
        cell = (line["row"], line["dataset"], line["lq_ratio"])
        pairs.setdefault(cell, {})[line["column_position"]] = line
    numbers = {
        p: (float(c["first"]["value"]), float(c["second"]["value"])) for p, c in pairs.items()
    }
    return {
        cell: _cell(pair["first"], pair["second"], numbers[cell], _native(numbers, cell))
        for cell, pair in pairs.items()
    }


def _native(
    numbers: dict[tuple[str, str, str], tuple[float, float]], cell: tuple[str, str, str]
) -> tuple[float, float]:
    """The numbers of the same row at the smallest share; without one, its own."""
    row, title, _ = cell
    ratio = next(NATIVE_RATIO[name] for name, known in DATASETS.items() if known == title)
    return numbers.get((row, title, ratio), numbers[cell])


def _cell(
    first: dict[str, str],
    second: dict[str, str],
    numbers: tuple[float, float],
    native: tuple[float, float],
) -> PublishedCell:
    return PublishedCell(
        *numbers,
        (first["printed_header"], second["printed_header"]),
        "; ".join(dict.fromkeys(note for note in (first["note"], second["note"]) if note)),
        (numbers[0] > native[0], numbers[1] > native[1]),
    )
