"""Whose radiograph counts as taken badly: NIH gives no qualities, nor does the paper.

Source: docs/reference/data.md#quality-labels-of-radiographs.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from bench import checksums
from bench.data.cache import ProgressCallback, content_digests
from bench.data.decode import radiograph
from bench.data.folder import read_csv, whole_number
from bench.data.records import Record
from bench.data.workers import working
from bench.errors import RequestError
from bench.protocol.chest import ChestSettings

PX = 256
"""Side of the copy that image quality is measured on."""

VERSION = 1
LOW = ("sharpness", "contrast", "entropy", "noise")


class Quality(NamedTuple):
    """What is known of the images' quality.

    Attributes:
        codes: 0 good, 1 usable, 2 reject, one per image.
        synthetic_proportion: How many of each split stand for low quality by being degraded.
        sentence: Says so.
    """

    codes: list[int]
    synthetic_proportion: float
    sentence: str


def quality(
    records: Sequence[Record],
    views: Sequence[str],
    settings: ChestSettings,
    *,
    cache: Path,
    tick: ProgressCallback,
) -> Quality:
    """The qualities of images by the source that `chest.quality` names.

    Args:
        views: "PA" or "AP", one per image.
        cache: Where measured qualities are kept.
        tick: Called with how many images are measured.

    Raises:
        RequestError: when the external file is not there, lacks an image, or has another code.
    """
    source, proportion = settings.quality, settings.low_share
    if (source == "external") != (settings.quality_file is not None):
        raise RequestError(
            f"--set chest.quality={source} and chest.quality_file={settings.quality_file}: "
            "external needs a file, and nothing else reads one; give both, or neither"
        )
    if source == "synthetic":
        sentence = (
            f"quality is synthetic: {proportion:.1%} of each split, drawn by seed, are degraded"
        )
        return Quality([0] * len(records), proportion, sentence)
    if source == "view_ap":
        sentence = "quality by view: AP radiographs count as low, PA as good"
        return Quality([int(view == "AP") for view in views], 0.0, sentence)
    if source == "proxy_iqa":
        sentence = f"quality by measured {', '.join(LOW)}: the lowest {proportion:.1%} count as low"
        measured = _measured(records, cache, tick)
        return Quality(lowest(measured, proportion).astype(int).tolist(), 0.0, sentence)
    path = Path(settings.quality_file or "")
    return Quality(_external(records, path), 0.0, f"quality as in {path.name}")


def lowest(measured: np.ndarray, proportion: float) -> np.ndarray:
    """Which images (N,) bool have the lowest sum of z-scores of the columns of (N, 4).

    The columns are `LOW`; noise counts against an image. A column without spread counts nothing.
    """
    spread = measured.std(axis=0)
    z = (measured - measured.mean(axis=0)) / np.where(spread > 0, spread, 1)
    total = z @ np.array([1.0, 1.0, 1.0, -1.0])
    low = np.zeros(len(measured), dtype=bool)
    low[np.argsort(total, kind="stable")[: round(proportion * len(measured))]] = True
    return low


def measures(image: np.ndarray) -> tuple[float, float, float, float]:
    """Sharpness, contrast, entropy and noise of grey levels (S, S) uint8.

    Variance of the Laplacian; standard deviation; bits per pixel; Immerkaer's estimate of the
    noise's standard deviation (Fast noise variance estimation, 1996).
    """
    grey = image.astype(np.float64) / 255
    counts = np.bincount(image.ravel(), minlength=256) / image.size
    shown = counts[counts > 0]
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float64)
    edges = np.abs(cv2.filter2D(grey, -1, kernel)[1:-1, 1:-1])
    return (
        float(cv2.Laplacian(grey, cv2.CV_64F).var()),
        float(grey.std()),
        float(-(shown * np.log2(shown)).sum()),
        float(np.sqrt(np.pi / 2) / 6 * edges.mean()),
    )


def _measured(records: Sequence[Record], cache: Path, tick: ProgressCallback) -> np.ndarray:
    """(N, 4), remembered by the files' contents."""
    digests = content_digests(records, cache, tick)
    path = cache / f"chest-quality-{VERSION}.json"
    known: dict[str, list[float]] = checksums.read_json(path) or {}
    new = {d: r.path for d, r in zip(digests, records, strict=True) if d not in known}

    def measure(file: Path) -> tuple[float, float, float, float]:
        return measures(radiograph(file, PX)[0][..., 0])

    with working(ThreadPoolExecutor()) as pool:
        for done, (name, values) in enumerate(
            zip(new, pool.map(measure, new.values()), strict=True), start=1
        ):
            known[name] = list(values)
            tick("measuring quality", len(records) - len(new) + done, len(records))
    if new:
        checksums.write_json(path, known)
    return np.array([known[name] for name in digests])


def _external(records: Sequence[Record], path: Path) -> list[int]:
    table = read_csv(path, required=("image", "quality"))
    codes = {
        Path(image).stem: whole_number(text, f"{path.name}, image {image}")
        for image, text in zip(table["image"], table["quality"], strict=True)
    }
    missing = [r.image_id for r in records if r.image_id not in codes]
    if missing:
        raise RequestError(f"{path.name} has no quality of {len(missing):,} images ({missing[0]})")
    listed = [codes[r.image_id] for r in records]
    if not set(listed) <= {0, 1, 2}:
        raise RequestError(
            f"{path.name}: 0 good, 1 usable or 2 reject, not {sorted(set(listed) - {0, 1, 2})[0]}"
        )
    return listed
