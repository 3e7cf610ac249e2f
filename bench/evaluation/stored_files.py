"""The binary files of a run, checked before they are decoded: predictions and named arrays.

A file of a few megabytes can claim gigabytes. What a file says of its own size is compared with
what a run could have written, and with the file, before anything is decoded.
"""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.schemas import DamagedFile, read_bytes

MOST_ROWS, MOST_COLUMNS = 4_000_000, 500
MOST_DECODED = 2**30
"""Bytes of predictions, decoded; a million images with fourteen findings take a tenth of it."""
MOST_ARRAYS = 2**28
"""Bytes of all arrays of an artefact, decoded."""
MOST_FILE = 2**29
LONGEST_NAME = 1_000
TEXTS = ("split", "image_id", "patient_id")
SPLITS = {"validation", "test"}


def read_predictions(path: Path) -> pd.DataFrame:
    """A prediction table with the columns and values that every run writes.

    Returns:
        `split`, `image_id`, `patient_id` as categories; `quality` in 0..2, `degraded`; `label` or
        `label_0`..., whole numbers from 0; `p_0`... in 0..1.

    Raises:
        DamagedFile: no parquet, too large to be decoded, or other columns or values.
    """
    content = read_bytes(path, MOST_FILE)
    try:
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=list(TEXTS))
        _refuse_large(path, file)
        table = file.read()
        _refuse_texts(path, table)
        rows = table.to_pandas()
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        raise DamagedFile(path, f"no whole parquet file ({_short(error)})") from error
    _refuse_columns(path, rows)
    _refuse_values(path, rows)
    return rows


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an artefact by name, never unpickled.

    Raises:
        DamagedFile: no file of arrays, too large to be decoded, or arrays of objects.
    """
    content = read_bytes(path, MOST_FILE)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                _refuse_entry(path, archive, entry)
            if sum(entry.file_size for entry in archive.infolist()) > MOST_ARRAYS:
                raise DamagedFile(path, f"would take over {MOST_ARRAYS >> 20} MiB")
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
        raise DamagedFile(path, f"no whole file of arrays ({_short(error)})") from error
    except (OSError, EOFError, KeyError, MemoryError) as error:
        raise DamagedFile(path, f"no whole file of arrays ({_short(error)})") from error


def read_saliency(path: Path) -> dict[str, np.ndarray]:
    """`saliency.npz`: n `image_id` with `map` (n, h, w); m `pointed_id` with `hit` and `chance`.

    Raises:
        DamagedFile: also for arrays that are missing, or of another type or shape.
    """
    shapes = {"image_id": "U", "map": "f", "pointed_id": "U", "hit": "b", "chance": "f"}
    arrays = _of_types(path, shapes, {"map": 3})
    _same_length(path, arrays, "image_id", "map")
    _same_length(path, arrays, "pointed_id", "hit", "chance")
    return arrays


def read_embeddings(path: Path) -> dict[str, np.ndarray]:
    """`embeddings.npz`: N `level` codes in 0..3 with `feature` (N, D).

    Raises:
        DamagedFile: also for arrays that are missing, or of another type or shape.
    """
    arrays = _of_types(path, {"level": "iu", "feature": "f"}, {"feature": 2})
    _same_length(path, arrays, "level", "feature")
    level = arrays["level"]
    if not len(level) or not ((level >= 0) & (level <= 3)).all():
        raise DamagedFile(path, "a level is outside 0..3, or there is none")
    return arrays


def _of_types(
    path: Path, kinds: dict[str, str], dimensions: dict[str, int]
) -> dict[str, np.ndarray]:
    arrays = read_arrays(path)
    for name, kind in kinds.items():
        if name not in arrays:
            raise DamagedFile(path, f"no array {name}")
        array, expected = arrays[name], dimensions.get(name, 1)
        if not array.size:
            continue  # NumPy gives an array of nothing a type of its own choice
        if array.dtype.kind not in kind or array.ndim != expected:
            raise DamagedFile(path, f"{name} is of type {array.dtype} and shape {array.shape}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise DamagedFile(path, f"{name} has values that are no numbers")
    return arrays


def _same_length(path: Path, arrays: dict[str, np.ndarray], *names: str) -> None:
    lengths = {name: len(arrays[name]) for name in names}
    if len(set(lengths.values())) > 1:
        raise DamagedFile(path, f"arrays of unequal lengths: {lengths}")


def _refuse_large(path: Path, file: pq.ParquetFile) -> None:
    about = file.metadata
    groups = [about.row_group(index) for index in range(about.num_row_groups)]
    encoded = sum(group.total_byte_size for group in groups)
    # Of a column that repeats one value a file holds next to nothing: rows are what decoding costs.
    if about.num_rows > MOST_ROWS or about.num_columns > MOST_COLUMNS:
        raise DamagedFile(path, f"{about.num_rows:,} rows of {about.num_columns} columns")
    if max(encoded, 8 * about.num_rows * about.num_columns) > MOST_DECODED:
        raise DamagedFile(path, f"would take over {MOST_DECODED >> 20} MiB")
    if any(group.num_rows > about.num_rows for group in groups):
        raise DamagedFile(path, "a row group has more rows than the file")


def _refuse_texts(path: Path, table: pa.Table) -> None:
    """Splits, images and patients are texts of a bounded length, without a gap."""
    table.validate(full=True)  # the letters of a text, too
    for name in set(TEXTS) & set(table.column_names):
        column = table[name]
        if not pa.types.is_dictionary(column.type) or not _is_string(column.type.value_type):
            raise DamagedFile(path, f"column {name} is of type {column.type}")
        if column.null_count:
            raise DamagedFile(path, f"column {name} has {column.null_count} rows without a value")
        for chunk in column.chunks:
            if chunk.dictionary.nbytes > LONGEST_NAME * max(len(chunk.dictionary), 1):
                raise DamagedFile(path, f"{name}: names of over {LONGEST_NAME} letters")


def _is_string(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _refuse_columns(path: Path, rows: pd.DataFrame) -> None:
    """A run's columns, each once, of its type."""
    probabilities = _numbered(rows, "p_")
    labels = ["label"] if "label" in rows else _numbered(rows, "label_")
    expected = {*TEXTS, "quality", "degraded", *labels, *probabilities}
    if not rows.columns.is_unique or len(probabilities) < 1 or not labels:
        raise DamagedFile(path, f"columns are {_short(list(rows.columns))}")
    if missing := sorted(expected - set(rows.columns)):
        raise DamagedFile(path, f"no column {', '.join(missing)}")
    kinds = {"quality": "iu", "degraded": "b"}
    kinds |= dict.fromkeys(labels, "iu") | dict.fromkeys(probabilities, "f")
    for name, kind in kinds.items():
        if rows[name].dtype.kind not in kind:
            raise DamagedFile(path, f"column {name} is of type {rows[name].dtype}")


