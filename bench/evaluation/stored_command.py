"""The command of a run as records store it, taken apart."""

import re

Options = list[tuple[str, str]]


def options(command: str) -> Options:
    """A stored `bench run` command as (flag, value); a flag without a value has "".

    It was stored without quotes, so a value ends where the next flag begins.
    """
    _, *parts = re.split(r" (?=--)", command)
    pairs = (part.partition(" ") for part in parts)
    return [(flag, value) for flag, _, value in pairs]


def changes(command: str) -> list[str]:
    """What a stored command sets, as "group.field=value"."""
    return [value for flag, value in options(command) if flag == "--set"]
