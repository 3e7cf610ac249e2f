"""The commands: each parses, calls, prints. Nothing heavy is imported at the top.

Standard output carries the answer, standard error the progress. Exit codes: 0 done, 1 the run
failed, 2 the request is wrong, 3 the records cannot be compared, 4 interrupted and resumable.
"""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bench.errors import BenchError

app = typer.Typer(
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Does CoMCL really diagnose better from low-quality images?",
)

RUNS = Path("results/runs")
Method = Annotated[str, typer.Option(help="Roster name, or ./mine.py:Net; see `bench methods`.")]
Dataset = Annotated[str, typer.Option(help="See `bench datasets`.")]
Ratio = Annotated[str, typer.Option(help="Share of low-quality images: native, or e.g. 0.7.")]
Name = Annotated[str | None, typer.Option(help="paper, laptop or smoke; see `bench protocol`.")]
Change = Annotated[list[str] | None, typer.Option("--set", help="group.field=value, repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Records = Annotated[Path, typer.Option(help="Folder of run records.")]


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


@app.command()
def run(
    method: Method,
    dataset: Dataset,
    lq_ratio: Ratio = "native",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    protocol: Name = None,
    settings: Annotated[str, typer.Option(help="common or original.")] = "common",
    data: Annotated[Path | None, typer.Option(help="Folder of the data set.")] = None,
    results: Annotated[Path, typer.Option(help="Where run folders go.")] = RUNS,
    cache: Annotated[Path | None, typer.Option(help="Twins, decoded images, stages.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    change: Change = None,
    study: Annotated[str | None, typer.Option(help="Name of a sensitivity study.")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Run on what is there.")] = False,
    as_json: Json = False,
) -> None:
    """Train and score one method, then record the run; asked again, find it."""
    with _explained():
        from bench.progress import watching
        from bench.reporting.card import record_card
        from bench.request import Request
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
        with watching() as watch:
            record = execute(request, watch)
        typer.echo(record_card(record, as_json=as_json))


@app.command()
def table(
    which: Annotated[str, typer.Argument(help="1; more tables follow.")] = "1",
    protocol: Annotated[str | None, typer.Option(help="A protocol's name, or a key.")] = None,
    records: Records = RUNS,
    form: Annotated[
        str, typer.Option("--format", help="terminal, markdown, latex or csv.")
    ] = "terminal",
    out: Annotated[Path | None, typer.Option(help="Folder to write all formats to.")] = None,
) -> None:
    """The paper's tables from the records."""
    with _explained():
        from bench.reporting.records import load
        from bench.reporting.render import render, write_all
        from bench.reporting.tables import build

        built = build(which, load(records), protocol=protocol)
        for path in write_all(built, out) if out else ():
            typer.echo(f"wrote {path}", err=True)
        typer.echo(render(built, form), nl=False)


@app.command()
def status(records: Records = RUNS, as_json: Json = False) -> None:
    """Which runs are done, running, failed (with why), interrupted, missing or stale."""
    with _explained():
        from bench.reporting.records import states
        from bench.reporting.status import status_page

        typer.echo(status_page(states(records), as_json=as_json))


@app.command()
def degrade(
    image: Annotated[Path, typer.Argument(help="A photograph.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    strength: Annotated[float, typer.Option(min=0, max=10)] = 1.0,
    size: Annotated[int, typer.Option(min=64, help="Side in pixels.")] = 512,
) -> None:
    """See what the degradations do to a photograph."""
    with _explained():
        from bench.data.degradations.gallery import degradation_sheet

        for path in degradation_sheet(image, out, strength=strength, size_px=size):
            typer.echo(str(path))


@app.command()
def methods(as_json: Json = False) -> None:
    """The methods, with sources and how much of each is known."""
    _page("methods", as_json)


@app.command()
def datasets(as_json: Json = False) -> None:
    """The data sets, with their layout and where they come from."""
    _page("datasets", as_json)


@app.command()
def protocol(
    name: Annotated[str, typer.Argument(help="paper, laptop or smoke.")] = "paper",
    as_json: Json = False,
) -> None:
    """Every setting with its value and source."""
    _page("protocol", as_json, name)


@app.command()
def ambiguities(as_json: Json = False) -> None:
    """Each open point of the paper: options, default, evidence, and the setting that decides."""
    _page("ambiguities", as_json)


def _page(name: str, as_json: bool, *arguments: str) -> None:
    with _explained():
        from bench.reporting import pages

        typer.echo(getattr(pages, name)(*arguments, as_json=as_json))


@contextmanager
def _explained() -> Iterator[None]:
    """Turn failures a user can act on into one line on standard error and an exit code."""
    try:
        yield
    except BenchError as error:
        hint = f"\nresume with: {_command_line()}" if error.exit_code == 4 else ""
        typer.echo(f"bench: {error}{hint}", err=True)
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        typer.echo(f"bench: cannot write: {error}; make room, then run it again", err=True)
        raise typer.Exit(1) from None


def _command_line() -> str:
    import shlex

    return shlex.join(["bench", *sys.argv[1:]])
