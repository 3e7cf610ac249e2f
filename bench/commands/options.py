"""What commands share: their options, and how a failure that a user can act on is told."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bench.errors import BenchError

# What commands are for, as `bench --help` groups them.
TRAIN = "Train"
READ = "Read what the records say"
TRACE = "Follow a number to its runs, and hand it on"
LOOK = "Look before anything is trained"
OURS = "The benchmark itself"

RUNS = Path("results/runs")
Method = Annotated[str, typer.Option(help="Roster name, or ./mine.py:Net; see `bench methods`.")]
Dataset = Annotated[str, typer.Option(help="See `bench datasets`.")]
Ratio = Annotated[str, typer.Option(help="Share of low-quality images: native, or e.g. 0.7.")]
Name = Annotated[str | None, typer.Option(help="paper, laptop or smoke; see `bench protocol`.")]
Change = Annotated[list[str] | None, typer.Option("--set", help="group.field=value, repeatable.")]
Settings = Annotated[str, typer.Option(help="common or original.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the data set.")]
Results = Annotated[Path, typer.Option(help="Where run folders go.")]
Cache = Annotated[Path | None, typer.Option(help="Twins, decoded images, stages.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Study = Annotated[str | None, typer.Option(help="Name of a sensitivity study.")]
Partial = Annotated[bool, typer.Option("--partial", help="Run on what is there.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Records = Annotated[Path, typer.Option(help="Folder of run records.")]


@contextmanager
def explained() -> Iterator[None]:
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
