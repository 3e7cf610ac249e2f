"""The synthetic twin as files, in the layout that NIH publishes."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from PIL import Image

from bench.data.atomic_folder import atomic_folder
from bench.data.chest_twin.cohort import Visit, cohort
from bench.data.chest_twin.draw import radiograph
from bench.data.workers import working
from bench.seeding import generator_for

ENTRIES = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
BOXES = "Image Index,Finding Label,Bbox [x,y,w,h]"
BOX_SIDE = 1024  # px of the pictures that NIH's boxes lie in
BOX_NAMES = {"Infiltration": "Infiltrate"}  # as the box file has it
# Of test images with a finding. NIH's 880 are 6 %; assumed: more, or small sets have none.
BOXED = 0.25
FindingBox = tuple[str, float, float, float, float]


def write_chestxray(
    root: Path,
    *,
    train: int = 1254,
    test: int = 1625,
    size_px: int = 256,
    seed: int = 0,
    workers: int = 2,
    on_image: Callable[[], object] | None = None,
) -> None:
    """Draw a set in NIH's layout, boxes.csv with the boxes of all findings, and DONE.

    A folder that is there is finished: it appears whole, under a temporary name before that.

    Args:
        on_image: Called after each image.
    """
    visits = cohort(train, test, seed=seed)
    boxes: list[tuple[Visit, FindingBox]] = []
    with atomic_folder(root) as folder:
        (folder / "images").mkdir()
        with working(ProcessPoolExecutor(workers, mp_context=get_context("spawn"))) as pool:
            drawn = pool.map(_DrawRadiograph(size_px, seed), visits, chunksize=8)
            try:
                for visit, (png, image_boxes) in zip(visits, drawn, strict=True):
                    (folder / "images" / visit.name).write_bytes(png)
                    boxes += [(visit, box) for box in image_boxes]
                    if on_image is not None:
                        on_image()
            finally:
                pool.shutdown(cancel_futures=True)  # whoever interrupts need not wait for the rest
        _write_lists(folder, visits)
        _write_boxes(folder, boxes)
        _write_published_boxes(folder, boxes, size_px, seed)


class _DrawRadiograph:
    """Takes a visit's radiograph: the bytes of its PNG, and its boxes."""

    def __init__(self, size_px: int, seed: int):
        self.size_px, self.seed = size_px, seed

    def __call__(self, visit: Visit) -> tuple[bytes, tuple[FindingBox, ...]]:
        drawn, buffer = radiograph(visit, size_px=self.size_px, seed=self.seed), BytesIO()
        Image.fromarray(drawn.image).save(buffer, format="PNG")
        return buffer.getvalue(), drawn.boxes


def _write_lists(folder: Path, visits: list[Visit]) -> None:
    rows = [
        f"{v.name},{v.label},{v.follow_up},{v.patient},{v.age},{'M' if v.male else 'F'},{v.view},"
        f"{v.original[0]},{v.original[1]},{v.original[2]},{v.original[2]}"
        for v in visits
    ]
    _write_lines(folder / "Data_Entry_2017_v2020.csv", [ENTRIES, *rows, ""])
    for split, name in (("train", "train_val_list.txt"), ("test", "test_list.txt")):
        _write_lines(folder / name, [v.name for v in visits if v.split == split])


def _write_lines(path: Path, lines: Iterable[str], ending: str = "\n") -> None:
    path.write_bytes(ending.join(lines).encode())


def _write_boxes(folder: Path, boxes: list[tuple[Visit, FindingBox]]) -> None:
    columns = ["image", "finding", "x0", "y0", "x1", "y1"]
    table = pd.DataFrame([(visit.name, *box) for visit, box in boxes], columns=columns)
    table.to_csv(folder / "boxes.csv", index=False)


def _write_published_boxes(
    folder: Path, boxes: list[tuple[Visit, FindingBox]], size_px: int, seed: int
) -> None:
    """Boxes of a few test images, corner and size in pixels of 1024, lines ended as NIH's."""
    scale, rows = BOX_SIDE / size_px, [BOXES]
    for visit, (finding, x0, y0, x1, y1) in boxes:
        chosen = generator_for(seed, "chest boxed", visit.name).random() < BOXED
        if visit.split == "test" and chosen:
            sides = ",".join(f"{v * scale:.10g}" for v in (x0, y0, x1 - x0, y1 - y0))
            rows.append(f"{visit.name},{BOX_NAMES.get(finding, finding)},{sides}")
    _write_lines(folder / "BBox_List_2017.csv", [*rows, ""], "\r\n")
