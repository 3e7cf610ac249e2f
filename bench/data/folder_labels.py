"""What the columns of a `labels.csv` say of disease: grades, or findings of 0 and 1.

A label is never guessed. A column that may be no finding, a word, an uncertain finding and a
missing one are each refused with the line of `dataset.toml` that says what is meant.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.data.dataset_toml import MEANINGS, Description
from bench.data.label_rules import settle
from bench.data.label_table import NUMBER, LabelTable, whole_number
from bench.errors import RequestError
from bench.tasks import DIABETIC_RETINOPATHY, Task, findings

KAGGLE = (("image", "level"), ("id_code", "diagnosis"))
"""Names and grades in the label files of Kaggle's competitions: EyePACS (2015), APTOS (2019)."""

NO_FINDINGS = frozenset(
    "male female sex gender man woman age patient_age age_group race ethnicity height weight bmi "
    "smoker smoking ex_smoker left right laterality side view view_position position portable "
    "frontal lateral ap pa camera device scanner site centre center hospital clinic country "
    "dilated id index fold number study series visit follow_up year month date time train test "
    "val valid validation is_train is_test usage is_male is_female good usable reject".split()
)
"""Columns that describe a patient or a picture, and that 0 and 1 make look like findings."""


@dataclass(frozen=True)
class Labels:
    """The labels of a table.

    Attributes:
        task: What they are of.
        values: Of each row; None where a rule leaves the row out.
        notes: A sentence for each rule that was applied.
        declared: The findings, where others would be taken without `dataset.toml`.
    """

    task: Task
    values: tuple[tuple[int, ...] | None, ...]
    notes: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()


def recognised(table: LabelTable, description: Description) -> Description:
    """The description with the columns that a table calls by a known other name.

    These are the columns of Kaggle's label files, and `Image` or `Patient ID` in any spelling.

    Raises:
        RequestError: where the grades of Kaggle's layout are all 0 or 1: they may be a finding.
    """
    columns = _kaggle(table, description) | dict(description.columns)
    for meaning in ("image", "patient_id"):
        if meaning not in columns and meaning not in table.columns:
            plain = _plain(meaning).replace("_", "")
            alike = [n for n in table.columns if _plain(n).replace("_", "") == plain]
            columns |= {meaning: alike[0]} if len(alike) == 1 else {}
    return description.model_copy(update={"columns": columns})


def _kaggle(table: LabelTable, description: Description) -> dict[str, str]:
    """The columns of image and label of Kaggle's layouts; {} for any other table."""
    if {"image", "label"} & description.columns.keys() or description.findings:
        return {}
    for image, label in KAGGLE:
        others = {"image", "label"} - {image}
        if not {image, label} <= set(table.columns) or others & set(table.columns):
            continue
        if set(table.column(label)) <= {"0", "1"}:
            raise RequestError(
                f"{table.file}, column {label!r}: only 0 and 1, which may be grades or a finding; "
                f'write [columns] image = "{image}", label = "{label}" into dataset.toml for '
                f'grades, or findings = ["{label}"] for a finding'
            )
        return {"image": image, "label": label}
    return {}


def labels_of(table: LabelTable, description: Description) -> Labels:
    """The labels of a table.

    Raises:
        RequestError: naming column, value and line, and what to write into `dataset.toml`.
    """
    label = description.called("label")
    inferred = _inferred(table, description)
    if description.findings is not None:
        other = description.findings != inferred
        found = _findings(table, description.findings, description)
        return replace(found, declared=description.findings if other else ())
    if label in table.columns or "label" in description.columns:
        return _grades(table, label, description)
    _refuse_no_findings(table, inferred, description)
    return _findings(table, inferred, description)


def unknown_layout(table: LabelTable, missing: str) -> RequestError:
    """What is said of a table without a column that is needed: what it has, and what to write."""
    names = [name for name in table.columns if name and table.columns.count(name) == 1]
    shown = ", ".join(f"{name} ({', '.join(table.column(name)[:2])}, ...)" for name in names)
    columns = _guess(table, names)
    toml = ", ".join(f'{meaning} = "{name}"' for meaning, name in columns.items())
    typed = ",".join(f"{meaning}={name}" for meaning, name in columns.items())
    return RequestError(
        f"{table.file} has {missing}; its columns are {shown}. Say which are meant in "
        f"dataset.toml, such as [columns] {toml}, or with --set data.columns={typed!r}; findings "
        "of 0 and 1 are listed there as findings = [...]"
    )


