"""Footnotes of a table: lettered in the order of their first use, each text once."""

import string
from collections.abc import Iterable

import pandas as pd

from bench.experiments import Row
from bench.reporting.comparability import Group
from bench.roster import METHODS

BOXES = {
    "oracle": "lesion boxes: oracle, the drawn ones; what a detector would miss is not missed",
    "given": "lesion boxes: given with the data set",
    "detector": "lesion boxes: of a detector trained on other photographs",
    "file": "lesion boxes: of a published file",
    "random_lesion_crops": "lesion boxes: none; random crops of lesion images inside the field of "
    "view stand in for them",
}
READINGS = (
    "published: the paper's number under the table's own header / under the header of its Table 2, "
    "which names the same two numbers the other way round (ambiguity D35)"
)


class Footnotes:
    """Collects the notes of one section."""

    def __init__(self) -> None:
        self._lettered: list[str] = []
        self._general: list[str] = []

    def add(self, text: str) -> str:
        """The letter of a note, the same for the same text."""
        if text not in self._lettered:
            self._lettered.append(text)
        return _letter(self._lettered.index(text))

    def of_method(self, row: Row, boxes: Iterable[str]) -> tuple[str, ...]:
        """Letters of what holds for a row: its note, what is guessed, where boxes are from."""
        known = METHODS[row.method].known if row.method in METHODS else ""
        texts = [text for text in (row.note, known) if text]
        texts += [BOXES.get(b, f"lesion boxes: {b}") for b in sorted(set(boxes)) if b != "none"]
        return tuple(self.add(text) for text in texts)

    def of_cell(self, runs: pd.DataFrame, left_out: int) -> tuple[str, ...]:
        """Letters of what holds for one cell: stale runs shown, or left out for newer ones."""
        texts = []
        if "stale" in set(runs["state"]):
            texts.append("stale: made by an older version of the code; run it again")
        if left_out:
            texts.append("stale runs of this cell are left out")
        return tuple(self.add(text) for text in texts)

    def about_data(self, group: Group, *, beside: bool) -> None:
        """The unlettered notes: how to read the cells, and what was assumed about the data."""
        self._general.append("mean ± standard deviation over n seeds; one seed shows no spread")
        seeds = group.records.groupby(["method", "lq_ratio"])["seed"].nunique()
        if len(set(seeds)) > 1:
            few, many = min(seeds), max(seeds)
            self._general.append(f"not balanced: {few} to {many} seeds a cell; compare with care")
        if beside:
            self._general.append(READINGS)
        if group.outdated:
            self._general.append(f"{group.outdated} stale runs of older versions are left out")
        assumed = sorted({text for texts in group.records["assumptions"] for text in texts})
        self._general += [f"assumed: {text}" for text in assumed]

    def lines(self) -> tuple[tuple[str, str], ...]:
        """(letter, text) in order; the unlettered ones first, under ""."""
        lettered = [(_letter(place), text) for place, text in enumerate(self._lettered)]
        return (*(("", text) for text in self._general), *lettered)


def _letter(place: int) -> str:
    """The letters a to z, then aa, ab and so on."""
    letters = string.ascii_lowercase
    return letters[place] if place < 26 else letters[place // 26 - 1] + letters[place % 26]
