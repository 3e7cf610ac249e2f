"""Photographs that stand in a data set twice: the same file, or the same picture in another file.

Fundus photographs are alike in their large parts, so the usual hashes of 64 bits cannot tell them
apart: on 678 real ones, strangers differ in 0 bits and copies in up to 10. What is compared here
are the signs of the 24 x 24 lowest frequencies of the crop's inner square, 576 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from bench.data.records import Record

INNER = 0.7
"""Side of the compared square as a fraction of the crop: inside the disc, cut circles included."""

SAMPLED_PX = 64
FREQUENCIES = 24

ALIKE = 0.22
"""Proportion of signs that may differ in one picture.

Measured on the 705 photographs of SRahim and IDRiD: copies (JPEG quality 30, a quarter of the
size, brighter, darker, trimmed) differ in 0.195 at most, 99 % of them in under 0.146. Of 248,160
pairs of different photographs two come below 0.29, at 0.175 and 0.19, and both show one eye under
two patient numbers. Their tail falls sixfold each 0.025, so that EyeQ's 4e8 pairs should give
about twenty false ones at this threshold.
"""

ALIKE_RADIOGRAPHS = 0.18
"""The same of radiographs, all of which show the same organs in the same places.

Measured on the 1,000 of NIH's sample, at 64 px: copies (JPEG quality 30, a quarter of the size,
brighter, darker) differ in 0.137 at most; no two patients' in less than 0.283 (491,169 pairs), and
no two of one patient's in less than 0.219 (8,331 pairs, taken at different times).
"""

THRESHOLDS = {"fundus": ALIKE, "chest": ALIKE_RADIOGRAPHS}
"""By modality."""

PAIRS_AT_ONCE = 2_000_000
"""How many pairs are compared at a time: 140 MB at most, however many pictures are alike."""

FLAT = 1.0
"""Grey levels: a square that varies by less shows compression noise; all such look alike."""


@dataclass(frozen=True)
class DuplicateGroup:
    """Images that show one picture.

    Attributes:
        images: Indices, ascending.
        across: "splits", "patients" or "one patient": the farthest apart that they stand.
        contradictory: Their labels differ.
        differing_quality: Their qualities differ.
    """

    images: tuple[int, ...]
    across: str
    contradictory: bool
    differing_quality: bool


def fingerprint(square: np.ndarray) -> np.ndarray | None:
    """What is compared of a crop (S, S, 3): (576,) bool; None if it is too dark or flat to tell."""
    size = square.shape[0]
    edge = round(size * (1 - INNER) / 2)
    grey = cv2.cvtColor(np.ascontiguousarray(square), cv2.COLOR_RGB2GRAY)[edge:-edge, edge:-edge]
    sampled = cv2.resize(
        grey.astype(np.float32), (SAMPLED_PX, SAMPLED_PX), interpolation=cv2.INTER_AREA
    )
    low = cv2.dct(sampled)[:FREQUENCIES, :FREQUENCIES].ravel()
    varies_by = np.sqrt((low[1:] ** 2).sum()) / SAMPLED_PX  # the transform is orthonormal
    return low > 0 if varies_by >= FLAT else None


def same_content(digests: Sequence[str], records: Sequence[Record]) -> list[DuplicateGroup]:
    """Groups of files with the same bytes, the farthest apart first."""
    members: dict[str, list[int]] = {}
    for i, content in enumerate(digests):
        members.setdefault(content, []).append(i)
    return _groups([indices for indices in members.values() if len(indices) > 1], records)


def same_picture(
    fingerprints: Sequence[np.ndarray | None],
    digests: Sequence[str],
    records: Sequence[Record],
    alike: float = ALIKE,
) -> list[DuplicateGroup]:
    """Groups of different files that show one picture, the farthest apart first.

    Of files with the same bytes only the first takes part; `same_content` has the others.

    Args:
        alike: Proportion of signs that may differ.
    """
    first = {content: i for i, content in reversed(list(enumerate(digests)))}
    taking_part = [i for i in sorted(first.values()) if fingerprints[i] is not None]
    if len(taking_part) < 2:
        return []
    signs = np.stack([np.asarray(fingerprints[i]) for i in taking_part])
    component = _components(signs, alike)
    members: dict[int, list[int]] = {}
    for position, number in enumerate(component):
        members.setdefault(int(number), []).append(taking_part[position])
    return _groups([indices for indices in members.values() if len(indices) > 1], records)


def _components(signs: np.ndarray, alike: float) -> np.ndarray:
    """(N,) numbers, equal for rows of (N, B) bool that a chain of like rows connects.

    Pairs are found and forgotten block by block: where all rows are alike there are N^2 / 2.
    """
    count, bits = signs.shape
    centred = signs.astype(np.float32) * 2 - 1
    component, rows = np.arange(count), max(1, PAIRS_AT_ONCE // count)
    for start in range(0, count, rows):
        # The product counts agreements less disagreements: whole numbers, exact in float32.
        agreement = centred[start : start + rows] @ centred[start:].T
        first, second = np.nonzero(agreement >= bits * (1 - 2 * alike))
        pair = component[first + start], component[second + start]
        linked = coo_matrix((np.ones(len(first), bool), pair), shape=(count, count))
        component = connected_components(linked, directed=False)[1][component]
    return component


def _groups(members: list[list[int]], records: Sequence[Record]) -> list[DuplicateGroup]:
    groups = [_group(sorted(indices), records) for indices in members]
    order = ("splits", "patients", "one patient")
    return sorted(groups, key=lambda g: (order.index(g.across), not g.contradictory, g.images))


def _group(images: list[int], records: Sequence[Record]) -> DuplicateGroup:
    members = [records[i] for i in images]
    across = "one patient"
    if len({r.patient_id for r in members}) > 1:
        across = "patients"
    if len({r.split for r in members}) > 1:
        across = "splits"
    return DuplicateGroup(
        tuple(images),
        across,
        len({r.labels for r in members}) > 1,
        len({r.quality for r in members}) > 1,
    )
