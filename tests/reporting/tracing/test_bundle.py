"""Bundles: equal records give equal bytes, and whatever does not follow in one is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from paths import ROOT
from traced_records import sign, traced_run, with_maps
from typer.testing import CliRunner

from bench import store
from bench.cli import app
from bench.errors import NotComparable, RequestError
from bench.reporting.tracing.bundle import MANIFEST, digests, export, packed, read_tree
from bench.reporting.tracing.unpack import unpacked
from bench.reporting.tracing.verify import verify

WITHOUT_TORCH = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {'torch', 'torchvision', 'timm', 'cv2', 'PIL', 'sklearn'}:
            raise ImportError(f'{name} is not there')
sys.meta_path.insert(0, Refused())
from bench.cli import app
app()
"""


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two runs on the real EyeQ, one with saliency maps."""
    root = tmp_path_factory.mktemp("records")
    with_maps(traced_run(root, "comcl", "0.7", 0, kappa=0.82), [True, False, True, True])
    traced_run(root, "resnet50", "0.7", 0)
    return root


@pytest.fixture(scope="module")
def bundle(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("out") / "bundle.zip"
    assert export(records, path) == 2
    return path


@pytest.fixture
def changed(bundle, tmp_path):
    """Writes the bundle with other files; `sign` lists them in the manifest as if exported so."""

    def write(changes=None, *, without=(), signed=True):
        files = unpacked(bundle) | (changes or {})
        files = {name: body for name, body in files.items() if name not in without}
        if signed:
            manifest = json.loads(files[MANIFEST]) | {"files": digests(files)}
            files[MANIFEST] = json.dumps(manifest).encode()
        path = tmp_path / "changed.zip"
        path.write_bytes(packed(files))
        return path

    return write


def named(bundle, ending):
    (name,) = (name for name in unpacked(bundle) if name.endswith(ending) and "comcl" in name)
    return name


def with_digit(body, old, new):
    assert body.count(old) == 1
    return body.replace(old, new)


def test_a_bundle_as_exported_verifies(bundle):
    answer = verify(bundle)
    assert answer.faults == answer.notes == ()
    assert answer.checked[1] == "2 runs"


def test_equal_records_give_equal_bytes_and_others_do_not(bundle, records, tmp_path):
    copy = tmp_path / "copy"
    for name, body in read_tree(records).items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(body)
    (copy / "notes.txt").write_text("not of a run")
    export(copy, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()
    traced_run(copy, "comcl", "0.7", 1)
    export(copy, tmp_path / "other.zip")
    assert (tmp_path / "other.zip").read_bytes() != bundle.read_bytes()


def test_a_bundle_holds_what_a_run_recorded_and_not_its_weights(records, tmp_path):
    folder = traced_run(tmp_path / "runs", "resnet50")
    (folder / "checkpoint.safetensors").write_bytes(b"weights")
    unfinished = traced_run(tmp_path / "runs", "resnet50", seed=1)
    (unfinished / "DONE").unlink()
    export(tmp_path / "runs", tmp_path / "bundle.zip")
    held = {name for name in unpacked(tmp_path / "bundle.zip") if name.startswith("records/")}
    there = {path.name for path in folder.iterdir()} - {"checkpoint.safetensors"}
    assert held == {f"records/eyeq/resnet50/{folder.name}/{name}" for name in there}
    assert "events.jsonl" in there


@pytest.mark.parametrize("ending", ["predictions.parquet", "metrics.json", "events.jsonl"])
def test_a_changed_file_is_named(bundle, changed, ending):
    name = named(bundle, ending)
    body = bytearray(unpacked(bundle)[name])
    body[len(body) // 2] ^= 1
    assert verify(changed({name: bytes(body)}, signed=False)).faults == (
        f"{name}: not the bytes that were exported",
    )


def test_a_missing_and_a_further_file_are_named(bundle, changed):
    name = named(bundle, "events.jsonl")
    path = changed({"records/more.json": b"{}"}, without={name}, signed=False)
    assert verify(path).faults == (f"{name}: missing", f"records/more.json: not in {MANIFEST}")


def test_a_digit_of_a_page_that_was_signed_anew_is_named_with_its_line(bundle, changed):
    page = unpacked(bundle)["pages/table1.md"]
    (fault,) = verify(changed({"pages/table1.md": page.replace(b"0.820", b"0.821")})).faults
    assert fault.startswith("pages/table1.md: line ")
    assert "0.821" in fault


def test_a_page_too_many_and_one_too_few_are_named(changed):
    path = changed({"pages/extra.md": b"so it is\n"}, without={"pages/table2.csv"})
    first, second = verify(path).faults
    assert first == "pages/extra.md: no page of these records"
    assert second.startswith("pages/table2.csv: line 1 is 'nothing'")


@pytest.mark.parametrize(
    ("metric", "old", "new"),
    [("kappa", '"kappa": 0.82', '"kappa": 0.83'), ("pointing_game", 'game": 0.75', 'game": 0.85')],
)
def test_a_score_that_does_not_follow_is_named(bundle, changed, tmp_path, metric, old, new):
    def edit(folder):
        text = (folder / "metrics.json").read_text()
        (folder / "metrics.json").write_text(with_digit(text, old, new))
        store.finish(folder)

    (fault,) = verify(changed(edited(bundle, tmp_path, edit))).faults
    assert f"metrics.json: test {metric} is" in fault


def test_a_prediction_that_was_changed_is_named_by_the_scores_that_it_moves(
    bundle, changed, tmp_path
):
    def edit(folder, resign):
        path = folder / "predictions.parquet"
        rows = pd.read_parquet(path)
        rows.loc[rows.index[-1], ["p_0", "p_4"]] = [0.6, 0.1]
        store.write_predictions(path, rows)
        resign(folder)

    faults = verify(changed(edited(bundle, tmp_path / "a", lambda f: edit(f, store.finish)))).faults
    assert any("test kappa is" in fault for fault in faults)
    # Scored anew as well, the pages are what it no longer agrees with.
    faults = verify(changed(edited(bundle, tmp_path / "b", lambda f: edit(f, sign)))).faults
    assert faults
    assert all(fault.startswith(("pages/", "records/")) for fault in faults)


def test_predictions_that_nobody_can_score_are_named(bundle, changed, tmp_path):
    def edit(folder):
        path = folder / "predictions.parquet"
        store.write_predictions(path, pd.read_parquet(path).assign(p_0=2.0))
        store.finish(folder)

    (fault,) = verify(changed(edited(bundle, tmp_path, edit))).faults
    assert "predictions.parquet: a probability" in fault


def test_a_run_whose_spec_is_another_is_named(bundle, changed, tmp_path):
    def edit(folder):
        saved = json.loads((folder / "spec.json").read_text())
        saved["spec"]["seed"] = 5
        store.write_json(folder / "spec.json", saved)
        store.finish(folder)

    (fault,) = verify(changed(edited(bundle, tmp_path, edit))).faults
    assert "spec.json: its identity is" in fault


def test_a_run_that_is_not_done_is_named(bundle, changed):
    name = named(bundle, "DONE")
    (fault,) = verify(changed(without={name})).faults
    assert fault == f"{name.removesuffix('/DONE')}: no DONE, so it is no run of bench export"


def test_other_published_values_than_here_are_named(changed):
    (fault,) = verify(changed({"published/table1.csv": b"other"})).faults
    assert fault.startswith("published/table1.csv: not as in results/published/table1.csv here")


def test_another_package_is_noted_and_no_fault(bundle, changed):
    manifest = json.loads(unpacked(bundle)[MANIFEST])
    manifest["packages"]["pandas"] = "0.1"
    answer = verify(changed({MANIFEST: json.dumps(manifest).encode()}))
    assert answer.faults == ()
    (note,) = answer.notes
    assert note.startswith("packages: pandas was 0.1, is ")


def test_what_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(RequestError, match="there is no file"):
        verify(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("not a zip")
    with pytest.raises(RequestError, match="no whole zip file"):
        verify(tmp_path / "text.zip")
    (tmp_path / "other.zip").write_bytes(packed({"a": b"1"}))
    with pytest.raises(RequestError, match=f"no {MANIFEST}"):
        verify(tmp_path / "other.zip")


def test_nothing_finished_is_refused_and_writes_nothing(tmp_path):
    with pytest.raises(RequestError, match="no finished runs"):
        export(tmp_path, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


def test_two_protocols_need_a_choice_which_verify_remembers(records, tmp_path):
    for threads in (1, 4):
        traced_run(tmp_path / "runs", "resnet50", protocol="smoke", threads=threads)
    with pytest.raises(NotComparable):
        export(tmp_path / "runs", tmp_path / "out.zip")
    traced_run(tmp_path / "more", "resnet50", protocol="smoke")
    traced_run(tmp_path / "more", "resnet50", protocol="laptop")
    export(tmp_path / "more", tmp_path / "out.zip", protocol="smoke")
    assert verify(tmp_path / "out.zip").faults == ()


def test_verify_needs_no_torch_and_no_images(bundle, changed, tmp_path):
    here = os.environ | {"PYTHONPATH": str(ROOT)}

    def called(path):
        words = [sys.executable, "-c", WITHOUT_TORCH, "verify", str(path), "--json"]
        return subprocess.run(words, cwd=tmp_path, env=here, capture_output=True, text=True)

    found = called(bundle)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["verified"] is True
    page = unpacked(bundle)["pages/table1.csv"].replace(b"0.8", b"0.9")
    found = called(changed({"pages/table1.csv": page}))
    assert found.returncode == 1
    assert "pages/table1.csv" in json.loads(found.stdout)["faults"][0]


def test_the_commands_write_and_read_a_bundle(records, bundle, tmp_path):
    out = tmp_path / "deep" / "out.zip"
    words = ["export", "--records", str(records), "--out", str(out)]
    wrote = CliRunner().invoke(app, words)
    assert wrote.exit_code == 0
    assert store.file_digest(out) in wrote.stdout
    read = CliRunner().invoke(app, ["verify", str(out)])
    assert (read.exit_code, read.stdout.splitlines()[-1]) == (0, "verified: every number follows")


def edited(bundle, folder, edit):
    """CoMCL's run of a bundle, edited on disk, as {name: content}."""
    home = str(Path(named(bundle, "DONE")).parent)
    own = {n: body for n, body in unpacked(bundle).items() if n.startswith(home)}
    for name, body in own.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    edit(folder / home)
    return {name: (folder / name).read_bytes() for name in own}
