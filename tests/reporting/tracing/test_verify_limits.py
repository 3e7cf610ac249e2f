"""A bundle is somebody else's file: whatever is odd in it is a fault, told in bounded memory."""

import io
import json
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bundles import member, resigned
from own_process import cost_of
from traced_records import traced_run
from typer.testing import CliRunner

from bench import store
from bench.cli import app
from bench.reporting.tracing.bundle import export, packed
from bench.reporting.tracing.unpack import unpacked
from bench.reporting.tracing.verify import verify

MOST_MIB = 700
"""Of resident memory; the libraries alone take about 200."""


def faults_of(files, tmp_path):
    path = tmp_path / "changed.zip"
    path.write_bytes(packed(files))
    result = CliRunner().invoke(app, ["verify", str(path)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == 1, result.output
    assert "FAULT " in result.stdout
    return [line for line in result.stdout.splitlines() if line.startswith("FAULT ")]


def zipped(path, *entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, body in entries:
            archive.writestr(name, body)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../out.txt",
        "/out.txt",
        "a/../../out.txt",
        "a\\..\\out",
        "C:/x",
        "a//b",
        "./a",
        "a/",
        "\x07",
    ],
)
def test_a_name_that_leads_out_is_a_fault_and_nothing_is_read(full_bundle, tmp_path, name):
    path = tmp_path / "evil.zip"
    path.write_bytes(full_bundle.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), "out")
    answer = verify(path)
    assert any("is no plain file inside it" in fault for fault in answer.faults)
    assert answer.checked == ()


def test_links_and_names_that_are_one_on_some_disk_are_faults(full_bundle, tmp_path):
    link = zipfile.ZipInfo("records/link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    path = zipped(tmp_path / "link.zip", (link, "/etc/passwd"))
    assert "a link or device" in verify(path).faults[0]
    for one, two in (("a", "A"), ("\u00e9", "e\u0301"), ("ss", "\u00df")):
        path = zipped(tmp_path / "twice.zip", (one, "1"), (two, "2"))
        assert "twice" in verify(path).faults[0]
    path = zipped(tmp_path / "both.zip", ("a", "1"), ("a/b", "2"))
    assert verify(path).faults == ("'a' is a file and a folder",)
    path = zipped(tmp_path / "long.zip", ("x" * 250, "1"))
    assert "too long" in verify(path).faults[0]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_faults_and_a_bundle_packed_again_is_none(
    full_bundle, tmp_path, method
):
    path = zipped(tmp_path / "other.zip", *unpacked(full_bundle).items(), method=method)
    assert "compressed by method" in verify(path).faults[0]
    again = zipped(
        tmp_path / "again.zip", *unpacked(full_bundle).items(), method=zipfile.ZIP_DEFLATED
    )
    assert verify(again).faults == ()


def test_an_encrypted_entry_a_wrong_sum_and_overlaps_are_faults(full_bundle, tmp_path):
    whole, path = bytearray(full_bundle.read_bytes()), tmp_path / "odd.zip"
    (start,) = struct.unpack_from("<I", whole, whole.rindex(b"PK\x05\x06") + 16)
    encrypted = bytearray(whole)
    encrypted[start + 8] |= 1
    path.write_bytes(encrypted)
    assert "it is encrypted" in verify(path).faults[0]
    wrong = bytearray(whole)
    wrong[60] ^= 1
    path.write_bytes(wrong)
    assert "cannot be read" in verify(path).faults[0] or verify(path).faults
    path.write_bytes(overlapping(50, 2**20))
    assert any("overlap" in fault for fault in verify(path).faults)


def overlapping(count, size):
    """A zip of many entries that all are the same bytes of it (Fifield, 2019)."""
    body = bytes(size)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("f0", body)
    whole = sink.getvalue()
    at = whole.index(b"PK\x01\x02")
    entry, end = whole[at : whole.index(b"PK\x05\x06")], whole[whole.index(b"PK\x05\x06") :]
    entries = b"".join(entry.replace(b"f0", b"%02d" % number) for number in range(count))
    tail = end[:8] + struct.pack("<HHII", count, count, len(entries), at) + end[20:]
    return whole[:at] + entries + tail


def name_bomb():
    """Few bytes that are a name of a million letters in three million rows: 8 TB as texts."""
    rows = pa.array(np.zeros(3_000_000, np.int32))
    names = pa.DictionaryArray.from_arrays(rows, pa.array(["x" * 1_000_000]))
    sink = pa.BufferOutputStream()
    table = pa.table({"split": names, "image_id": names, "patient_id": names})
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def row_bomb():
    """Few bytes that are 400 million rows of eight columns."""
    rows, groups = 40_000_000, 10
    table = pa.table({"quality": pa.array(np.zeros(rows, np.int8))})
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        for _ in range(groups):
            writer.write_table(table)
    return sink.getvalue().to_pybytes()


def npz_bomb():
    sink = io.BytesIO()
    np.savez_compressed(sink, map=np.zeros((2**29,), np.uint8))
    return sink.getvalue()


BOMBS = {"names": ("ions.parquet", name_bomb), "rows": ("ions.parquet", row_bomb)}
BOMBS |= {"npz": ("saliency.npz", npz_bomb)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "entry", *BOMBS])
def test_a_bomb_is_a_fault_in_bounded_memory(full_bundle, tmp_path, kind, capsys):
    path, files = tmp_path / "bomb.zip", unpacked(full_bundle)
    deflated = zipfile.ZIP_DEFLATED
    if kind == "zip":
        zipped(path, *((f"records/{n}", bytes(2**27)) for n in range(8)), method=deflated)
    elif kind == "entry":
        zipped(path, *files.items(), ("records/x", bytes(2**29 + 1)), method=deflated)
    else:
        ending, made = BOMBS[kind]
        path.write_bytes(packed(resigned(files | {member(full_bundle, ending): made()})))
    cost = cost_of(["verify", str(path)], tmp_path)
    with capsys.disabled():
        print(f"\n{kind}: {path.stat().st_size / 1e6:.2f} MB, peak {cost.peak_mib:.0f} MiB")
    assert (cost.code, "FAULT " in cost.out) == (1, True), cost.out
    assert cost.peak_mib < MOST_MIB