def _refuse_values(path: Path, rows: pd.DataFrame) -> None:
    probabilities = rows[_numbered(rows, "p_")].to_numpy()
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise DamagedFile(path, "a probability is nan or outside 0..1")
    splits = set(rows["split"].unique())
    if splits != SPLITS:
        named = ", ".join(sorted(map(repr, splits))) or "none"
        raise DamagedFile(path, f"splits are {named}; every run predicts validation and test")
    highest = probabilities.shape[1] - 1 if "label" in rows else 1
    labels = rows[["label"] if "label" in rows else _numbered(rows, "label_")].to_numpy()
    if labels.min() < 0 or labels.max() > highest:
        raise DamagedFile(path, f"a label is outside 0..{highest}")
    if not np.isin(rows["quality"].to_numpy(), (0, 1, 2)).all():
        raise DamagedFile(path, "a quality is outside 0..2")


def _numbered(rows: pd.DataFrame, prefix: str) -> list[str]:
    """Columns of a prefix, numbered from 0 on; [] where a number is left out."""
    count = sum(str(name).startswith(prefix) for name in rows.columns)
    names = [f"{prefix}{number}" for number in range(count)]
    return names if set(names) <= set(rows.columns) else []


def _refuse_entry(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """An array's header must ask for the bytes that the entry has, and for no object."""
    if not entry.filename.endswith(".npy") or entry.flag_bits & 1:
        raise DamagedFile(path, f"{entry.filename!r} is no array")
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        readers = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise DamagedFile(path, f"{entry.filename!r} is of version {version}")
        shape, _, kind = readers[version](file)
        size = file.tell() + kind.itemsize * int(np.prod(shape, dtype=object))
    if kind.hasobject or size != entry.file_size:
        raise DamagedFile(path, f"{entry.filename!r} holds objects, or not what its header says")


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 200 else f"{text[:200]}..."
