"""The command that draws figures; `bench.cli` adds it to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.folders import new_folder
from bench.commands.options import RUNS, RecordsOption, SelectedProtocolOption, reported

NAMES = (
    "scores",
    "seeds",
    "learning",
    "ranks",
    "confusion",
    "calibration",
    "embeddings",
    "saliency",
    "degradations",
)
"""The names in `bench.reporting.figures.FIGURES`, which is not imported for --help."""

commands = typer.Typer()


@commands.command(
    rich_help_panel=options.READ,
    epilog="Example: bench figures --records results/studies/twin-laptop --only scores",
)
def figures(
    records: RecordsOption = RUNS,
    out: Annotated[
        Path, typer.Option(help="Folder to which the figures are written.", callback=new_folder)
    ] = Path("results/figures"),
    only: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Draw only this figure: {', '.join(NAMES)}. Repeatable.",
            autocompletion=options.complete(*NAMES),
        ),
    ] = None,
    protocol: SelectedProtocolOption = None,
) -> None:
    """Draw figures of the results as SVG and PNG, each with a CSV of the numbers shown."""
    with reported(records):
        from bench.reporting.figures import draw, write
        from bench.reporting.results.records import load

        for drawn in draw(load(records), protocol=protocol, only=tuple(only or ())):
            for path in write(drawn, out):
                typer.echo(str(path))
            for name, reason in drawn.skipped:
                typer.echo(f"{drawn.dataset}: no {name}: {reason}", err=True)
