"""The commands that check the benchmark itself; `bench.cli` adds them to its own."""

from typing import Annotated

import typer

from bench.options import RUNS, Json, Records, explained

commands = typer.Typer()


@commands.command()
def audit(
    records: Records = RUNS,
    form: Annotated[str, typer.Option("--format", help="terminal or markdown.")] = "terminal",
    as_json: Json = False,
) -> None:
    """Were all methods treated alike, and did anything of the test split leak? 3 if not."""
    with explained():
        from bench.reporting.audit_page import audit_page

        answer = audit_page(records, form, as_json=as_json)
        typer.echo(answer.text)
        raise typer.Exit(3 if answer.failed else 0)
