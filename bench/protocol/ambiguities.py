"""Each open question of the paper: what it says, how it can be read, and what decides it here.

The entries are prose and stand in `ambiguities.toml`; this module checks and serves them.
"""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REGISTRY = Path(__file__).with_suffix(".toml")
KINDS = {"PA", "PI", "PC", "CB", "PA/PC", "PI/PC"}


@dataclass(frozen=True)
class Ambiguity:
    """One open question.

    Attributes:
        id: "D1" to "D64".
        kind: "PA" silent or ambiguous paper, "PI" paper against itself, "PC" paper against its
            code, "CB" a fault of the code; two of them joined by "/".
        quote: What the paper or the code says; "" where it says nothing.
        question: What has to be decided.
        options: The alternatives, our default first.
        evidence: What speaks for which.
        fields: The protocol fields ("comcl.spl") that decide it, the main one first.
        why: "fixed: ..." where no field decides it, else "".
        bundles: For options that stand for several settings, each as "group.field=value".
    """

    id: str
    kind: str
    quote: str
    question: str
    options: tuple[str, ...]
    evidence: str
    fields: tuple[str, ...] = ()
    why: str = ""
    bundles: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.id}: kind {self.kind!r} is none of {sorted(KINDS)}")
        if bool(self.fields) == self.why.startswith("fixed: "):
            raise ValueError(f"{self.id} needs protocol fields, or a why that begins 'fixed: '")
        if unknown := set(self.bundles) - set(self.options):
            raise ValueError(f"{self.id}: bundles of {sorted(unknown)}, which are no options")

    @property
    def default(self) -> str:
        """The alternative that the PAPER protocol takes."""
        return self.options[0]

    @property
    def field(self) -> str | None:
        """The main protocol field, or None for what is fixed."""
        return self.fields[0] if self.fields else None

    @property
    def decided_by(self) -> str:
        """The fields, or why there are none."""
        return ", ".join(self.fields) or self.why

    def as_row(self) -> dict[str, Any]:
        """All of it as a flat dict, for pages."""
        return asdict(self) | {"default": self.default, "decided_by": self.decided_by}


def load(path: Path = REGISTRY) -> dict[str, Ambiguity]:
    """The registry in order of the ids' numbers.

    Raises:
        ValueError: if an entry has an unknown kind, neither fields nor a reason, or a bundle
            of what is no option.
        TypeError: if an entry lacks a key or has one too many.
    """
    entries = tomllib.loads(path.read_text())
    return {name: _entry(name, body) for name, body in entries.items()}


def _entry(name: str, body: dict[str, Any]) -> Ambiguity:
    bundles = {option: tuple(values) for option, values in body.pop("bundles", {}).items()}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in body.items()
    }
    return Ambiguity(id=name, bundles=bundles, **values)
