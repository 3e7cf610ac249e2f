"""Any member of a bundle, and any byte of the zip, may be anything: a fault, never an error."""

import os

import pytest
from bundles import member, resigned
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bench.cli import app
from bench.reporting.tracing.bundle import MANIFEST, packed
from bench.reporting.tracing.unpack import unpacked

LONG = "BENCH_LONG" in os.environ


def edits():
    kinds = st.sampled_from(("flip", "truncate", "replace", "insert", "empty", "json"))
    return st.tuples(kinds, st.integers(0, 10**6), st.floats(0, 1, exclude_max=True))


def edited(body, edit):
    kind, number, place = edit
    at = int(place * len(body))
    if kind == "flip" and body:
        return body[:at] + bytes([body[at] ^ (1 << number % 8)]) + body[at + 1 :]
    if kind == "truncate":
        return body[:at]
    if kind == "replace":
        return body[:at] + number.to_bytes(4, "little") + body[at + 4 :]
    if kind == "insert":
        return body[:at] + number.to_bytes(4, "little") + body[at:]
    return b"" if kind == "empty" else (b"[]", b"null", b'"x"', b"{}", b"[" * 9999)[number % 5]


COUNT = {"members": 0, "bytes": 0, "faults": 0}


@pytest.fixture(scope="module", autouse=True)
def counted():
    """How many bundles this process tried; `pytest -s` and the long run show it."""
    yield
    print(f"\n{COUNT['members']} members and {COUNT['bytes']} zips changed, 0 tracebacks")
    assert COUNT["faults"] > 10 or not COUNT["members"]  # another process had that test


@settings(
    max_examples=3000 if LONG else 40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(where=st.integers(0, 10**6), edit=edits(), signed=st.booleans())
def test_any_member_may_be_anything(full_bundle, tmp_path, where, edit, signed):
    """With the manifest, and DONE, made to fit: a fault, or what changes no number."""
    files = unpacked(full_bundle)
    names = sorted(name for name in files if name.startswith(("records/", MANIFEST)))
    name = names[where % len(names)]
    body = edited(files[name], edit)
    files = files | {name: body}
    if signed and name not in (MANIFEST, member(full_bundle, "/DONE")):
        files = resigned(files)
    path = tmp_path / "changed.zip"
    path.write_bytes(packed(files))
    result = CliRunner().invoke(app, ["verify", str(path)])
    COUNT["members"] += 1
    COUNT["faults"] += result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code in (0, 1, 2), result.output
    assert result.exit_code != 2 or name == MANIFEST
    if not signed and body != unpacked(full_bundle)[name] and name != MANIFEST:
        assert result.exit_code == 1


@settings(
    max_examples=3000 if LONG else 60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(edit=edits())
def test_any_byte_of_the_zip_may_be_another(full_bundle, tmp_path, edit):
    path = tmp_path / "changed.zip"
    whole = full_bundle.read_bytes()
    # Most of what the zip says of itself stands at its end.
    kind, number, place = edit
    near = 1 - (1 - place) / 20 if number % 2 else place
    path.write_bytes(edited(whole, (kind, number, near)))
    result = CliRunner().invoke(app, ["verify", str(path)])
    COUNT["bytes"] += 1
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code in (0, 1, 2), result.output
