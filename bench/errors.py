"""Failures that a user can act on, each with its exit code.

Source: docs/reference/training.md#exit-codes.
"""

import warnings


class BenchError(Exception):
    """A failure with a message for the user; subclasses carry the exit code."""

    exit_code = 1


class RequestError(BenchError):
    """The request is wrong or cannot be served here; the message names value, rule and way out."""

    exit_code = 2


class NotComparable(BenchError):
    """The records belong to more than one protocol and must not share a table."""

    exit_code = 3


class Interrupted(BenchError):
    """The run was asked to stop and can be resumed."""

    exit_code = 4


class LostLock(Interrupted):
    """Another process took over what this one was on; it stops, and writes nothing more there."""


class DamagedWarning(UserWarning):
    """Something in the cache was altered on disk; it was set aside and is made again."""


def warn_damaged(sentence: str) -> None:
    """Warn of something in the cache that was altered on disk."""
    warnings.warn(sentence, DamagedWarning, stacklevel=3)


SHIPPED_FILES = (
    "it is part of the package: install comcl-bench again, or in a checkout run "
    "`git checkout -- bench/reporting/data`"
)
"""The way out where a file that the package brings is missing or changed."""
