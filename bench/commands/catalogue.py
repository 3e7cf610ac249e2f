"""The commands that list what there is; `bench.cli` adds them to its own."""

from typing import Annotated

import typer

from bench.commands import options
from bench.commands.options import JsonOption, reported
from bench.roster import METHODS

commands = typer.Typer()


@commands.command(rich_help_panel=options.LOOK, epilog="Example: bench methods")
def methods(as_json: JsonOption = False) -> None:
    """List the methods with their sources, and how much of each its authors published."""
    _page("methods", as_json)


@commands.command(rich_help_panel=options.LOOK, epilog="Example: bench datasets")
def datasets(as_json: JsonOption = False) -> None:
    """List the data sets with the layout of their folders and where to get them."""
    _page("datasets", as_json)


@commands.command(
    rich_help_panel=options.LOOK, epilog="Example: bench protocol laptop --method lanet"
)
def protocol(
    name: Annotated[
        str,
        typer.Argument(
            help="Preset: paper, laptop, laptop-chest, pretrained, demo or smoke.",
            autocompletion=options.complete(*options.PROTOCOLS),
        ),
    ] = "paper",
    method: Annotated[
        str,
        typer.Option(
            help="Show the values that this method has under --settings.",
            autocompletion=options.complete(*METHODS),
        ),
    ] = "",
    settings: Annotated[
        str,
        typer.Option(
            help="With --method: common (its tuned learning rate in force), default or original.",
            autocompletion=options.complete(*options.SETTINGS),
        ),
    ] = "original",
    as_json: JsonOption = False,
) -> None:
    """List every setting of a preset with its value, unit and source."""
    _page("protocol", as_json, name, method, settings)


@commands.command(rich_help_panel=options.LOOK, epilog="Example: bench ambiguities")
def ambiguities(as_json: JsonOption = False) -> None:
    """List the open questions of the paper: alternatives, default, evidence, deciding setting."""
    _page("ambiguities", as_json)


def _page(name: str, as_json: bool, *arguments: str) -> None:
    with reported():
        from bench.reporting import catalogue

        typer.echo(getattr(catalogue, name)(*arguments, as_json=as_json))
