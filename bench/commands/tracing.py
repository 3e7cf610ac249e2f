"""The commands that say where a number comes from; `bench.cli` adds them to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.folders import new_file, new_folder
from bench.commands.options import (
    RUNS,
    CacheOption,
    DataOption,
    DeviceOption,
    JsonOption,
    RecordsOption,
    SelectedProtocolOption,
    reported,
)

commands = typer.Typer()
CellArgument = Annotated[
    str,
    typer.Argument(
        help="Cell of a table as TABLE:METHOD:DATASET:RATIO, for example T1:comcl:eyeq:0.7; a "
        "score may follow, as in T1:comcl:eyeq:0.7:accuracy."
    ),
]


@commands.command(
    rich_help_panel=options.TRACE,
    epilog="Example: bench explain T1:comcl:eyeq-twin:0.7 --records results/studies/twin-laptop",
)
def explain(
    cell: CellArgument,
    records: RecordsOption = RUNS,
    protocol: SelectedProtocolOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where a cell's number comes from: runs, settings, commands, environment, interval."""
    with reported(records):
        from bench.reporting.results.records import load
        from bench.reporting.tracing.cell_ids import cell_id
        from bench.reporting.tracing.explain import explain as explanation_of
        from bench.reporting.tracing.page import explain_page

        elsewhere = None if records == RUNS else records
        explanation = explanation_of(cell_id(cell), load(records), protocol, elsewhere)
        typer.echo(explain_page(explanation, as_json=as_json))


@commands.command(
    rich_help_panel=options.TRACE,
    epilog="Example: bench export --out study.zip --records results/studies/twin-laptop",
)
def export(
    out: Annotated[Path, typer.Option(help="Zip file to write.", callback=new_file)],
    records: RecordsOption = RUNS,
    protocol: SelectedProtocolOption = None,
) -> None:
    """Write one zip file with all records, published values and pages, to recompute and share."""
    with reported(records):
        from bench.reporting.tracing.bundle import export as write_bundle
        from bench.store import file_digest

        runs = write_bundle(records, out, protocol=protocol)
        typer.echo(f"{out}  {runs} runs  sha256 {file_digest(out)}")


@commands.command(rich_help_panel=options.TRACE, epilog="Example: bench verify study.zip")
def verify(
    bundle: Annotated[Path, typer.Argument(help="Zip file that `bench export` wrote.")],
    as_json: JsonOption = False,
) -> None:
    """Recompute every number of an exported zip file, without torch or images.

    Exits with 1 if a number cannot be reproduced, or if anything in the file is odd.
    """
    with reported():
        from bench.reporting.tracing.verify import verify as verified

        answer = verified(bundle)
        typer.echo(answer.page(as_json=as_json))
        raise typer.Exit(1 if answer.faults else 0)


@commands.command(
    rich_help_panel=options.TRACE,
    epilog="Example: bench rerun T1:resnet50:eyeq-twin:native --seed 1 "
    "--records results/studies/twin-laptop",
)
def rerun(
    cell: CellArgument,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of the run to repeat. By default the cell's first run."),
    ] = None,
    records: RecordsOption = RUNS,
    protocol: SelectedProtocolOption = None,
    results: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the new run. By default a new temporary folder.", callback=new_folder
        ),
    ] = None,
    data: DataOption = None,
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Repeat one run of a cell from its beginning and compare it with the stored run.

    Exits with 1 if the new score lies outside the interval expected for a repeated run.
    """
    with reported(records):
        from bench.pipeline.progress import watching
        from bench.reporting.tracing.cell_ids import cell_id
        from bench.sweeps.rerun import RerunRequest
        from bench.sweeps.rerun import rerun as repeat

        where = {"results": results, "data": data, "cache": cache, "device": device}
        request = RerunRequest(cell_id(cell), records, seed, protocol, **where)
        with watching() as callbacks:
            comparison = repeat(request, callbacks)
        typer.echo(comparison.page(as_json=as_json))
        raise typer.Exit(0 if comparison.inside else 1)
