"""`bench prepare`: a data set checked and cached before anything is trained on it.

What is done with a set stands in its entry (`bench.data.datasets`); a new one needs no edit here.
"""

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.data import datasets
from bench.data.datasets import Location
from bench.errors import RequestError
from bench.protocol.presets import derive, named
from bench.protocol.settings import Protocol
from bench.reporting.console import json_object
from bench.training.callbacks import Callbacks


class Inspection(NamedTuple):
    """What is printed, and whether the set can be used as it is."""

    text: str
    ready: bool


class Report(NamedTuple):
    """What is known of a set once it has been prepared.

    Attributes:
        values: JSON values only.
        text: The same for a terminal.
        ready: Whether the set can be used as it is.
    """

    values: dict[str, Any]
    text: str
    ready: bool


@dataclass(frozen=True)
class Preparation:
    """What `bench prepare` was asked for.

    Attributes:
        name: Of the data set.
        data: Its folder, if given.
        cache: Where decoded images go.
        out: Where pictures go, if anywhere.
        protocol: Name of a preset; None for the set's own.
        changes: Settings changed by hand, "group.field=value".
        device: Of training, where something is trained.
    """

    name: str
    callbacks: Callbacks
    data: Path | None
    cache: Path
    out: Path | None
    protocol: str | None
    changes: tuple[str, ...]
    device: str

    def settings(self, default: str) -> Protocol:
        """The protocol asked for, else the preset `default`, with the changes."""
        return derive(named(self.protocol or default), list(self.changes))

    def location(self) -> Location:
        """Where the set lies, as its reader takes it; a set that is not complete is read too."""
        settings = self.settings(datasets.source(self.name).default_protocol)
        return Location(self.data, self.cache, settings, True, self.callbacks.tick)


def prepare(
    name: str,
    callbacks: Callbacks,
    *,
    data: Path | None,
    cache: Path | None,
    out: Path | None,
    protocol: str | None,
    changes: tuple[str, ...],
    device: str,
    as_json: bool,
) -> Inspection:
    """Check and cache a data set; for `idrid`, train the lesion detector and score it.

    Args:
        out: Where pictures of the detector's held-out photographs go.

    Raises:
        RequestError: for a set that is drawn, unknown or without a check, or that cannot be read
            at all.
    """
    act, folder = carried_out(name), datasets.cache_folder(cache)
    report = act(Preparation(name, callbacks, data, folder, out, protocol, changes, device))
    return Inspection(json_object(report.values) if as_json else report.text, report.ready)


def carried_out(name: str) -> Callable[[Preparation], Report]:
    """The function that a set's entry names.

    Raises:
        RequestError: for a set that is drawn or has none, and for an unknown one, naming the
            nearest.
    """
    known = {own: source.prepare for own, source in datasets.SOURCES.items()} | datasets.LESION_SETS
    if name not in known:
        (near,) = difflib.get_close_matches(name, known, n=1, cutoff=0)
        raise RequestError(f"no data set {name!r}: did you mean {near!r}? See `bench datasets`")
    entry = known[name]
    if entry is None and not datasets.source(name).real:
        checked = ", ".join(own for own, of in known.items() if of is not None)
        raise RequestError(
            f"prepare {name}: a synthetic twin is drawn on first use and needs no check; choose "
            f"one of: {checked}"
        )
    if entry is None:
        raise RequestError(
            f"prepare {name}: its entry in bench/data/datasets.py names no check; `bench run` "
            "reads it as it is"
        )
    if callable(entry):
        return entry
    module, _, function = entry.partition(":")
    return getattr(importlib.import_module(module), function)
