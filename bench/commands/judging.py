"""The commands that judge differences: of the paper's claims, and of any two rows."""

from typing import Annotated

import typer

from bench.commands import options
from bench.commands.options import (
    RUNS,
    FormatOption,
    JsonOption,
    RecordsOption,
    SelectedProtocolOption,
    reported,
)

commands = typer.Typer()
MarginOption = Annotated[
    float | None,
    typer.Option(
        min=0.0001,
        max=1.0,
        metavar="<difference>",
        help="A difference that would matter to you, for example 0.03: also print how many seeds "
        "find it with power 0.8, and what 3, 5, 10 and 20 seeds would find.",
    ),
]
RowArgument = Annotated[
    str,
    typer.Argument(
        help="Name of a method that has runs; or the id of one run, or its first digits, four or "
        "more."
    ),
]


@commands.command(
    rich_help_panel=options.READ,
    epilog="Example: bench claims --records results/studies/twin-laptop --margin 0.05",
)
def claims(
    protocol: SelectedProtocolOption = None,
    records: RecordsOption = RUNS,
    margin: MarginOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge each claim of the paper: supported or not, effect size, and what the seeds detect."""
    with reported(records):
        from bench.reporting.claims.page import claims_page
        from bench.reporting.results.records import load

        typer.echo(claims_page(load(records), protocol=protocol, margin=margin, as_json=as_json))


@commands.command(
    rich_help_panel=options.READ,
    epilog="Example: bench compare comcl resnet50 --records results/studies/twin-laptop",
)
def compare(
    first: RowArgument,
    second: RowArgument,
    protocol: SelectedProtocolOption = None,
    records: RecordsOption = RUNS,
    form: FormatOption = "terminal",
    as_json: JsonOption = False,
) -> None:
    """Show how two methods, or two runs, differ: difference, interval, p, and what is detected."""
    with reported(records):
        from bench.reporting.comparison.page import comparison_page
        from bench.reporting.results.records import load

        shown = {"protocol": protocol, "form": form, "as_json": as_json}
        typer.echo(comparison_page(load(records), first, second, **shown).rstrip("\n"))
