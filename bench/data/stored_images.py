"""Rows of pixels as one array; each row is checked when a process first reads it.

The check costs one pass over a row's bytes, once per process, however many epochs read it. Where
a row's bytes are not those that were written, all rows are checked, and those that were altered are
made again, with a warning, and read from their new places.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.checksums import row_checksum
from bench.errors import warn_damaged


@dataclass(frozen=True)
class StoredRow:
    """Where a row lies, and what is known of the image.

    Attributes:
        part: Name of its file, without the ending.
        index: Its place there.
        checksum: `bench.checksums.row_checksum` of its pixels.
    """

    part: str
    index: int
    checksum: int
    details: dict[str, Any]


class StoredImages:
    """The chosen rows of a store, indexed like one read-only array (N, S, S, 3) uint8.

    Attributes:
        shape: As of an array.
        details: One dictionary per image.
    """

    def __init__(
        self,
        folder: Path,
        size_px: int,
        rows: Sequence[StoredRow],
        make_again: Callable[[Sequence[int]], list[StoredRow]],
    ):
        """Open the files.

        Args:
            folder: Of the parts.
            size_px: Side of an image.
            make_again: Places among `rows` -> where those rows are after they were made again.
        """
        self.shape = (len(rows), size_px, size_px, 3)
        self.details = [row.details for row in rows]
        self._folder, self._rows, self._make_again = folder, list(rows), make_again
        self._parts: dict[str, np.ndarray] = {}
        self._checked = np.zeros(len(rows), dtype=bool)
        for row in rows:
            self._open(row.part)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        places = np.arange(len(self))[index]
        if places.ndim == 0:
            return self._row(int(places))
        images = np.empty((*places.shape, *self.shape[1:]), dtype=np.uint8)
        for at, place in np.ndenumerate(places):
            images[at] = self._row(int(place))
        return images

    def _row(self, place: int) -> np.ndarray:
        if not self._checked[place]:
            if not self._whole(place):
                self._mend()
            self._checked[place] = True
        row = self._rows[place]
        return self._parts[row.part][row.index]

    def _whole(self, place: int) -> bool:
        row = self._rows[place]
        return row_checksum(self._parts[row.part][row.index]) == row.checksum

    def _mend(self) -> None:
        altered = [place for place in range(len(self)) if not self._whole(place)]
        warn_damaged(
            f"{len(altered):,} of {len(self):,} images in the cache were altered on disk "
            f"({self._folder}); they are made again"
        )
        for place, row in zip(altered, self._make_again(altered), strict=True):
            self._rows[place] = row
            self._open(row.part)

    def _open(self, part: str) -> None:
        if part not in self._parts:
            self._parts[part] = _opened(self._folder / f"{part}.pixels", self.shape[1])


def _opened(path: Path, size_px: int) -> np.ndarray:
    rows = path.stat().st_size // (size_px * size_px * 3)
    mapped = np.memmap(path, dtype=np.uint8, mode="r", shape=(rows, size_px, size_px, 3))
    return np.asarray(mapped)  # the same memory: a plain array gives its rows out in half the time
