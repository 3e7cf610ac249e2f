"""A claim that nobody can read is nobody's: it blocks no run and takes down no reader."""

import json

import pytest
from traced_records import traced_run
from typer.testing import CliRunner

from bench.cli import app
from bench.locking import lock
from bench.reporting.results.records import states

CLAIMS = {
    "empty": b"",
    "cut short": b'{"host": "a',
    "of another kind": b"[]",
    "a text": b'"text"',
    "without a host": b'{"pid": 3}',
    "of wrong types": b'{"host": 3, "pid": "x", "by": []}',
    "not UTF-8": b"\xff\xfe",
    "nested": b"[" * 60_000,
    "a folder": None,
}


@pytest.mark.parametrize("kind", CLAIMS)
def test_a_damaged_claim_is_nobodys(tmp_path, kind):
    traced_run(tmp_path, "resnet50", "0.7", 0)
    folder = traced_run(tmp_path, "comcl", "0.7", 0)
    (folder / "DONE").unlink()
    path, content = folder / "claim.json", CLAIMS[kind]
    path.mkdir() if content is None else path.write_bytes(content)
    assert {row["method"]: row["state"] for row in states(tmp_path)} == {
        "comcl": "interrupted",
        "resnet50": "done",
    }
    result = CliRunner().invoke(app, ["status", "--records", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["runs"]) == 2
    with lock(folder) as mine:
        assert mine
    with lock(folder) as again:
        assert again
