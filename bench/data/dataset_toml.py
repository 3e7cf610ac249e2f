"""`dataset.toml` beside a `labels.csv`: what its columns mean, where that cannot be told from it.

All of it is optional:

    modality = "chest"              # or "fundus"
    encoding = "cp1252"             # of labels.csv; utf-8 unless it says
    findings = ["mass", "nodule"]   # the columns of findings; all others are left aside
    uncertain = "negative"          # findings of -1: "positive", "negative" or "leave out"
    blank = "negative"              # findings without a value, likewise
    [columns]
    image = "id_code"               # what labels.csv calls image, label, patient_id, ...
    label = "diagnosis"
    [values]
    "No DR" = 0                     # words of the label column, or of findings
"""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.data.label_table import read_text
from bench.data.records import Modality
from bench.errors import RequestError

FILE = "dataset.toml"
MEANINGS = ("image", "label", "patient_id", "eye", "quality", "split")
"""The columns of a `labels.csv` that are no findings."""
Rule = Literal["positive", "negative", "leave out"]
Name = Annotated[str, Field(min_length=1)]


class Description(BaseModel):
    """What a `dataset.toml` says; nothing where there is none.

    Attributes:
        modality: What the pictures show; None leaves it open.
        encoding: Of `labels.csv`.
        findings: Its columns of findings; None takes all that have no other meaning.
        uncertain: What a finding of -1 counts as; None refuses it.
        blank: What a finding without a value counts as; None refuses it.
        columns: Meaning -> the name that the column has.
        values: Word of a cell -> the number that it stands for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    modality: Modality | None = None
    encoding: str | None = None
    findings: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    uncertain: Rule | None = None
    blank: Rule | None = None
    columns: dict[str, Name] = {}
    values: dict[str, Annotated[int, Field(strict=True, ge=0, le=4)]] = {}

    def called(self, meaning: str) -> str:
        """The name of the column that has a meaning."""
        return self.columns.get(meaning, meaning)

    def with_columns(self, text: str | None) -> "Description":
        """The same with columns as `data.columns` names them: "image=id_code,label=diagnosis".

        Raises:
            RequestError: for anything else than such pairs.
        """
        if text is None:
            return self
        columns = dict(self.columns)
        for pair in text.split(","):
            meaning, equals, name = (part.strip() for part in pair.partition("="))
            if not equals or not name:
                raise RequestError(
                    f"--set data.columns={text}: write it as image=id_code,label=diagnosis"
                )
            columns[meaning] = name
        _check_columns(columns, f"--set data.columns={text}")
        return self.model_copy(update={"columns": columns})


def read(root: Path) -> Description:
    """What a folder's `dataset.toml` says.

    Raises:
        RequestError: naming the key or value that is wrong, and those that there are.
    """
    path = root / FILE
    if not path.is_file():
        return Description()
    try:
        description = Description.model_validate(tomllib.loads(read_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"{path} is not a TOML file: {error}") from None
    except ValidationError as error:
        raise RequestError(f"{path}: {_explain(error)}") from None
    _check_columns(description.columns, str(path))
    listed = description.findings or ()
    if len(set(listed)) < len(listed):
        raise RequestError(f"{path}: findings = {list(listed)} names one twice")
    return description


def _check_columns(columns: dict[str, str], where: str) -> None:
    for meaning in columns:
        if meaning not in MEANINGS:
            near = difflib.get_close_matches(meaning, MEANINGS, n=1, cutoff=0)[0]
            raise RequestError(
                f"{where}: {meaning!r} is no meaning of a column; did you mean {near!r}? There are "
                f"{', '.join(MEANINGS)}"
            )
    names = list(columns.values())
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RequestError(f"{where}: the column {twice!r} is given two meanings; give it one")


def _explain(error: ValidationError) -> str:
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, Description.model_fields, n=1, cutoff=0)[0]
        known = ", ".join(Description.model_fields)
        return f"there is no key {key!r}; did you mean {near!r}? There are {known}"
    return f"{key} = {problem['input']!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
