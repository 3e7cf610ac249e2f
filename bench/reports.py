"""The command that writes the report; `bench.cli` adds it to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.options import RUNS, Records, explained

commands = typer.Typer()


@commands.command()
def report(
    records: Records = RUNS,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("results/report.html"),
    protocol: Annotated[str | None, typer.Option(help="A protocol's name, or a key.")] = None,
    study: Annotated[
        list[Path] | None,
        typer.Option(help="Also this folder's sensitivity runs; repeatable."),
    ] = None,
) -> None:
    """Everything the records say as one HTML page that needs nothing else."""
    with explained():
        from bench.reporting.report.page import write

        contents = write(records, out, tuple(study or ()), protocol=protocol)
        typer.echo(contents.message or f"{out}  {out.stat().st_size / 1e6:.1f} MB")
