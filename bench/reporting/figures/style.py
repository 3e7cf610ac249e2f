"""How every figure looks: colours that colour-blind readers tell apart, and marks that need none.

No figure tells two things apart by colour alone: markers, fills, line styles or places say the
same, so that a print in grey loses nothing. Colours: Okabe & Ito, 2008.
"""

import io
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DPI = 150
NARROWEST, HEADING = 5.5, 0.5
"""Inches that a figure is wide at least, and that its heading takes."""

INK, GREY, PALE = "#222222", "#767676", "#C4C4C4"
BLUE, VERMILION, GREEN, ORANGE, PURPLE = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7"

SETTINGS: dict[Any, Any] = {
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": DPI,
    "font.family": "DejaVu Sans",  # matplotlib brings it: the same glyphs everywhere
    "font.size": 8,
    "lines.linewidth": 1.2,
    "savefig.facecolor": "white",
    # The bytes of an SVG are a function of what is drawn.
    "svg.fonttype": "path",
    "svg.hashsalt": "comcl-bench",
    # A title from a user's file is text, dollar signs included.
    "text.parse_math": False,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 7,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 7,
}


@dataclass(frozen=True)
class MethodStyle:
    """How one method is drawn wherever it has to be found again."""

    colour: str
    marker: str
    line: Any = "-"
    width: float = 1.3
    size: float = 4.5


PROPOSED_STYLE = MethodStyle(VERMILION, "D", "-", 2.2, 5.0)
CONTROL_STYLE = MethodStyle(GREEN, "^", (0, (1, 1.2)), 1.6, 5.0)
OTHER_STYLE = MethodStyle(BLUE, "o", (0, (4, 1.5)))


def method_style(method: str) -> MethodStyle:
    """Diamonds on a thick line for the proposed method, triangles for the control, else circles."""
    if method == "comcl":
        return PROPOSED_STYLE
    return CONTROL_STYLE if method == "resnet50-long" else OTHER_STYLE


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib's own defaults and this module's settings until the block ends."""
    with mpl.rc_context():
        mpl.rcdefaults()
        for name, value in SETTINGS.items():
            mpl.rcParams[name] = value
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, its parts laid out without overlap when it is saved."""
    return Figure(figsize=(width, height), layout="constrained")


def panels(
    count: int, *, columns: int, width: float, height: float, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` axes, row by row; places left over are empty.

    Args:
        columns: Panels a row at most.
        width: Of one panel, inches.
        height: Of one panel, inches.
        shared: `sharex` and `sharey` as of `Figure.subplots`.

    Returns:
        The figure and its list of axes.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = new_figure(max(columns * width, NARROWEST), rows * height + HEADING)
    grid = figure.subplots(rows, columns, squeeze=False, **shared)
    axes: list[Axes] = list(grid.ravel())
    for index, empty in enumerate(axes[count:], start=count):
        empty.remove()
        # The panel above a gap is the last of its column and needs its own tick labels.
        axes[index - columns].xaxis.set_tick_params(labelbottom=True)
    return figure, axes[:count]


def heading(figure: Figure, title: str, about: str) -> None:
    """What a picture shows, and of which runs, on top of it; in lines that its width holds."""
    letters = int(14 * figure.get_figwidth())
    lines = [line for text in (title, about) for line in textwrap.wrap(text, letters)]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=8.5, color=INK)


def panel_title(axes: Axes, text: str, *, letters: int = 22, bold: bool = False) -> None:
    """A panel's title on its left, in lines of so many letters."""
    weight = "bold" if bold else "normal"
    lines = "\n".join(textwrap.wrap(text, letters, break_on_hyphens=False))
    axes.set_title(lines, loc="left", fontsize=8, fontweight=weight, color=INK)


def name_rows(axes: list[Axes], names: Iterable[str]) -> None:
    """Names of rows, from the top, on the first of panels that share them."""
    texts = list(names)
    axes[0].set_yticks(range(len(texts)), texts)
    axes[0].set_ylim(len(texts) - 0.4, -0.6)
    for panel in axes:
        panel.grid(axis="y", color=PALE, lw=0.4)
        panel.tick_params(axis="y", length=0)


def label_below(axes: list[Axes], columns: int, text: str) -> None:
    """A label under the lowest panel of each column of `panels`."""
    for panel in axes[-min(columns, len(axes)) :]:
        panel.set_xlabel(text)


def to_bytes(figure: Figure, form: str) -> bytes:
    """A figure as "svg" or "png"; equal figures give equal bytes under one matplotlib."""
    plain = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format=form, dpi=DPI, metadata=plain)
    return buffer.getvalue()
