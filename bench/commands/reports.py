"""The command that writes the report; `bench.cli` adds it to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.folders import existing_folder, new_file
from bench.commands.options import (
    RUNS,
    JsonOption,
    RecordsOption,
    SelectedProtocolOption,
    reported,
)

commands = typer.Typer()


@commands.command(
    rich_help_panel=options.READ,
    epilog="Example: bench report --records results/studies/twin-laptop --out report.html",
)
def report(
    records: RecordsOption = RUNS,
    out: Annotated[Path, typer.Option(help="HTML file to write.", callback=new_file)] = Path(
        "results/report.html"
    ),
    protocol: SelectedProtocolOption = None,
    study: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also include the sensitivity runs in this folder. Repeatable.",
            callback=existing_folder,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write all results as one HTML page that needs no other file and no network."""
    with reported(records, *(study or ())):
        from bench.reporting.report.page import report_message, write

        contents = write(records, out, tuple(study or ()), protocol=protocol)
        typer.echo(report_message(contents, out, as_json=as_json))


@commands.command(rich_help_panel=options.OURS, epilog="Example: bench pages")
def pages() -> None:
    """Rewrite the README's table and picture and results/REPRODUCTION.md from committed studies.

    Run it in the root of a checkout; results/pages.toml lists the studies.
    """
    with reported():
        from bench.reporting.reproduction.files import generated
        from bench.store import write_bytes

        for name, content in generated(Path()).items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            unchanged = path.is_file() and path.read_bytes() == content
            if not unchanged:
                write_bytes(path, content)
            typer.echo(f"{name}  {'unchanged' if unchanged else 'written'}")
