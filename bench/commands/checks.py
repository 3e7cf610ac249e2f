"""The commands that check the benchmark itself; `bench.cli` adds them to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.folders import existing_folder, new_folder
from bench.commands.options import (
    RUNS,
    CacheOption,
    DataOption,
    DeviceOption,
    DryRunOption,
    JobsOption,
    JsonOption,
    LauncherOption,
    PartialOption,
    ProtocolOption,
    RatioOption,
    RecordsOption,
    ResultsOption,
    SetOption,
    names,
    reported,
    tell,
)

commands = typer.Typer()


@commands.command(
    rich_help_panel=options.READ, epilog="Example: bench audit --records results/studies/first"
)
def audit(
    records: RecordsOption = RUNS,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="Format to print in: terminal or markdown.",
            autocompletion=options.complete("terminal", "markdown"),
        ),
    ] = "terminal",
    as_json: JsonOption = False,
) -> None:
    """Check that all methods were treated equally and that no test data leaked into training.

    Exits with 3 if a check fails.
    """
    with reported(records):
        from bench.reporting.audit.page import audit_page

        answer = audit_page(records, form, as_json=as_json)
        typer.echo(answer.text)
        raise typer.Exit(3 if answer.failed else 0)


@commands.command(
    rich_help_panel=options.TRAIN,
    epilog="Example: bench sensitivity --points D13,D55 --protocol smoke --dry-run",
)
def sensitivity(
    points: Annotated[
        str,
        typer.Option(
            help="Only these open questions of the paper, separated by commas, for example "
            "D13,D55; `bench ambiguities` lists all."
        ),
    ] = "",
    dataset: Annotated[
        str,
        typer.Option(
            help="Name of the data set; `bench datasets` lists them.",
            autocompletion=options.complete(*options.DATASETS),
        ),
    ] = "eyeq-twin",
    lq_ratio: RatioOption = "native",
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Number of seeds per alternative, from 0. By default 3."),
    ] = None,
    protocol: ProtocolOption = None,
    data: DataOption = None,
    results: ResultsOption = RUNS,
    records: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also reuse finished runs from this folder. Repeatable.",
            callback=existing_folder,
        ),
    ] = None,
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    change: SetOption = None,
    partial: PartialOption = False,
    launcher: LauncherOption = "local",
    jobs: JobsOption = None,
    dry_run: DryRunOption = False,
    only_report: Annotated[
        bool,
        typer.Option(
            "--only-report",
            help="Train nothing: report on the finished runs (with --records, on those alone).",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the page, its numbers and the plot.", callback=new_folder),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how much each open question of the paper moves the scores and whether ranks change.

    Re-running the same command resumes: finished runs are kept.
    """
    with reported(results, *(records or ())):
        from bench.pipeline.resolve import Request
        from bench.sweeps.sensitivity import SEEDS, StudyRequest
        from bench.sweeps.sensitivity import sensitivity as measure

        shared = (protocol, "common", tuple(change or ()), None, data, results, cache, device)
        common = Request("", dataset, lq_ratio, 0, *shared, partial)
        answer = measure(
            StudyRequest(common, names("--points", points), seeds or SEEDS, tuple(records or ())),
            launcher=launcher,
            jobs=jobs,
            dry_run=dry_run,
            only_report=only_report,
            out=out,
            as_json=as_json,
            say=tell,
        )
        typer.echo(answer.text)
        raise typer.Exit(1 if answer.failed else 0)


@commands.command(rich_help_panel=options.OURS, epilog="Example: bench simulate --out results")
def simulate(
    out: Annotated[
        Path,
        typer.Option(help="Folder to which simulated-studies.md is written.", callback=new_folder),
    ],
) -> None:
    """Simulate results with a known truth and count how often verdicts are right; takes minutes."""
    with reported():
        from bench.pipeline.progress import ticking
        from bench.reporting.simulation.page import write

        with ticking() as tick:
            path = write(out, lambda world, done: tick(world.name, done, world.repetitions))
        typer.echo(str(path))
