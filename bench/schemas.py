"""What the small files of a run hold; what is read is whole, or refused by name with the reason.

Files may be cut short, swapped, or not ours at all. They are read up to a size, as plain files and
UTF-8 text, and checked field by field, so that no reader has to guard against them again.
"""

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bench.errors import BenchError

MOST_BYTES = 64 * 2**20
"""Of a text file; the longest log of a real run has about one."""

Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Scores = dict[str, Number | None]


class DamagedFile(BenchError):
    """A file that is not what was written there.

    Attributes:
        path: The file.
        why: What is wrong with it.
    """

    def __init__(self, path: Path, why: str):
        super().__init__(f"{path} is damaged: {why}")
        self.path, self.why = path, why


class _Schema(BaseModel):
    """Fields that are read; others may be there."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Manifest(_Schema):
    key: str
    images: dict[str, Count] = {}
    origin: dict[str, Any] | None = None


class _Named(_Schema):
    dataset: str
    method: str
    lq_ratio: Annotated[str, Field(pattern=r"^(native|\d(\.\d+)?(e-\d+)?)$")]
    seed: Count


class _Spec(_Named):
    method_version: int
    method_digest: str | None
    manifest: _Manifest
    protocol: dict[str, dict[str, Any]]
    settings: Literal["common", "default", "original"]
    versions: dict[str, int]
    world_size: Annotated[int, Field(ge=1)]
    study: str | None


class _Shares(_Schema):
    train: Annotated[float, Field(ge=0, le=1)]
    validation: Annotated[float, Field(ge=0, le=1)]
    test: Annotated[float, Field(ge=0, le=1)]


class _About(_Schema):
    protocol_name: str
    real: bool
    partial: bool
    limited: bool | None = None
    tuned: dict[str, Any] | None = None
    boxes: str
    assumptions: list[str]
    shares: _Shares
    changed_options: str
    classes: Annotated[list[str], Field(min_length=1, max_length=1000)]
    kind: Literal["grading", "findings"]
    command: str


class _Described(_Schema):
    id: str
    key: str
    spec: _Spec
    about: _About


class _Begun(_Schema):
    spec: _Named


class _Leakage(_Schema):
    images: dict[str, Count]
    shared: dict[str, dict[str, Count]]
    not_compared: Count
    stages: dict[str, dict[str, Count] | None]


class _Origin(_Schema):
    command: str
    commit: str
    date: str | None = None
    device: str
    device_name: str
    packages: dict[str, str]
    codecs: dict[str, str] = {}
    gpu: dict[str, str] = {}
    python: str
    seconds: Number
    leakage: _Leakage | None = None
    shared: dict[str, dict[str, Any]] = {}


class _TestScores(_Schema):
    n: Number
    __pydantic_extra__: Scores = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]


class _Metrics(_Schema):
    validation: Scores
    test: _TestScores


class _Failure(_Schema):
    why: str


class _Validation(_Schema):
    score: Number | None


class _Compute(_Schema):
    steps: Count
    samples: Count
    px: Count
    flops: Count
    peak_bytes: Count | None = None


class _Gate(_Schema):
    passed: bool
    demand: str
    measured: dict[str, Number]
    sentence: str


class _Event(_Schema):
    stage: str
    seconds: Number = 0.0
    compute: _Compute | None = None
    gate: _Gate | None = None


class _Epoch(_Schema):
    stage: str
    epoch: Count
    step: Count
    seconds: Number
    images_per_second: Number
    train: Scores
    validation: _Validation | None = None


class _BundleManifest(_Schema):
    format: int
    commit: str
    protocol: str | None
    packages: dict[str, str]
    versions: dict[str, int]
    files: dict[str, str]


SCHEMAS: dict[str, Any] = {
    "spec.json": _Described,
    "metrics.json": _Metrics,
    "provenance.json": _Origin,
    "failure.json": _Failure,
    "DONE": dict[str, str],
    "spec.json of an unfinished run": _Begun,
    "event": _Event,
    "epoch": _Epoch,
    "manifest of a bundle": _BundleManifest,
}
"""What each file must hold, by name."""


def read_json(path: Path, schema: str | None = None) -> dict[str, Any]:
    """The content of a JSON file.

    Args:
        schema: Of `SCHEMAS`; None for that of the file's name.

    Raises:
        DamagedFile: naming the first thing that is wrong.
    """
    return parsed(path, read_bytes(path), _adapter(schema or path.name))


def read_events(path: Path, *, finished: bool = False) -> list[dict[str, Any]]:
    """All complete lines of a log; none without a file.

    Args:
        finished: Whether the run is, so that no crash explains a last line that is cut short; else
            that line is left out.

    Raises:
        DamagedFile: naming the first line that is no event.
    """
    if not path.exists() and not path.is_symlink():
        return []
    *lines, rest = read_bytes(path).split(b"\n")
    if rest and finished:
        raise DamagedFile(path, "its last line is cut short")
    return [_event(path, number, line) for number, line in enumerate(lines, start=1)]


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a plain file.

    Raises:
        DamagedFile: it is missing, no plain file, larger than `most`, or the disk refuses.
    """
    if path.is_dir():
        raise DamagedFile(path, "a folder stands in its place")
    if not path.exists():
        raise DamagedFile(path, "a link to nothing" if path.is_symlink() else "missing")
    if not path.is_file():
        raise DamagedFile(path, "no plain file")
    try:
        if path.stat().st_size > most:
            raise DamagedFile(path, f"larger than {most >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise DamagedFile(path, f"cannot be read ({error.strerror or error})") from error


def parsed(path: Path, content: bytes, adapter: TypeAdapter[Any]) -> Any:
    """JSON text as plain values, once it holds what the adapter asks for.

    Args:
        path: Named where something is wrong.

    Raises:
        DamagedFile: naming the first thing that is wrong.
    """
    try:
        value = json.loads(content.decode(), parse_constant=_refuse_constant)
        # Refuses half a surrogate pair, which no page could be written with, and 1e999.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        adapter.validate_python(value)
    except UnicodeDecodeError as error:
        raise DamagedFile(path, "not UTF-8 text") from error
    except ValidationError as error:
        raise DamagedFile(path, _first(error)) from error
    except RecursionError as error:
        raise DamagedFile(path, "nested too deeply") from error
    except ValueError as error:
        raise DamagedFile(path, f"no whole JSON ({error})") from error
    return value


def parse_manifest(path: Path, content: bytes) -> dict[str, Any]:
    """The manifest of a bundle.

    Raises:
        DamagedFile: naming the first thing that is wrong.
    """
    return parsed(path, content, _adapter("manifest of a bundle"))


def _event(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        event = parsed(path, line, _adapter("event"))
        return parsed(path, line, _adapter("epoch")) if "epoch" in event else event
    except DamagedFile as error:
        raise DamagedFile(path, f"line {number}: {error.why}") from error


@cache
def _adapter(schema: str) -> TypeAdapter[Any]:
    return TypeAdapter(SCHEMAS[schema])


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{where}: {message}" if where else "no JSON object"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
