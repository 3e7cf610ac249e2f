"""The commands: each parses, calls, prints. Nothing heavy is imported at the top.

Standard output carries the answer, standard error the progress. Exit codes: 0 done, 1 the run
failed, 2 the request is wrong, 3 the records cannot be compared, 4 interrupted and resumable.
"""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import (
    catalogue,
    checks,
    judging,
    options,
    pictures,
    preview,
    reports,
    tracing,
    tuning,
)
from bench.commands.folders import new_folder
from bench.commands.options import (
    RUNS,
    CacheOption,
    DataOption,
    DatasetOption,
    DatasetsOption,
    DeviceOption,
    DryRunOption,
    FormatOption,
    JobsOption,
    JsonOption,
    LauncherOption,
    MethodOption,
    PartialOption,
    ProtocolOption,
    RatioOption,
    RecordsOption,
    ResultsOption,
    SelectedProtocolOption,
    SetOption,
    SettingsOption,
    StudyOption,
    TablesOption,
    names,
    reported,
    tell,
)
from bench.experiments import SEEDS

app = typer.Typer(
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(preview.commands)
app.add_typer(tracing.commands)
app.add_typer(checks.commands)
app.add_typer(tuning.commands)
app.add_typer(judging.commands)
app.add_typer(pictures.commands)
app.add_typer(reports.commands)
app.add_typer(catalogue.commands)


@app.callback(
    invoke_without_command=True,
    epilog="Example: bench run --method comcl --dataset eyeq-twin --protocol smoke",
)
def main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print name, version, Python and folder of this program."),
    ] = False,
) -> None:
    """Does CoMCL really diagnose better from low-quality images? A benchmark that can be rerun."""
    if version:
        from bench.commands.version import version_line

        typer.echo(version_line())
    elif context.invoked_subcommand is None:
        typer.echo(
            "No command given. To start, without any download:\n"
            "  bench run --method comcl --dataset eyeq-twin --lq-ratio 0.7 --protocol smoke\n"
            "  bench table\n"
            "All commands: bench --help"
        )


@app.command(
    rich_help_panel=options.TRAIN,
    epilog="Example: bench run --method comcl --dataset eyeq-twin --lq-ratio 0.7 --protocol smoke",
)
def run(
    method: MethodOption,
    dataset: DatasetOption,
    lq_ratio: RatioOption = "native",
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the run: its weights, batches and augmentation.")
    ] = 0,
    protocol: ProtocolOption = None,
    settings: SettingsOption = "common",
    data: DataOption = None,
    results: ResultsOption = RUNS,
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    change: SetOption = None,
    study: StudyOption = None,
    partial: PartialOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train and score one method and record the run; re-running returns the stored result."""
    with reported():
        from bench.pipeline.progress import watching
        from bench.pipeline.resolve import Request
        from bench.reporting.run_summary import record_card
        from bench.run import execute

        request = Request(
            method,
            dataset,
            lq_ratio,
            seed,
            protocol,
            settings,
            tuple(change or ()),
            study,
            data,
            results,
            cache,
            device,
            partial,
        )
        with watching() as callbacks:
            record = execute(request, callbacks)
        typer.echo(record_card(record, as_json=as_json))


@app.command(
    rich_help_panel=options.READ,
    epilog="Example: bench table 1 --records results/studies/twin-laptop --format markdown",
)
def table(
    which: Annotated[
        str,
        typer.Argument(
            help="Number of the table in the paper: 1, 2, 3 or all.",
            autocompletion=options.complete(*options.TABLES),
        ),
    ] = "all",
    protocol: SelectedProtocolOption = None,
    records: RecordsOption = RUNS,
    form: FormatOption = "terminal",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to which each table is written in all formats.", callback=new_folder
        ),
    ] = None,
    notes: Annotated[
        bool,
        typer.Option("--notes", help="Also list inconsistencies in the paper's own tables."),
    ] = False,
    only_run: Annotated[
        bool, typer.Option("--only-run", help="Leave out methods and proportions without a run.")
    ] = False,
) -> None:
    """Show the paper's tables with the scores of these runs, published values and verdicts."""
    with reported(records):
        from bench.reporting.results.records import load
        from bench.reporting.tables.build import build_all
        from bench.reporting.tables.only_run import only_run as cut_down
        from bench.reporting.tables.render import render_all, write_all

        tables = build_all(which, load(records), protocol=protocol)
        tables = tuple(map(cut_down, tables)) if only_run else tables
        page = render_all(tables, form)
        if notes:
            from bench.reporting.tables.errata_page import render_errata
            from bench.reporting.tables.paper_errata import errata as paper_errata

            page += "\n" + render_errata(paper_errata(), form)
        for path in (path for each in tables for path in write_all(each, out)) if out else ():
            typer.echo(f"wrote {path}", err=True)
        typer.echo(page, nl=False)


@app.command(
    rich_help_panel=options.TRAIN,
    epilog="Example: bench sweep --table 2 --dataset eyeq-twin --seeds 3 --dry-run",
)
def sweep(
    table: TablesOption = "1",
    dataset: DatasetsOption = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Only these methods, separated by commas, for example resnet50,comcl. By default "
            "all rows of the table."
        ),
    ] = "",
    ratios: Annotated[
        str,
        typer.Option(
            help="Only these proportions of low-quality images, separated by commas, for example "
            "native,0.7. By default all columns of the table."
        ),
    ] = "",
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of seeds per method and proportion, from 0.")
    ] = SEEDS,
    protocol: ProtocolOption = None,
    settings: SettingsOption = "common",
    data: DataOption = None,
    results: ResultsOption = RUNS,
    cache: CacheOption = None,
    device: DeviceOption = "auto",
    change: SetOption = None,
    study: StudyOption = None,
    partial: PartialOption = False,
    launcher: LauncherOption = "local",
    jobs: JobsOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Carry out all runs that a table needs, seed by seed, so that stopping keeps methods balanced.

    Re-running the same command resumes: finished runs are kept.
    """
    with reported():
        from bench.pipeline.resolve import Request
        from bench.sweeps import launch
        from bench.sweeps.plan import SweepRequest

        shared = (protocol, settings, tuple(change or ()), study, data, results, cache, device)
        common = Request("", "", "native", 0, *shared, partial)
        answer = launch.sweep(
            SweepRequest(
                common,
                table,
                tuple(dataset or ()),
                names("--methods", methods),
                names("--ratios", ratios),
                seeds,
            ),
            launcher=launcher,
            jobs=jobs,
            dry_run=dry_run,
            as_json=as_json,
            say=tell,
        )
        if answer.text:
            typer.echo(answer.text)
        raise typer.Exit(1 if answer.failed else 0)


@app.command(
    rich_help_panel=options.TRAIN,
    epilog="Example: bench status --table 1 --dataset eyeq-twin --seeds 3",
)
def status(
    records: RecordsOption = RUNS,
    table: Annotated[
        str | None,
        typer.Option(
            help="Also list the runs that this table of the paper still lacks: 1, 2, 3 or all.",
            autocompletion=options.complete(*options.TABLES),
        ),
    ] = None,
    dataset: DatasetsOption = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of seeds that the table needs of each method.")
    ] = SEEDS,
    protocol: SelectedProtocolOption = None,
    as_json: JsonOption = False,
) -> None:
    """List runs by state: done, running, damaged, failed (and why), interrupted, stale, missing."""
    with reported():
        from bench.reporting.status import status_of

        wanted = {"table": table, "datasets": tuple(dataset or ()), "seeds": seeds}
        typer.echo(status_of(records, **wanted, protocol=protocol, as_json=as_json))