def number(cell: str, description: Description, where: str) -> int:
    """The number that a cell holds, or that its word stands for.

    Raises:
        RequestError: naming the cell, and how to say what its word stands for.
    """
    if cell in description.values:
        return description.values[cell]
    if cell and not NUMBER.fullmatch(cell):
        raise RequestError(
            f"{where}: {cell!r} is not a whole number; say what it stands for in dataset.toml, "
            f'[values] "{cell}" = 0 and so on'
        )
    return whole_number(cell, where)


def _inferred(table: LabelTable, description: Description) -> tuple[str, ...]:
    """The columns that are findings unless something says otherwise; none beside a label."""
    described = {*MEANINGS, *description.columns.values()}
    if description.called("label") in table.columns:
        return ()
    return tuple(name for name in table.columns if name not in described and name)


def _plain(name: str) -> str:
    """A column's name in small letters and figures."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _refuse_no_findings(
    table: LabelTable, columns: Sequence[str], description: Description
) -> None:
    """Refuse a table without findings, or with a column that does not look like one."""
    if not columns:
        missing = "neither a column 'label' (grades 0..4) nor a 0/1 column of a finding"
        raise unknown_layout(table, missing)
    nameless = [place for place, name in enumerate(table.columns) if not name]
    for place in nameless:
        cells = [row[place] for row in table.rows]
        if any(cells) and cells not in _row_numbers(len(cells)):
            raise RequestError(
                f"{table.file}: column {place + 1} has no name but values (first: "
                f"{next(filter(None, cells))!r}); name it, or delete it"
            )
    for name in columns:
        if _plain(name) in NO_FINDINGS | {*MEANINGS}:
            rest = ", ".join(f'"{other}"' for other in columns if other != name)
            raise RequestError(
                f"{table.file}, column {name!r}: this does not look like a finding; list those "
                f"that are in dataset.toml, findings = [{rest}], or its meaning under [columns]"
            )


def _row_numbers(count: int) -> list[list[str]]:
    """What pandas and R write before each row."""
    return [[str(start + i) for i in range(count)] for start in (0, 1)]


def _grades(table: LabelTable, name: str, description: Description) -> Labels:
    cells = table.column(name)
    settled = settle(table, {name: cells}, description, grades=True)
    values = tuple(
        None if i in settled.left_out else (_grade(cell, description, table.where(i, name)),)
        for i, cell in enumerate(cells)
    )
    return Labels(DIABETIC_RETINOPATHY, values, settled.notes)


def _grade(cell: str, description: Description, where: str) -> int:
    grade = number(cell, description, where)
    try:
        DIABETIC_RETINOPATHY.check((grade,), where)
    except ValueError as error:
        raise RequestError(f"{error}; findings have one column of 0 and 1 each") from None
    return grade


def _findings(table: LabelTable, names: tuple[str, ...], description: Description) -> Labels:
    cells = {name: table.column(name) for name in names}
    settled = settle(table, cells, description)

    def value(i: int, name: str) -> int:
        open_label = settled.values.get((i, name))
        if open_label is not None:
            return open_label
        return _finding(cells[name][i], description, table.where(i, name))

    values = tuple(
        None if i in settled.left_out else tuple(value(i, name) for name in names)
        for i in range(len(table.rows))
    )
    return Labels(findings(names), values, settled.notes)


def _finding(cell: str, description: Description, where: str) -> int:
    value = number(cell, description, where)
    if value not in (0, 1):
        raise RequestError(
            f"{where}: findings must be 0 or 1, not {value}; a column that is no finding is left "
            "aside where dataset.toml lists those that are, findings = [...]"
        )
    return value


def _guess(table: LabelTable, names: Sequence[str]) -> dict[str, str]:
    """The columns that look most like images and grades, for an example."""

    def like_images(name: str) -> tuple[bool, int]:
        cells = table.column(name)
        return not any(NUMBER.fullmatch(cell) for cell in cells), len(set(cells))

    image = max(names, key=like_images, default="file")
    graded = [name for name in names if {"2"} <= set(table.column(name)) <= set("01234")]
    label = next((name for name in graded if name != image), "diagnosis")
    return {"image": image, "label": label}
