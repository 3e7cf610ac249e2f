"""Contact sheets: many small pictures on one page, each with a line of text."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP_PX = 6
LINE_PX = 15
PAPER, INK = (255, 255, 255), (20, 20, 20)


def grid(
    images: Sequence[np.ndarray],
    captions: Sequence[str],
    columns: int,
    path: Path,
    title: str = "",
) -> Path:
    """Write pictures, uint8 (H, W, 3), row by row as one PNG; the cell is as large as the largest.

    Args:
        images: At least one; they may differ in size.
        captions: One text a picture, cut to the picture's width; "" for none.
        columns: Pictures a row.
        path: Where the PNG goes; its folder is made.
        title: A line on top of the sheet.

    Raises:
        ValueError: without pictures, or with another number of captions.
    """
    if not images or len(images) != len(captions):
        raise ValueError(
            f"{len(images)} pictures and {len(captions)} captions: give at least one picture "
            "and one caption (it may be empty) for each"
        )
    cell_h = max(image.shape[0] for image in images) + LINE_PX + GAP_PX
    cell_w = max(image.shape[1] for image in images) + GAP_PX
    rows, top = -(-len(images) // columns), GAP_PX + (LINE_PX + GAP_PX if title else 0)
    used = min(columns, len(images))
    sheet = Image.new("RGB", (GAP_PX + used * cell_w, top + rows * cell_h), PAPER)
    _write(sheet, title, GAP_PX, GAP_PX, sheet.width - 2 * GAP_PX)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = GAP_PX + index % columns * cell_w, top + index // columns * cell_h
        sheet.paste(Image.fromarray(image), (x, y))
        _write(sheet, caption, x, y + image.shape[0] + 1, cell_w - GAP_PX)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, format="PNG")
    return path


def _write(sheet: Image.Image, text: str, x: int, y: int, width_px: int) -> None:
    """Write a line, cut with "…" to a width."""
    font = ImageFont.load_default(size=11)
    whole = text
    while whole and font.getlength(text) > width_px:
        whole = whole[:-1]
        text = whole + "…"
    ImageDraw.Draw(sheet).text((x, y), text, fill=INK, font=font)
