"""The named protocols, and how `--set` derives a variant of one.

`PAPER` is `Protocol()` itself. Whatever the others change stands in one literal table each
with its reason, so that `bench protocol` can print a source for every value in force.
"""

import difflib
import json
from typing import Any

from pydantic import BaseModel, ValidationError

from bench.errors import RequestError
from bench.protocol import demo, laptop, laptop_chest, pretrained, smoke
from bench.protocol.settings import ADDED_LATER, NOT_HASHED, Protocol, with_values

CHANGES: dict[str, dict[str, tuple[Any, str]]] = {
    "paper": {},
    "laptop": laptop.CHANGES,
    "laptop-chest": laptop_chest.CHANGES,
    "pretrained": pretrained.CHANGES,
    "demo": demo.CHANGES,
    "smoke": smoke.CHANGES,
}


def named(name: str) -> Protocol:
    """A preset by its name, one of CHANGES.

    Raises:
        RequestError: for any other name.
    """
    if name not in CHANGES:
        raise RequestError(f"--protocol {name}: choose one of: {', '.join(CHANGES)}")
    return _with(Protocol(), {key: value for key, (value, _) in CHANGES[name].items()})


NO_EVIDENCE = {"demo": "an illustration, no evidence", "smoke": "wiring only"}
"""What a page says of runs whose numbers decide nothing."""


def named_protocol(name: str) -> str:
    """A protocol for a page, which says so where its numbers decide nothing."""
    return f"protocol {name}: {NO_EVIDENCE[name]}" if name in NO_EVIDENCE else f"protocol {name}"


def derive(protocol: Protocol, assignments: list[str]) -> Protocol:
    """A variant of a protocol by `group.field=value` texts; values are JSON or plain words.

    Raises:
        RequestError: on a missing "=", an unknown key (naming the nearest) or a bad value.
    """
    changes = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise RequestError(f"--set {assignment!r} has no '='; write --set group.field=value")
        if key not in field_names():
            near = difflib.get_close_matches(key, sorted(field_names()), n=1, cutoff=0)
            raise RequestError(f"--set {key}: no such setting; did you mean {near[0]}?")
        changes[key] = _value(text)
    return _with(protocol, changes)


def field_names() -> set[str]:
    """All settings as "group.field"."""
    return {
        f"{group}.{name}"
        for group, info in Protocol.model_fields.items()
        for name in _model(info.annotation).model_fields
    }


def sources(name: str = "paper") -> list[dict[str, Any]]:
    """One row a setting: key, value, unit and source, as the named protocol has it."""
    protocol, rows = named(name), []
    for group, info in Protocol.model_fields.items():
        for field, details in _model(info.annotation).model_fields.items():
            extra = details.json_schema_extra
            assert isinstance(extra, dict), "every field is made by setting()"
            key = f"{group}.{field}"
            source = CHANGES[name][key][1] if key in CHANGES[name] else extra["source"]
            value = getattr(getattr(protocol, group), field)
            rows.append({"key": key, "value": value, "unit": extra["unit"], "source": source})
    return rows


def flatten(protocol: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A dumped protocol as {"group.field": value}."""
    return {f"{group}.{name}": v for group, body in protocol.items() for name, v in body.items()}


def _with(protocol: Protocol, changes: dict[str, Any]) -> Protocol:
    try:
        return with_values(protocol, changes)
    except ValidationError as error:
        raise RequestError("; ".join(_explain(problem) for problem in error.errors())) from None


def _explain(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    return f"--set {key}={problem['input']}: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {"True": True, "False": False, "None": None}.get(text, text)


def _model(annotation: Any) -> type[BaseModel]:
    return annotation


def is_hashed(setting: str, value: Any, later: frozenset[str] = ADDED_LATER) -> bool:
    """Whether a run is named by a setting ("group.field") with this JSON value."""
    if setting in NOT_HASHED:
        return False
    group, _, name = setting.partition(".")
    return setting not in later or value != Protocol().model_dump(mode="json")[group][name]
