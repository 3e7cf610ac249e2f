"""A user's CSV files as tables of text."""

from pathlib import Path

import pandas as pd

from bench.errors import RequestError


def read_csv(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    """A CSV with every cell as stripped text.

    Raises:
        RequestError: when the file or a required column is not there.
    """
    if not path.is_file():
        raise RequestError(f"{path} is not there; see `bench datasets` for the expected layout")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} is not a CSV table: {error}") from error
    table.columns = [str(name).strip() for name in table.columns]
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise RequestError(
            f"{path} has no column {missing[0]!r}; its columns are {', '.join(table.columns)}"
        )
    return pd.DataFrame({name: column.str.strip() for name, column in table.items()})


def whole_number(text: str, where: str) -> int:
    """The integer that a cell holds.

    Raises:
        RequestError: naming the cell.
    """
    try:
        return int(text)
    except ValueError:
        raise RequestError(f"{where}: {text!r} is not a whole number") from None
