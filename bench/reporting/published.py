"""The paper's numbers, cell by cell, as printed; locked, and never mixed with measured ones.

Table 1 heads each pair of columns "Kappa ACC", Table 2 heads the same numbers "ACC Kappa", so one
of the two headers is wrong (ambiguity D35). Every lookup therefore gives both readings.
"""

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.errors import RequestError

FOLDER = Path(__file__).parents[2] / "results" / "published"
DATASETS = {"eyeq": "EyeQ", "chestxray": "Chest X-ray"}
NATIVE_RATIO = {"eyeq": "0.334", "chestxray": "0.432"}


@dataclass(frozen=True)
class Published:
    """One cell: two numbers, and what the header above them says.

    Attributes:
        first: The left number.
        second: The right number.
        printed_header: What each is according to its own table, for example ("kappa", "accuracy").
        note: What is odd about it, or "".
    """

    first: float
    second: float
    printed_header: tuple[str, str]
    note: str = ""

    def readings(self, metric: str) -> tuple[float, float]:
        """The published value of "kappa" or "accuracy": header as printed, header swapped."""
        if self.printed_header[0] == metric:
            return self.first, self.second
        return self.second, self.first


def published(table: str, row: str, dataset: str, ratio: str) -> Published | None:
    """What the paper prints for a cell, or None where it prints nothing.

    Args:
        table: "1" or "2".
        row: The paper's title of the row.
        dataset: "eyeq" or "chestxray"; the paper has no other.
        ratio: "native", "0.7" or "1.0".

    Raises:
        RequestError: if the file is missing or differs from its locked digest.
    """
    if dataset not in DATASETS:
        return None
    printed_ratio = NATIVE_RATIO[dataset] if ratio == "native" else f"{float(ratio):.2f}"
    return _cells(FOLDER, table).get((row, DATASETS[dataset], printed_ratio))


def load(table: str, folder: Path = FOLDER) -> list[dict[str, str]]:
    """The rows of `table<n>.csv`, after its bytes have been checked against SHA256SUMS.

    Raises:
        RequestError: if the file is missing or differs from its locked digest.
    """
    name = f"table{table}.csv"
    path, locks = folder / name, folder / "SHA256SUMS"
    if not path.is_file() or not locks.is_file():
        raise RequestError(f"{path} or its SHA256SUMS is missing; restore it with git checkout")
    content = path.read_bytes()
    if f"{hashlib.sha256(content).hexdigest()}  {name}" not in locks.read_text().splitlines():
        raise RequestError(
            f"{path} is not the file that SHA256SUMS locks: published values never change; "
            f"restore it with git checkout -- {path}"
        )
    return list(csv.DictReader(content.decode().splitlines()))


@cache
def _cells(folder: Path, table: str) -> dict[tuple[str, str, str], Published]:
    pairs: dict[tuple[str, str, str], dict[str, dict[str, str]]] = {}
    for line in load(table, folder):
        place = (line["row"], line["dataset"], line["lq_ratio"])
        pairs.setdefault(place, {})[line["column_position"]] = line
    return {place: _cell(pair["first"], pair["second"]) for place, pair in pairs.items()}


def _cell(first: dict[str, str], second: dict[str, str]) -> Published:
    return Published(
        float(first["value"]),
        float(second["value"]),
        (first["printed_header"], second["printed_header"]),
        "; ".join(dict.fromkeys(note for note in (first["note"], second["note"]) if note)),
    )
