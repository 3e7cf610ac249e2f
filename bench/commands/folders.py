"""Checks of the folders and files that are typed, before anything else is done; each exits with 2.

They serve as callbacks of options. A default is not checked for being there: without any record,
commands say what to run first.
"""

from pathlib import Path
from typing import NoReturn, TypeVar

import typer

Folders = TypeVar("Folders", bound=Path | list[Path] | None)
Target = TypeVar("Target", bound=Path | None)


def existing_folder(
    context: typer.Context, parameter: typer.CallbackParam, value: Folders
) -> Folders:
    """The folder, or folders, of run records, if each that was typed is there.

    Raises:
        typer.Exit: with code 2, after one line on standard error.
    """
    source = context.get_parameter_source(parameter.name or "")
    typed = source is not None and not source.name.startswith("DEFAULT")
    folders = value if isinstance(value, list) else [value] if isinstance(value, Path) else []
    for folder in () if context.resilient_parsing else folders:
        if folder.exists() and not folder.is_dir():
            _refuse(parameter, folder, "this is a file; give the folder of run records")
        if typed and not folder.is_dir():
            _refuse(
                parameter,
                folder,
                "there is no such folder; give one that `bench run --results DIR` or "
                "`bench sweep --results DIR` has written",
            )
    return value


def new_folder(context: typer.Context, parameter: typer.CallbackParam, value: Target) -> Target:
    """The folder to write to, which may be absent, if no file stands in its way.

    Raises:
        typer.Exit: with code 2, after one line on standard error.
    """
    if value is not None and not context.resilient_parsing:
        _refuse_file(parameter, value, value)
    return value


def new_file(context: typer.Context, parameter: typer.CallbackParam, value: Target) -> Target:
    """The file to write, which may be absent, if it is no folder and its folder can be made.

    Raises:
        typer.Exit: with code 2, after one line on standard error.
    """
    if value is not None and not context.resilient_parsing:
        if value.is_dir():
            _refuse(parameter, value, "this is a folder; give the name of a file in it")
        _refuse_file(parameter, value, value.absolute().parent)
    return value


def _refuse_file(parameter: typer.CallbackParam, value: Path, folder: Path) -> None:
    """Refuse a folder that is a file, or that lies below one."""
    path = folder.absolute()
    nearest = next(each for each in (path, *path.parents) if each.exists())
    if not nearest.is_dir():
        _refuse(parameter, value, f"{nearest.name} is a file; give another folder")


def _refuse(parameter: typer.CallbackParam, value: Path, message: str) -> NoReturn:
    typer.echo(f"bench: {parameter.opts[0]} {value}: {message}", err=True)
    raise typer.Exit(2)
