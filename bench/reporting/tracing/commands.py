"""The command of a run as a shell reads it, and made for a run that is missing."""

import re
import shlex

from bench.evaluation.stored_command import Options, options
from bench.reporting.tracing.cell_ids import CellId
from bench.roster import METHODS

CELL_FLAGS = ("--method", "--dataset", "--lq-ratio", "--seed")


def typed(chosen: Options) -> str:
    """A `bench run` command line that a shell reads as these options."""
    words = [word for pair in chosen for word in pair if word]
    return shlex.join(["bench", "run", *words])


def missing(cell: CellId, seed: int, like: str | None, protocol: str | None = None) -> str:
    """The command of a run of a cell that is not there.

    Args:
        like: Stored command of a run that it should be comparable with; None if there is none.
        protocol: Name of a protocol, where there is none to be like.
    """
    bare, bracket, changes = cell.method.partition("[")
    cell_flags = zip(CELL_FLAGS, (bare, cell.dataset, cell.ratio, str(seed)), strict=True)
    shared = options(like) if like else [("--protocol", protocol)] if protocol else []
    kept = [
        (flag, value) for flag, value in shared if flag not in CELL_FLAGS and not _own(flag, value)
    ]
    # Between brackets: "group.field=value" texts.
    changed = re.split(r", (?=\w+\.\w+=)", changes.removesuffix("]")) if bracket else []
    return typed([*cell_flags, *kept, *(("--set", change) for change in changed)])


def _own(flag: str, value: str) -> bool:
    """Whether an option changes a setting that one method alone has."""
    groups = {group for method in METHODS.values() for group in method.groups}
    return flag == "--set" and value.partition(".")[0] in groups
