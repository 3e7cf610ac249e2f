"""The command that tunes; `bench.cli` adds it to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.folders import new_folder
from bench.commands.options import (
    CacheOption,
    DataOption,
    DeviceOption,
    DryRunOption,
    JobsOption,
    JsonOption,
    LauncherOption,
    PartialOption,
    ProtocolOption,
    SetOption,
    names,
    reported,
    tell,
)

commands = typer.Typer()


@commands.command(
    rich_help_panel=options.TRAIN,
    epilog="Example: bench tune --dataset eyeq-twin --methods resnet50,comcl --dry-run",
)
def tune(
    dataset: Annotated[
        str,
        typer.Option(
            help="Name of the data set; `bench datasets` lists them.",
            autocompletion=options.complete(*options.DATASETS),
        ),
    ] = "eyeq-twin",
    methods: Annotated[
        str,
        typer.Option(
            help="Only these methods, separated by commas, for example resnet50,comcl. By default "
            "the rows of Table 1."
        ),
    ] = "",
    protocol: ProtocolOption = None,
    data: DataOption = None,
    results: Annotated[
        Path,
        typer.Option(
            help="Folder to which the trials and the page are written.", callback=new_folder
        ),
    ] = Path("results/studies/tuning"),
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    change: SetOption = None,
    partial: PartialOption = False,
    launcher: LauncherOption = "local",
    jobs: JobsOption = None,
    dry_run: DryRunOption = False,
    only_page: Annotated[
        bool, typer.Option("--page", help="Train nothing: report on the finished trials.")
    ] = False,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Put the chosen values in force: add them to bench/protocol/tuned.toml instead of "
            "printing them.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Try a few learning rates for each method and choose by validation images alone.

    Re-running the same command resumes: finished trials are kept.
    """
    with reported(results):
        from bench.pipeline.resolve import Request
        from bench.protocol import tuned
        from bench.sweeps import tune as tuning

        shared = (protocol, "default", tuple(change or ()), None, data, results, cache, device)
        common = Request("", dataset, "native", 0, *shared, partial)
        answer = tuning.tune(
            tuning.TuneRequest(common, names("--methods", methods)),
            launcher=launcher,
            jobs=jobs,
            dry_run=dry_run,
            only_page=only_page,
            write=tuned.FILE if write else None,
            as_json=as_json,
            say=tell,
        )
        typer.echo(answer.text)
        raise typer.Exit(1 if answer.failed else 0)
