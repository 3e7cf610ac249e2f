"""The command that draws figures; `bench.cli` adds it to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.options import RUNS, Records, explained

NAMES = (
    "scores",
    "seeds",
    "ranks",
    "confusion",
    "calibration",
    "embeddings",
    "saliency",
    "degradations",
)
"""Of `bench.reporting.figures.FIGURES`, which is not imported for --help."""

commands = typer.Typer()


@commands.command(rich_help_panel=options.READ)
def figures(
    records: Records = RUNS,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("results/figures"),
    only: Annotated[list[str] | None, typer.Option(help=f"Repeatable: {', '.join(NAMES)}.")] = None,
    protocol: Annotated[str | None, typer.Option(help="A protocol's name, or a key.")] = None,
) -> None:
    """The figures from the records, as SVG, PNG and the numbers that they show."""
    with explained():
        from bench.reporting.figures import draw, write
        from bench.reporting.results.records import load

        for drawn in draw(load(records), protocol=protocol, only=tuple(only or ())):
            for path in write(drawn, out):
                typer.echo(str(path))
            for name, why in drawn.skipped:
                typer.echo(f"{drawn.dataset}: no {name}: {why}", err=True)
