"""Switches by name: every alternative of a method stands in a dict, never in an `if`."""

from collections.abc import Mapping
from typing import TypeVar

Option = TypeVar("Option")


def pick(options: Mapping[str, Option], name: str, what: str) -> Option:
    """The option of that name.

    Raises:
        ValueError: no such option; the message lists those there are.
    """
    if name not in options:
        raise ValueError(f"{what} ({name!r}) is unknown; choose one of: {', '.join(options)}")
    return options[name]
