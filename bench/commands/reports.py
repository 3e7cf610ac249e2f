"""The command that writes the report; `bench.cli` adds it to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.options import RUNS, Json, Records, explained

commands = typer.Typer()


@commands.command(rich_help_panel=options.READ)
def report(
    records: Records = RUNS,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("results/report.html"),
    protocol: Annotated[str | None, typer.Option(help="A protocol's name, or a key.")] = None,
    study: Annotated[
        list[Path] | None,
        typer.Option(help="Also this folder's sensitivity runs; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Everything the records say as one HTML page that needs nothing else."""
    with explained():
        from bench.reporting.report.page import said, write

        contents = write(records, out, tuple(study or ()), protocol=protocol)
        typer.echo(said(contents, out, as_json=as_json))


@commands.command(rich_help_panel=options.OURS)
def pages() -> None:
    """The README's table and picture and results/REPRODUCTION.md, from the committed studies."""
    with explained():
        from bench.reporting.reproduction.files import generated
        from bench.store import write_bytes

        for name, content in generated(Path()).items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            same = path.is_file() and path.read_bytes() == content
            if not same:
                write_bytes(path, content)
            typer.echo(f"{name}  {'as it was' if same else 'written'}")
