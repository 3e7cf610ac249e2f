"""Whether pictures look like radiographs where fundus photographs are assumed: asked, not guessed.

A fundus photograph is a coloured disc with black corners; a radiograph is grey and fills its frame.
Measured on 64 px: of 705 photographs (SRahim, IDRiD) the least coloured has a mean distance of 38
levels between its channels and none has a corner above 1; of the 1,000 radiographs of NIH's sample
none has a distance above 0, and nine in ten have a corner above 24.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from bench.data.decode import decode
from bench.data.records import Record
from bench.errors import RequestError

LOOKED_AT = 9
"""Pictures, spread over the set: of radiographs five of nine look so, but in 1 of 1,000 sets."""

PX = 64
GREY = 6.0
"""Mean distance between the largest and the smallest channel, up to which a picture is grey."""

LIT = 24.0
"""Mean grey level above which a corner shows something."""

CORNER = 6  # px of PX


def refuse_radiographs(records: Sequence[Record], name: str) -> None:
    """Refuse pictures that look like radiographs, where nobody said what they are.

    Args:
        records: Of images that may be missing or unreadable; these are left aside.
        name: Of the data set.

    Raises:
        RequestError: asking for the setting, where most of the pictures look so.
    """
    enough, like, seen = LOOKED_AT // 2 + 1, 0, 0
    for record in _spread(records):
        picture = _picture(record)
        if picture is None:
            continue
        seen += 1
        like += like_radiograph(picture)
        if enough in (like, seen - like):
            break
    if like > seen / 2:
        raise RequestError(
            f"{name}: {like} of {seen} pictures looked at are grey and fill their frames, as "
            "radiographs do, and would be cropped as fundus photographs; say which they are in "
            'dataset.toml, modality = "chest" or "fundus", or with --set data.modality=chest'
        )


def like_radiograph(picture: np.ndarray) -> bool:
    """Whether a picture (H, W, 3) uint8 is grey and shows something in a corner of its frame."""
    small = cv2.resize(picture, (PX, PX), interpolation=cv2.INTER_AREA).astype(np.float64)
    if (small.max(axis=2) - small.min(axis=2)).mean() > GREY:
        return False
    ends = (slice(CORNER), slice(PX - CORNER, PX))
    return max(small[rows, columns].mean() for rows in ends for columns in ends) > LIT


def _spread(records: Sequence[Record]) -> list[Record]:
    places = np.unique(np.linspace(0, len(records) - 1, LOOKED_AT).round().astype(int))
    return [records[place] for place in places]


def _picture(record: Record) -> np.ndarray | None:
    """The pixels, as small as they can be decoded; None where the file is no picture."""
    if not record.path.is_file():
        return None
    try:
        return decode(record.path, shorter_px=PX, longer_px=PX).pixels
    except RequestError:
        return None  # named with all others that cannot be read, later
