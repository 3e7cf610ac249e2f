"""`--settings`: which settings of a preset a method has for itself.

`common` is one recipe for all methods, with each method's tuned values where the preset has any;
`default` is the preset as it stands, one value for all; `original` is each method as in its own
paper.
"""

from collections.abc import Sequence
from typing import Any

from bench.errors import RequestError
from bench.protocol import original, tuned
from bench.protocol.presets import flatten, named
from bench.protocol.settings import Protocol, with_values
from bench.protocol.tuned import SourcedValue

SETTINGS = ("common", "default", "original")


def changes(method: str, protocol_name: str, settings: str) -> dict[str, SourcedValue]:
    """What a method has instead of the preset's values, each with its source.

    Raises:
        RequestError: settings that are none of the three.
    """
    if settings not in SETTINGS:
        raise RequestError(f"--settings {settings}: choose one of: {', '.join(SETTINGS)}")
    if settings == "default":
        return {}
    own = tuned.changes if settings == "common" else original.changes
    return own(method, protocol_name)


def apply(method: str, protocol_name: str, settings: str) -> Protocol:
    """The preset as named, with a method's own values if the settings want them.

    Raises:
        RequestError: an unknown preset, or settings that are none of the three.
    """
    own = changes(method, protocol_name, settings)
    return with_values(named(protocol_name), {key: value for key, (value, _) in own.items()})


def untuned(
    method: str, protocol_name: str, settings: str, requested: Sequence[str]
) -> dict[str, Any] | None:
    """The preset's values, as JSON, of what tuning replaces in a run.

    By them the runs of a table are compared, each with a rate of its own. A value that is set by
    hand takes the place of the tuned one, and is compared as any other setting.

    Args:
        requested: "group.field=value" texts.

    Returns:
        {} where the preset is tuned and the method is not, None where tuning says nothing.
    """
    by_hand = {text.partition("=")[0] for text in requested}
    if settings != "common" or not tuned.settings_of(protocol_name) - by_hand:
        return None
    preset = flatten(named(protocol_name).model_dump(mode="json"))
    return {k: preset[k] for k in tuned.changes(method, protocol_name) if k not in by_hand}
