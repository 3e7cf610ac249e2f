"""Ways to damage a small file of a run's folder, as hypothesis draws them."""

import hashlib
import json
import shutil
from pathlib import Path

from hypothesis import strategies as st

FILES = (
    "DONE",
    "spec.json",
    "metrics.json",
    "provenance.json",
    "predictions.parquet",
    "events.jsonl",
    "saliency.npz",
    "embeddings.npz",
    "failure.json",
    "checkpoint.safetensors",
)
WRONG_TYPES = (b"[]", b'"text"', b"3", b"null", b"{}", b"[[[[", b"\xff\xfe\x00", b'{"a": NaN}')
LINES = (
    b"{}\n",
    b'{"stage": 3}\n',
    b'{"epoch": 1}\n',
    b"\xff\n",
    b'{"stage": "x", "epoch": "1"}\n',
)


def damages() -> st.SearchStrategy[tuple[str, str, float, int]]:
    """(file, kind, place in 0..1, number)."""
    kinds = ("truncated", "emptied", "swapped", "of another run", "flipped", "wrong type", "value")
    more = ("folder", "gone", "dangling link", "loop", "line", "nested")
    return st.tuples(
        st.sampled_from(FILES),
        st.sampled_from((*kinds, *more)),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 10**6),
    )


def damage(folder: Path, other: Path, what: tuple[str, str, float, int]) -> None:
    """Damage one file of a run.

    Args:
        other: Another run, from which its file may be taken.
    """
    name, kind, *_ = what
    path = folder / name
    before = path.read_bytes() if path.is_file() else b'{"why": "disk full"}'
    if path.is_file():
        path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind != "gone":
        path.write_bytes(_content(folder, other, what, before))


def _content(folder: Path, other: Path, what: tuple[str, str, float, int], before: bytes) -> bytes:
    name, kind, place, number = what
    at = int(place * len(before))
    if kind == "truncated":
        return before[:at]
    if kind == "swapped":
        names = [path for path in sorted(folder.iterdir()) if path.is_file()]
        return names[number % len(names)].read_bytes() if names else b""
    if kind == "of another run":
        return (other / name).read_bytes() if (other / name).is_file() else b""
    if kind == "flipped":
        return before[:at] + bytes([before[at] ^ (1 << number % 8)]) + before[at + 1 :]
    if kind == "wrong type":
        return WRONG_TYPES[number % len(WRONG_TYPES)]
    if kind == "line":
        lines = before.splitlines(keepends=True)
        lines.insert(int(place * (len(lines) + 1)), LINES[number % len(LINES)])
        return b"".join(lines)
    if kind == "nested":
        return b"[" * 100_000
    return _with_value(before, number) if kind == "value" else b""


VALUES = (None, [], {}, "x", -1, 1e308, 10**400, True, "\ud800", {"a": {}}, ["b"], "")


def _with_value(before: bytes, number: int) -> bytes:
    """One value anywhere in a JSON file replaced by one of another type."""
    try:
        document = json.loads(before)
    except ValueError:
        return b"\x00" + before
    places = list(_places(document))
    if not places:
        return before
    holder, key = places[number % len(places)]
    holder[key] = VALUES[number // 7 % len(VALUES)]
    return json.dumps(document).encode()


def _places(value):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def sealed(folder: Path) -> None:
    """Write DONE so that the digests of whatever is there hold."""
    names = [path.name for path in folder.iterdir() if path.is_file() and path.name != "DONE"]
    kept = [name for name in names if name in FILES[1:8]]
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in kept}
    done = folder / "DONE"
    if done.is_dir() and not done.is_symlink():
        shutil.rmtree(done)
    elif done.is_symlink():
        done.unlink()
    done.write_text(json.dumps(digests))