def test_what_no_bundle_can_show_is_listed(full_bundle, tmp_path):
    answer = verify(full_bundle)
    assert answer.faults == ()
    page = CliRunner().invoke(app, ["verify", str(full_bundle)])
    assert page.exit_code == 0
    assert page.stdout.count("not verifiable from a bundle: ") == len(answer.unverifiable) >= 3
    assert not any("older version" in what for what in answer.unverifiable)
    machine = CliRunner().invoke(app, ["verify", str(full_bundle), "--json"])
    assert json.loads(machine.stdout)["unverifiable"] == list(answer.unverifiable)


def test_a_run_of_before_says_that_its_events_are_not_covered(tmp_path):
    folder = traced_run(tmp_path / "runs")
    done = json.loads((folder / "DONE").read_text())
    store.write_json(folder / "DONE", {k: v for k, v in done.items() if k != "events.jsonl"})
    export(tmp_path / "runs", tmp_path / "old.zip")
    answer = verify(tmp_path / "old.zip")
    assert answer.faults == ()
    assert "1 runs of an older version: events.jsonl is not covered by DONE" in answer.unverifiable


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"real": true', b'"real": false', "about.real is False"),
        (b'"boxes": "none"', b'"boxes": "given"', "about.boxes is 'given'"),
        (b'"key": "', b'"key": "0', "its key is 0"),
        (b'"changed_options": ""', b'"changed_options": "[x]"', "about.changed_options is"),
        (b'"partial": false', b'"partial": true', "has no --partial"),
    ],
)
def test_what_a_spec_says_beside_itself_is_checked(full_bundle, tmp_path, old, new, why):
    name = member(full_bundle, "spec.json")
    body = unpacked(full_bundle)[name]
    assert old in body
    (fault,) = faults_of(
        resigned(unpacked(full_bundle) | {name: body.replace(old, new, 1)}), tmp_path
    )
    assert f"{name}: " in fault
    assert why in fault
