"""The open questions that a sensitivity study measures: one answer changed, all else as it is.

The questions and their alternatives stand in `ambiguities.toml`. One can be measured if it is a
switch of one method: what all methods share is part of the comparability key, and runs
with different keys are not compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args, get_origin

from bench.errors import RequestError
from bench.protocol import ambiguities
from bench.protocol.ambiguities import Ambiguity
from bench.protocol.method_settings import CoMCLSettings

STUDY = "sensitivity"
DEFAULT = ("D13", "D55", "D12", "D31", "D40", "D41")

# Whose switch it is, where that is not CoMCL; and the ratio at which it matters, if only one.
METHODS = {"D39": "comcl-no-spl", "D40": "comcl-no-multilevel", "D41": "moco"}
RATIOS = {"D31": "1.0"}
WITHOUT_SCORE = {"D31": "error"}  # the alternative that refuses to train


@dataclass(frozen=True)
class Alternative:
    """One answer to an open question, as a run requests it.

    Attributes:
        name: As the registry has it.
        method: Name in the roster.
        change: "group.field=value", or "" for what the protocol says.
    """

    name: str
    method: str
    change: str = ""

    @property
    def cell(self) -> str:
        """The method as records name it."""
        return f"{self.method}[{self.change}]" if self.change else self.method


@dataclass(frozen=True)
class OpenQuestion:
    """One open question of the paper.

    Attributes:
        id: "D13".
        question: What has to be decided.
        default: The protocol's answer.
        others: The alternatives to compare with it.
        ratio: The one ratio at which the question matters; "" for any.
    """

    id: str
    question: str
    default: Alternative
    others: tuple[Alternative, ...]
    ratio: str = ""

    @property
    def readings(self) -> tuple[Alternative, ...]:
        """The default first."""
        return (self.default, *self.others)


def chosen(
    names: Sequence[str] = (), answers: CoMCLSettings | None = None
) -> tuple[OpenQuestion, ...]:
    """The questions with these ids, or the usual ones; each once.

    Args:
        names: Ids; none for the usual ones.
        answers: A preset's own, which are the default; None for the paper's.

    Raises:
        RequestError: for an unknown id, or a question that is not a switch of one method.
    """
    answers = answers or CoMCLSettings()
    return tuple(_question(name, answers) for name in dict.fromkeys(names or DEFAULT))


def _question(name: str, answers: CoMCLSettings) -> OpenQuestion:
    registry = ambiguities.load()
    if name not in registry:
        raise RequestError(f"--points {name}: no such open question; see `bench ambiguities`")
    entry = registry[name]
    if name == "D41":
        return _basic_cl(entry)
    method, ratio = METHODS.get(name, "comcl"), RATIOS.get(name, "")
    options = [option for option in _options(entry) if option != WITHOUT_SCORE.get(name)]
    taken = getattr(answers, (entry.field or "").removeprefix("comcl."))
    others = [Alternative(o, method, f"{entry.field}={o}") for o in options if o != taken]
    return OpenQuestion(name, entry.question, Alternative(taken, method), tuple(others), ratio)


def _basic_cl(entry: Ambiguity) -> OpenQuestion:
    """Its two alternatives are two methods of the roster."""
    whole, patches = entry.options
    on_patches = Alternative(patches, f"{METHODS[entry.id]}-patches")
    return OpenQuestion(
        entry.id, entry.question, Alternative(whole, METHODS[entry.id]), (on_patches,)
    )


def _options(entry: Ambiguity) -> tuple[str, ...]:
    """The values of the question's main field.

    Raises:
        RequestError: if they are not values of a switch of CoMCL.
    """
    if entry.field is None:
        raise RequestError(f"--points {entry.id}: not a switch ({entry.why})")
    group, _, name = entry.field.partition(".")
    if group != "comcl":
        bundle = entry.bundles.get(entry.options[-1], (f"{entry.field}=...",))
        words = " ".join(f"--set {assignment}" for assignment in bundle)
        raise RequestError(
            f"--points {entry.id}: {entry.field} is shared by all methods, so its alternatives "
            f"have keys of their own; compare tables of `bench sweep {words}` instead"
        )
    annotation = CoMCLSettings.model_fields[name].annotation
    if get_origin(annotation) is not Literal:
        raise RequestError(
            f"--points {entry.id}: the alternatives of {entry.field} are no short list; run them "
            f"with `bench sweep --study NAME --set {entry.field}=...`"
        )
    return get_args(annotation)
