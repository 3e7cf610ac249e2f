"""The commands that check the benchmark itself; `bench.cli` adds them to its own."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import options
from bench.commands.options import (
    RUNS,
    Cache,
    Change,
    Data,
    Device,
    Json,
    Name,
    Partial,
    Ratio,
    Records,
    Results,
    explained,
)

commands = typer.Typer()


@commands.command(rich_help_panel=options.READ)
def audit(
    records: Records = RUNS,
    form: Annotated[str, typer.Option("--format", help="terminal or markdown.")] = "terminal",
    as_json: Json = False,
) -> None:
    """Were all methods treated alike, and did anything of the test split leak? 3 if not."""
    with explained():
        from bench.reporting.audit.page import audit_page

        answer = audit_page(records, form, as_json=as_json)
        typer.echo(answer.text)
        raise typer.Exit(3 if answer.failed else 0)


@commands.command(rich_help_panel=options.TRAIN)
def sensitivity(
    points: Annotated[str, typer.Option(help="Only these open points: D13,D55")] = "",
    dataset: Annotated[str, typer.Option(help="See `bench datasets`.")] = "eyeq-twin",
    lq_ratio: Ratio = "native",
    seeds: Annotated[int | None, typer.Option(min=1, help="How many of each; else 2.")] = None,
    protocol: Name = None,
    data: Data = None,
    results: Results = RUNS,
    records: Annotated[
        list[Path] | None, typer.Option(help="Also look here for runs; repeatable.")
    ] = None,
    cache: Cache = None,
    device: Device = "auto",
    change: Change = None,
    partial: Partial = False,
    launcher: Annotated[str, typer.Option(help="local, slurm or print.")] = "local",
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at a time.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Runs, time and disk only.")] = False,
    only_report: Annotated[
        bool, typer.Option("--only-report", help="Of the runs there are (--records, if given).")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for page, numbers and plot.")] = None,
    as_json: Json = False,
) -> None:
    """Which open point of the paper moves the result, and does a ranking flip?"""
    with explained():
        from bench.pipeline.resolve import Request
        from bench.sweeps.sensitivity import SEEDS, Asked
        from bench.sweeps.sensitivity import sensitivity as measured

        shared = (protocol, "common", tuple(change or ()), None, data, results, cache, device)
        common = Request("", dataset, lq_ratio, 0, *shared, partial)
        chosen = tuple(name.strip() for name in points.split(",") if name.strip())
        answer = measured(
            Asked(common, chosen, seeds or SEEDS, tuple(records or ())),
            launcher=launcher,
            jobs=jobs,
            dry_run=dry_run,
            only_report=only_report,
            out=out,
            as_json=as_json,
            say=lambda text: typer.echo(f"bench: {text}", err=True),
        )
        typer.echo(answer.text)
        raise typer.Exit(1 if answer.failed else 0)


@commands.command(rich_help_panel=options.OURS)
def planted(
    out: Annotated[Path, typer.Option(help="Folder for planted-truth.md.")],
) -> None:
    """Are verdicts and claims right where the truth is known? Simulated; takes minutes."""
    with explained():
        from bench.pipeline.progress import ticking
        from bench.reporting.simulation.page import write

        with ticking() as tick:
            path = write(out, lambda world, done: tick(world.name, done, world.repetitions))
        typer.echo(str(path))
