"""The commands: each parses, calls, prints. Nothing heavy is imported at the top.

Standard output carries the answer, standard error the progress. Exit codes: 0 done, 1 the run
failed, 2 the request is wrong, 3 the records cannot be compared, 4 interrupted and resumable.
"""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import checks, options, pictures, preview, reports, tracing
from bench.commands.options import (
    RUNS,
    Cache,
    Change,
    Data,
    Dataset,
    Device,
    Json,
    Method,
    Name,
    Partial,
    Ratio,
    Records,
    Results,
    Settings,
    Study,
)
from bench.commands.options import explained as _explained
from bench.experiments import SEEDS

app = typer.Typer(
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Does CoMCL really diagnose better from low-quality images?",
)
app.add_typer(preview.commands)
app.add_typer(tracing.commands)
app.add_typer(checks.commands)
app.add_typer(pictures.commands)
app.add_typer(reports.commands)


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Does CoMCL really diagnose better from low-quality images?"""
    if context.invoked_subcommand is None:
        typer.echo(
            "Nothing asked. A first look, without any download:\n"
            "  bench run --method comcl --dataset eyeq-twin --lq-ratio 0.7 --protocol smoke\n"
            "  bench table\n"
            "All commands: bench --help"
        )


@app.command(rich_help_panel=options.TRAIN)
def run(
    method: Method,
    dataset: Dataset,
    lq_ratio: Ratio = "native",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    protocol: Name = None,
    settings: Settings = "common",
    data: Data = None,
    results: Results = RUNS,
    cache: Cache = None,
    device: Device = "auto",
    change: Change = None,
    study: Study = None,
    partial: Partial = False,
    as_json: Json = False,
) -> None:
    """Train and score one method, then record the run; asked again, find it."""
    with _explained():
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


@app.command(rich_help_panel=options.READ)
def table(
    which: Annotated[str, typer.Argument(help="1, 2, 3 or all.")] = "all",
    protocol: Annotated[str | None, typer.Option(help="A protocol's name, or a key.")] = None,
    records: Records = RUNS,
    form: Annotated[
        str, typer.Option("--format", help="terminal, markdown, latex or csv.")
    ] = "terminal",
    out: Annotated[Path | None, typer.Option(help="Folder to write all formats to.")] = None,
    notes: Annotated[bool, typer.Option("--notes", help="And what is odd in the paper's.")] = False,
) -> None:
    """The paper's tables from the records: scores, published values, verdicts."""
    with _explained():
        from bench.reporting.results.records import load
        from bench.reporting.tables.build import build_all
        from bench.reporting.tables.render import render_all, write_all

        tables = build_all(which, load(records), protocol=protocol)
        page = render_all(tables, form)
        if notes:
            from bench.reporting.tables.errata_page import render_notes
            from bench.reporting.tables.paper_errata import notes as oddities

            page += "\n" + render_notes(oddities(), form)
        for path in (path for each in tables for path in write_all(each, out)) if out else ():
            typer.echo(f"wrote {path}", err=True)
        typer.echo(page, nl=False)


@app.command(rich_help_panel=options.TRAIN)
def sweep(
    table: Annotated[str, typer.Option(help="1, 2, 3 or all.")] = "1",
    dataset: Annotated[list[str] | None, typer.Option(help="Repeatable; a twin counts.")] = None,
    methods: Annotated[str, typer.Option(help="Only these: resnet50,comcl")] = "",
    ratios: Annotated[str, typer.Option(help="Only these: native,0.7")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="How many of each.")] = SEEDS,
    protocol: Name = None,
    settings: Settings = "common",
    data: Data = None,
    results: Results = RUNS,
    cache: Cache = None,
    device: Device = "auto",
    change: Change = None,
    study: Study = None,
    partial: Partial = False,
    launcher: Annotated[str, typer.Option(help="local, slurm or print.")] = "local",
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at a time.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Runs, time and disk only.")] = False,
    as_json: Json = False,
) -> None:
    """What a table needs: balanced, so that stopping leaves methods level; asked again, goes on."""
    with _explained():
        from bench.pipeline.resolve import Request
        from bench.sweeps import launch
        from bench.sweeps.plan import Sweep

        shared = (protocol, settings, tuple(change or ()), study, data, results, cache, device)
        common = Request("", "", "native", 0, *shared, partial)
        answer = launch.sweep(
            Sweep(common, table, tuple(dataset or ()), _list(methods), _list(ratios), seeds),
            launcher=launcher,
            jobs=jobs,
            dry_run=dry_run,
            as_json=as_json,
            say=lambda text: typer.echo(f"bench: {text}", err=True),
        )
        if answer.text:
            typer.echo(answer.text)
        raise typer.Exit(1 if answer.failed else 0)


