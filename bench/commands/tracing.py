"""The commands that say where a number comes from; `bench.cli` adds them to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.options import RUNS, Cache, Data, Device, Json, Records, explained

commands = typer.Typer()
Cell = Annotated[str, typer.Argument(help="For example T1:comcl:eyeq:0.7, or ...:accuracy.")]
Selected = Annotated[str | None, typer.Option(help="A protocol's name, or a key.")]


@commands.command(rich_help_panel=options.TRACE)
def explain(
    cell: Cell, records: Records = RUNS, protocol: Selected = None, as_json: Json = False
) -> None:
    """Where a cell's number comes from: runs, settings, commands, environment, interval."""
    with explained():
        from bench.reporting.results.records import load
        from bench.reporting.tracing.cell_ids import cell_id
        from bench.reporting.tracing.explain import explain as facts_of
        from bench.reporting.tracing.page import explain_page

        elsewhere = None if records == RUNS else records
        facts = facts_of(cell_id(cell), load(records), protocol, elsewhere)
        typer.echo(explain_page(facts, as_json=as_json))


@commands.command(rich_help_panel=options.TRACE)
def export(
    out: Annotated[Path, typer.Option(help="The zip file to write.")],
    records: Records = RUNS,
    protocol: Selected = None,
) -> None:
    """One file with records, published values and pages, from which anyone can recompute them."""
    with explained():
        from bench.reporting.tracing.bundle import export as exported
        from bench.store import file_digest

        runs = exported(records, out, protocol=protocol)
        typer.echo(f"{out}  {runs} runs  sha256 {file_digest(out)}")


@commands.command(rich_help_panel=options.TRACE)
def verify(
    bundle: Annotated[Path, typer.Argument(help="As bench export wrote it.")],
    as_json: Json = False,
) -> None:
    """Recompute every number of a bundle, without torch or images; 1 if one does not follow."""
    with explained():
        from bench.reporting.tracing.verify import verify as verified

        answer = verified(bundle)
        typer.echo(answer.page(as_json=as_json))
        raise typer.Exit(1 if answer.faults else 0)


@commands.command(rich_help_panel=options.TRACE)
def rerun(
    cell: Cell,
    seed: Annotated[int | None, typer.Option(min=0, help="Which run; else the first.")] = None,
    records: Records = RUNS,
    protocol: Selected = None,
    results: Annotated[
        Path | None, typer.Option(help="Where the new run goes; else a temporary folder.")
    ] = None,
    data: Data = None,
    cache: Cache = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Make one run of a cell again and compare; 1 if its score is not where it is expected."""
    with explained():
        from bench.pipeline.progress import watching
        from bench.reporting.tracing.cell_ids import cell_id
        from bench.sweeps.rerun import Asked
        from bench.sweeps.rerun import rerun as made_again

        places = {"results": results, "data": data, "cache": cache, "device": device}
        asked = Asked(cell_id(cell), records, seed, protocol, **places)
        with watching() as callbacks:
            answer = made_again(asked, callbacks)
        typer.echo(answer.page(as_json=as_json))
        raise typer.Exit(0 if answer.inside else 1)
