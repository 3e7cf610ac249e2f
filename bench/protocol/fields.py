"""A setting of a protocol: a value with its source, in a group that cannot be changed."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def setting(default: Any, *, source: str, unit: str = "", **rules: Any) -> Any:
    """A protocol field with its source; `rules` are pydantic's (ge, le, ...)."""
    return Field(default, json_schema_extra={"source": source, "unit": unit}, **rules)


class SettingsGroup(BaseModel):
    """Settings that belong together; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
