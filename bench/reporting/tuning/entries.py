"""What was chosen as entries of `tuned.toml`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import RequestError
from bench.protocol import tuned
from bench.protocol.tuned import TunedEntry
from bench.reporting.tuning.trials import MethodTrials

FIELDS = tuple(TunedEntry.model_fields)
Entries = dict[str, dict[str, Any]]
HEAD = "# What `bench tune --write` has chosen, by preset and method; docs/reference/training.md."


def entries(methods: Sequence[MethodTrials], dataset: str, root: Path) -> Entries:
    """Method -> its entry; none for a method without a choice.

    Args:
        methods: With their trials.
        dataset: On which these were made.
        root: Folder of the trials, which an entry names.
    """
    return {
        each.method: {
            "chosen": {each.setting: each.chosen.value},
            "tried": {each.setting: list(each.wanted)},
            "dataset": dataset,
            "study": _shown(root),
        }
        for each in methods
        if each.chosen is not None
    }


def merged(path: Path, preset: str, chosen: Entries) -> str:
    """The content of a file of tuned values with these entries in place of the same methods'.

    Raises:
        RequestError: the preset's other methods were tuned on another data set.
    """
    known = tuned.load(path) if path.is_file() else {}
    others = {entry.dataset for name, entry in known.get(preset, {}).items() if name not in chosen}
    if foreign := others - {entry["dataset"] for entry in chosen.values()}:
        raise RequestError(
            f"--write: methods under the preset {preset} were tuned on {', '.join(foreign)}, and a "
            "preset's rates are all of one data set; tune all of its methods, or leave --write out"
        )
    plain = {
        name: {method: entry.model_dump() for method, entry in own.items()}
        for name, own in known.items()
    }
    plain[preset] = plain.get(preset, {}) | chosen
    return f"{HEAD}\n\n{as_toml(plain)}"


def as_toml(presets: Mapping[str, Entries]) -> str:
    """Preset -> method -> entry as text."""
    tables = [
        "\n".join(
            [
                f"[{_key(preset)}.{_key(method)}]",
                *(f"{name} = {_value(entry[name])}" for name in FIELDS),
            ]
        )
        for preset, methods in presets.items()
        for method, entry in methods.items()
    ]
    return "\n\n".join(tables) + "\n"


def _shown(root: Path) -> str:
    """The folder's path as it may be committed: never that of a machine."""
    if not root.is_absolute():
        return root.as_posix()
    here = Path.cwd()
    return root.relative_to(here).as_posix() if root.is_relative_to(here) else root.name


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value)