@app.command(rich_help_panel=options.TRAIN)
def status(
    records: Records = RUNS,
    table: Annotated[str | None, typer.Option(help="Also what 1, 2, 3 or all still need.")] = None,
    dataset: Annotated[list[str] | None, typer.Option(help="Of these data sets only.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many are needed.")] = SEEDS,
    protocol: Name = None,
    as_json: Json = False,
) -> None:
    """Which runs are done, running, failed (with why), interrupted, stale or missing."""
    with _explained():
        from bench.reporting.status import status_of

        wanted = {"table": table, "datasets": tuple(dataset or ()), "seeds": seeds}
        typer.echo(status_of(records, **wanted, protocol=protocol, as_json=as_json))


@app.command(rich_help_panel=options.TRAIN)
def prepare(
    dataset: Annotated[str, typer.Argument(help="eyeq, chestxray, folder or idrid.")],
    data: Data = None,
    protocol: Name = None,
    change: Change = None,
    cache: Cache = None,
    device: Device = "auto",
    out: Annotated[Path | None, typer.Option(help="Folder for pictures (idrid).")] = None,
    as_json: Json = False,
) -> None:
    """Check a data set and cache its images; idrid: train the lesion detector and score it."""
    with _explained():
        from bench.inspection.prepare import prepare as prepared
        from bench.pipeline.progress import watching

        changes = tuple(change or ())
        options = {"data": data, "cache": cache, "out": out, "protocol": protocol}
        with watching() as callbacks:
            answer = prepared(
                dataset, callbacks, **options, changes=changes, device=device, as_json=as_json
            )
        typer.echo(answer.text)
        raise typer.Exit(0 if answer.ready else 2)


@app.command(rich_help_panel=options.READ)
def claims(protocol: Name = None, records: Records = RUNS, as_json: Json = False) -> None:
    """Is each claim of the paper supported, by how much, and how many seeds would decide it?"""
    with _explained():
        from bench.reporting.claims.page import claims_page
        from bench.reporting.results.records import load

        typer.echo(claims_page(load(records), protocol=protocol, as_json=as_json))


@app.command(rich_help_panel=options.LOOK)
def methods(as_json: Json = False) -> None:
    """The methods, with sources and how much of each is known."""
    _page("methods", as_json)


@app.command(rich_help_panel=options.LOOK)
def datasets(as_json: Json = False) -> None:
    """The data sets, with their layout and where they come from."""
    _page("datasets", as_json)


@app.command(rich_help_panel=options.LOOK)
def protocol(
    name: Annotated[str, typer.Argument(help="paper, laptop or smoke.")] = "paper",
    method: Annotated[str, typer.Option(help="What its --settings original would change.")] = "",
    as_json: Json = False,
) -> None:
    """Every setting with its value and source."""
    _page("protocol", as_json, name, method)


@app.command(rich_help_panel=options.LOOK)
def ambiguities(as_json: Json = False) -> None:
    """Each open point of the paper: options, default, evidence, and the setting that decides."""
    _page("ambiguities", as_json)


def _list(typed: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(name.strip() for name in typed.split(",") if name.strip())


def _page(name: str, as_json: bool, *arguments: str) -> None:
    with _explained():
        from bench.reporting import catalogue

        typer.echo(getattr(catalogue, name)(*arguments, as_json=as_json))
