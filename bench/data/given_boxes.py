"""Lesion boxes that a user gives: `boxes.csv` with `image,x0,y0,x1,y1` in pixels of the file."""

from pathlib import Path

from bench.data.label_table import read_csv
from bench.data.records import Box
from bench.errors import RequestError


def read_boxes(path: Path) -> dict[str, tuple[Box, ...]]:
    """Boxes by image of a `boxes.csv`; empty when there is no such file."""
    if not path.is_file():
        return {}
    table = read_csv(path, required=("image", "x0", "y0", "x1", "y1"))
    try:
        corners = table[["x0", "y0", "x1", "y1"]].astype(float).to_numpy()
    except ValueError as error:
        raise RequestError(f"{path}: corners must be numbers: {error}") from None
    if ((corners[:, 2:] <= corners[:, :2]).any(axis=1)).any():
        raise RequestError(f"{path}: x1 and y1 must be larger than x0 and y0")
    boxes: dict[str, tuple[Box, ...]] = {}
    for image, (x0, y0, x1, y1) in zip(table["image"], corners.tolist(), strict=True):
        boxes[image] = (*boxes.get(image, ()), (x0, y0, x1, y1))
    return boxes
