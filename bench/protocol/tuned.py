"""What `bench tune` has chosen: `--settings common` has it in force.

`tuned.toml` has one table for each preset and method. A preset without any has one rate for all.
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, model_validator

from bench.protocol.tuning import INHERITS

FILE = Path(__file__).with_name("tuned.toml")
SourcedValue = tuple[Any, str]


class TunedEntry(BaseModel):
    """What was tried for a method under a preset, and what won.

    Attributes:
        chosen: Setting -> the value with the best validation score.
        tried: Setting -> the value of each trial, ascending.
        dataset: On which.
        study: Folder with the trials' page and records.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    chosen: dict[str, float]
    tried: dict[str, tuple[float, ...]]
    dataset: str
    study: str

    @model_validator(mode="after")
    def _was_tried(self) -> "TunedEntry":
        for setting, value in self.chosen.items():
            if value not in self.tried.get(setting, ()):
                raise ValueError(f"{setting}: {value} was chosen and not tried")
        return self

    @property
    def trials(self) -> int:
        """How many there were."""
        return sum(len(values) for values in self.tried.values())


Tuned = dict[str, dict[str, TunedEntry]]
"""Preset -> method -> entry."""


def load(path: Path = FILE) -> Tuned:
    """The entries of a file."""
    return TypeAdapter(Tuned).validate_python(tomllib.loads(path.read_text()))


TUNED = load()


def entry_of(method: str, protocol_name: str) -> TunedEntry | None:
    """A method's own entry, else that of the method whose values it takes; None without either."""
    entries = TUNED.get(protocol_name, {})
    return entries.get(method) or entries.get(INHERITS.get(method, method))


def own_trials(method: str, protocol_name: str) -> int:
    """How many trials a method had itself under a preset."""
    entry = TUNED.get(protocol_name, {}).get(method)
    return 0 if entry is None else entry.trials


def settings_of(protocol_name: str) -> frozenset[str]:
    """All settings that are tuned under a preset, for any method."""
    entries = TUNED.get(protocol_name, {}).values()
    return frozenset(setting for entry in entries for setting in entry.chosen)


def changes(method: str, protocol_name: str) -> dict[str, SourcedValue]:
    """The settings that tuning changes for a method under a preset, each with its source."""
    entry = entry_of(method, protocol_name)
    if entry is None:
        return {}
    other = INHERITS.get(method, method)
    whose = "" if method in TUNED[protocol_name] or other == method else f" of {other}"
    return {
        setting: (
            value,
            f"tuned: best of {len(entry.tried[setting])} trials{whose} on validation images of "
            f"{entry.dataset} ({entry.study})",
        )
        for setting, value in entry.chosen.items()
    }
