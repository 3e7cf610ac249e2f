"""What commands share: their options, and how failures that a user can act on are reported."""

import errno
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.commands.folders import existing_folder, new_folder
from bench.errors import BenchError, DamagedWarning, RequestError
from bench.roster import ALIASES, METHODS

# The groups of commands in `bench --help`.
TRAIN = "Train and score"
READ = "Read the results"
TRACE = "Trace a number to its runs, and share it"
LOOK = "See what is available before training"
OURS = "Maintain the benchmark"

RUNS = Path("results/runs")
DATASETS = ("folder", "eyeq", "eyeq-twin", "chestxray", "chestxray-twin")
"""The names in `bench.data.datasets.SOURCES`, which takes too long to import for completion."""
PROTOCOLS = ("paper", "laptop", "laptop-chest", "pretrained", "demo", "smoke")
"""The names in `bench.protocol.presets.CHANGES`, likewise."""
SETTINGS = ("common", "default", "original")
"""Those of `bench.protocol.variants`, likewise."""
FORMATS = ("terminal", "markdown", "latex", "csv")
LAUNCHERS = ("local", "slurm", "print")
TABLES = ("1", "2", "3", "all")


def complete(*values: str) -> Callable[[str], list[str]]:
    """A shell completion that proposes those of the values that begin with what is typed."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


MethodOption = Annotated[
    str,
    typer.Option(
        help="Name of a method (`bench methods` lists them), or FILE.py:CLASS for one of your own.",
        autocompletion=complete(*METHODS, *ALIASES),
    ),
]
DatasetOption = Annotated[
    str,
    typer.Option(
        help="Name of a data set; `bench datasets` lists them.",
        autocompletion=complete(*DATASETS),
    ),
]
RatioOption = Annotated[
    str,
    typer.Option(
        help="Proportion of low-quality images: a number such as 0.7, reached by degrading images "
        "of good quality, or native, the proportion that the data set has.",
        autocompletion=complete("native", "0.7", "1.0"),
    ),
]
ProtocolOption = Annotated[
    str | None,
    typer.Option(
        help="Preset of settings: paper, laptop, laptop-chest, pretrained (a few hundred real "
        "photographs on a CPU), demo or smoke; `bench protocol` shows each. By default paper for "
        "real data sets, laptop and laptop-chest for the synthetic twins.",
        autocompletion=complete(*PROTOCOLS),
    ),
]
SelectedProtocolOption = Annotated[
    str | None,
    typer.Option(
        help="Use only the runs of this protocol: a preset's name, or the first digits (at least "
        "four) of a comparability key, for example 6b5b110d.",
        autocompletion=complete(*PROTOCOLS),
    ),
]
FormatOption = Annotated[
    str,
    typer.Option(
        "--format",
        help="Format to print in: terminal, markdown, latex or csv.",
        autocompletion=complete(*FORMATS),
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change one setting of the protocol, written group.field=value, for example "
        "finetuning.epochs=10. Repeatable; of two values for one setting the last counts.",
    ),
]
SettingsOption = Annotated[
    str,
    typer.Option(
        help="Hyperparameters of the method: common (one recipe for all methods, with each one's "
        "tuned learning rate where the preset has one), default (the preset as it stands, nothing "
        "tuned) or original (those that its authors published).",
        autocompletion=complete(*SETTINGS),
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder that holds the data set. By default $BENCH_DATA/NAME, or else data/NAME."
    ),
]
ResultsOption = Annotated[
    Path, typer.Option(help="Folder to which run folders are written.", callback=new_folder)
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder for synthetic twins, decoded images and pretrained stages that runs share. By "
        "default $BENCH_CACHE, or else the user's cache folder.",
        callback=new_folder,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        help="Device to compute on: cpu, cuda, or auto (CUDA where there is a device, else CPU).",
        autocompletion=complete("auto", "cpu", "cuda"),
    ),
]
StudyOption = Annotated[
    str | None,
    typer.Option(
        help="Label the run as part of this sensitivity study; such runs never enter the paper's "
        "tables."
    ),
]
PartialOption = Annotated[
    bool,
    typer.Option(
        "--partial",
        help="Accept an incomplete download: use the images that are present, and mark the run as "
        "partial.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
RecordsOption = Annotated[
    Path,
    typer.Option(
        help="Folder of run records to read, as `bench run` and `bench sweep` write it.",
        callback=existing_folder,
    ),
]
LauncherOption = Annotated[
    str,
    typer.Option(
        help="How runs are started: local (processes on this machine), slurm (one job array), or "
        "print (the commands, to run elsewhere).",
        autocompletion=complete(*LAUNCHERS),
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of runs at a time. By default 1, or on Slurm as many as the cluster allows.",
    ),
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Train nothing: list the runs with an estimate of their time and disk space.",
    ),
]
TablesOption = Annotated[
    str,
    typer.Option(
        help="Table of the paper whose runs are needed: 1, 2, 3 or all.",
        autocompletion=complete(*TABLES),
    ),
]
DatasetsOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Only this data set. Repeatable. A synthetic twin takes the columns of its original.",
        autocompletion=complete(*DATASETS),
    ),
]


def names(option: str, text: str) -> tuple[str, ...]:
    """Names that were typed with commas between them; () if the option was left out.

    Raises:
        RequestError: if something was typed that holds no name.
    """
    listed = tuple(name.strip() for name in text.split(",") if name.strip())
    if text and not listed:
        raise RequestError(f"{option} {text!r}: no name in it; separate names by commas")
    return listed


@contextmanager
def reported(*records: Path) -> Iterator[None]:
    """Turn failures that a user can act on into a message on standard error and an exit code.

    Args:
        records: Folders of run records that are read; damaged runs in them are named first.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_show_warning, warnings.showwarning)
            warnings.simplefilter("always", DamagedWarning)
            _name_damaged(records)
            yield
    except BenchError as error:
        hint = f"\nresume with: {_command_line()}" if error.exit_code == 4 else ""
        tell(f"{error}{hint}")
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        tell(f"cannot write: {error}; {UNWRITABLE[error.errno]}")
        raise typer.Exit(1) from None


def tell(sentence: str) -> None:
    """A sentence on standard error, if anybody reads it: the exit code says as much."""
    with suppress(OSError):
        typer.echo(f"bench: {sentence}", err=True)


def _show_warning(usual: Callable[..., None], message: Any, category: Any, *rest: Any) -> None:
    """A sentence for ours, not the line of code that it comes from."""
    if issubclass(category, DamagedWarning):
        tell(str(message))
    else:
        usual(message, category, *rest)


FREE_SPACE = "free some space, then run the same command again"
ANOTHER_FOLDER = "name a folder that you may write to (--results, --cache or --out)"
UNWRITABLE = {
    errno.ENOSPC: FREE_SPACE,
    errno.EDQUOT: FREE_SPACE,
    errno.EACCES: ANOTHER_FOLDER,
    errno.EPERM: ANOTHER_FOLDER,
    errno.EROFS: ANOTHER_FOLDER,
}
"""Reasons why the operating system refuses to write, each with its way out."""


def _name_damaged(records: Sequence[Path]) -> None:
    """One line on standard error for each run that the answer leaves out as damaged."""
    if not records:
        return
    from bench.evaluation.stored_runs import damaged

    for run in (run for root in dict.fromkeys(records) for run in damaged(root)):
        tell(str(run))


def _command_line() -> str:
    import shlex

    return shlex.join(["bench", *sys.argv[1:]])
