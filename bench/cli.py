"""The commands: each parses, calls, prints. Nothing heavy is imported at the top.

Standard output carries the answer, standard error the progress. Exit codes: 0 done, 1 the run
failed, 2 the request is wrong, 3 the records cannot be compared, 4 interrupted and resumable.
"""

import errno
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

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


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, sort_keys=True, default=str))
