"""Printing: for a terminal in its width and colours, else plain text in the width it needs."""

import io
import json
import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.measure import Measurement

NARROWEST = 80
WIDEST = 10_000


def plain(content: RenderableType) -> str:
    """The content without colours and without folded lines, ending in one newline."""
    console = Console(file=io.StringIO(), width=WIDEST, color_system=None, force_terminal=False)
    console.width = max(Measurement.get(console, console.options, content).maximum, NARROWEST)
    with console.capture() as capture:
        console.print(content)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return "\n".join(lines).rstrip("\n") + "\n"


def for_stdout(content: RenderableType) -> str:
    """In colours and in the terminal's width if standard output is one, else plain."""
    console = Console()
    if not console.is_terminal:
        return plain(content)
    with console.capture() as capture:
        console.print(content)
    return capture.get().rstrip() + "\n"


def json_object(value: Mapping[str, Any]) -> str:
    """One JSON object; nan, which JSON does not have, as null."""
    return json.dumps(_sane(value), indent=1, ensure_ascii=False, allow_nan=False)


def _sane(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _sane(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [_sane(item) for item in items]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int | str | None) else str(value)
