"""Whatever becomes of one run's small files, every reading command shows the others."""

import json
import os
import shutil
from pathlib import Path

import pytest
from damage import FILES, damage, damages, sealed
from hypothesis import HealthCheck, given, settings
from traced_records import traced_run, with_embeddings, with_maps
from typer.testing import CliRunner

from bench import store
from bench.cli import app
from bench.evaluation.stored_runs import DamagedRun, StoredRun, read, read_all

LONG = "BENCH_LONG" in os.environ
CELL = "T1:comcl:eyeq:0.7"
COMMANDS = {
    "status": ("status",),
    "status --table": ("status", "--table", "1", "--dataset", "eyeq"),
    "table": ("table", "--format", "markdown"),
    "claims": ("claims",),
    "audit": ("audit", "--format", "markdown"),
    "explain": ("explain", CELL),
    "sensitivity": ("sensitivity", "--only-report", "--dataset", "eyeq"),
}
SLOW = {
    "figures": ("figures", "--only", "seeds", "--out", "figures"),
    "report": ("report", "--out", "report.html"),
    "export": ("export", "--out", "b.zip"),
    "rerun": ("rerun", CELL, "--seed", "99"),
}
SHOWN = ("table", "status", "audit")
"""Commands whose answer names the methods of the runs that are left."""


COUNT = {"cases": 0}


@pytest.fixture(scope="module", autouse=True)
def counted():
    """How many folders this process tried; `pytest -s` and the long run show it."""
    yield
    print(f"\n{COUNT['cases']} damaged folders read, 0 tracebacks")
    assert COUNT["cases"] >= 40 or not COUNT["cases"]  # another process had that test


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Three runs: one to be damaged, one to be swapped with it, one that stays."""
    root = tmp_path_factory.mktemp("whole")
    victim = traced_run(root, "comcl", "0.7", 0, kappa=0.82)
    with_maps(victim, [True, False, True])
    with_embeddings(victim)
    other = traced_run(root, "comcl", "0.7", 1, kappa=0.80)
    with_maps(other, [True, True, True])
    traced_run(root, "resnet50", "0.7", 0, kappa=0.7)
    return root


def copied(whole, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(whole, target, symlinks=True)
    folders = sorted((target / "eyeq" / "comcl").iterdir())
    seeds = {json.loads((f / "spec.json").read_text())["spec"]["seed"]: f for f in folders}
    return seeds[0], seeds[1]


def called(words, records, cwd):
    before = Path.cwd()
    os.chdir(cwd)
    try:
        return CliRunner().invoke(app, [*words, "--records", str(records)])
    finally:
        os.chdir(before)


def refused_cleanly(result):
    """No traceback: an exit code as designed, and no exception but the exit."""
    assert result.exception is None or isinstance(result.exception, SystemExit), (
        result.exc_info,
        result.output,
    )
    assert result.exit_code in (0, 1, 2, 3, 4)
    assert "Traceback" not in result.output


@settings(
    max_examples=4000 if LONG else 40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(what=damages(), seal=damages())
def test_no_damage_takes_down_the_reader(whole, tmp_path, what, seal):
    """`seal` draws, too, whether DONE's digests are made to fit the damaged file."""
    victim, other = copied(whole, tmp_path / "runs")
    damage(victim, other, what)
    if seal[3] % 2 and what[0] != "DONE":
        sealed(victim)
    COUNT["cases"] += 1
    runs = read_all(tmp_path / "runs")
    assert {other.name} <= {run.folder.name for run in runs}
    assert len(runs) in (2, 3)
    if len(runs) == 2:
        assert not isinstance(read(victim), StoredRun)
    names = ("status", "table", "audit") if not LONG else COMMANDS
    name = sorted(names)[what[3] % len(names)]
    result = called(COMMANDS[name], tmp_path / "runs", tmp_path)
    refused_cleanly(result)
    if name in SHOWN:
        assert "resnet50" in result.output.lower()
    damaged = read(victim)
    if isinstance(damaged, DamagedRun):
        assert f"damaged: {damaged.file}" in result.output.replace("\n", "")


ALONE = [
    *[(name, "truncated", 0.5, 0) for name in FILES],
    *[(name, "folder", 0.0, 0) for name in FILES],
    ("DONE", "wrong type", 0.0, 0),
    ("DONE", "wrong type", 0.0, 1),
    ("DONE", "wrong type", 0.0, 6),
    ("spec.json", "value", 0.0, 0),
    ("events.jsonl", "line", 0.0, 1),
    ("events.jsonl", "line", 0.0, 3),
    ("predictions.parquet", "of another run", 0.0, 0),
    ("metrics.json", "of another run", 0.0, 0),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", ALONE if LONG else ALONE[1:5], ids=lambda what: f"{what[0]}-{what[1]}-{what[3]}"
)
def test_every_reading_command_survives_and_says_which_file(whole, tmp_path, what):
    victim, other = copied(whole, tmp_path / "runs")
    damage(victim, other, what)
    if what[0] != "DONE":
        sealed(victim)
    damaged = read(victim)
    for words in (COMMANDS | SLOW).values():
        result = called(words, tmp_path / "runs", tmp_path)
        refused_cleanly(result)
        if isinstance(damaged, DamagedRun):
            assert f"damaged: {damaged.file}" in result.output.replace("\n", "")


def test_what_lies_about_in_a_folder_of_runs_is_none_of_them(whole, tmp_path):
    victim, _ = copied(whole, tmp_path / "runs")
    root = tmp_path / "runs"
    before = called(COMMANDS["table"], root, tmp_path)
    for stray in (root / ".DS_Store", root / "eyeq" / "._x", victim / "._DONE", root / "notes.txt"):
        stray.write_bytes(b"\x00\xff")
    (root / "loop").symlink_to(root)
    (root / "eyeq" / "itself").symlink_to("itself")
    (root / "eyeq" / "comcl" / "deeper" / "still").mkdir(parents=True)
    (root / "eyeq" / "comcl" / "deeper" / "still" / "DONE").write_text("{}")
    hidden = root / "eyeq" / "comcl" / f".{victim.name}"
    hidden.mkdir()
    (hidden / "DONE").write_text("{}")
    after = called(COMMANDS["table"], root, tmp_path)
    assert (after.exit_code, after.stdout, after.stderr) == (0, before.stdout, "")


def test_a_file_in_the_place_of_a_run_is_named(whole, tmp_path):
    victim, _ = copied(whole, tmp_path / "runs")
    shutil.rmtree(victim)
    victim.write_text("")
    victim.with_name("0" * 12).symlink_to("nowhere")
    os.mkfifo(victim.with_name("f" * 12))
    result = called(COMMANDS["status"], tmp_path / "runs", tmp_path)
    assert result.exit_code == 0
    assert "a file stands where a run's folder belongs" in " ".join(result.stdout.split())


def test_a_run_that_lies_under_another_method_is_damaged_and_names_its_way_out(whole, tmp_path):
    victim, _ = copied(whole, tmp_path / "runs")
    moved = victim.parent.with_name("resnet50") / victim.name
    victim.rename(moved)
    damaged = read(moved)
    assert isinstance(damaged, DamagedRun)
    assert damaged.file == "spec.json"
    assert "it is of comcl on eyeq, and lies in eyeq/resnet50" in damaged.why
    assert "run it again: bench run --method comcl" in damaged.way_out
    assert f"rm -r {moved}" in damaged.way_out


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda saved: saved["about"].update(real=False), "about.real is False"),
        (lambda saved: saved.update(key="00000000"), "its key is 00000000"),
        (lambda saved: saved["about"].update(boxes="detector"), "about.boxes is 'detector'"),
        (lambda saved: saved["about"]["shares"].update(test=0.7), "about.shares.test is 0.7"),
        (
            lambda saved: saved["about"].update(changed_options="[comcl.spl=off]"),
            "about.changed_options is",
        ),
        (lambda saved: saved["about"].update(kind="findings"), "about.kind is findings"),
        (lambda saved: saved["about"].update(classes=["a", "b"]), "about.classes has 2 names"),
        (lambda saved: saved["about"].update(command="bench run"), "about.command asks for"),
        (lambda saved: saved["about"].update(partial=True), "the command has no --partial"),
        (lambda saved: saved["spec"].update(seed=5), "its identity is"),
        (
            lambda saved: saved["about"].update(protocol_name="smoke"),
            "about.protocol_name is smoke, its protocol is that of laptop",
        ),
    ],
)
def test_what_a_record_says_beside_its_spec_is_compared_with_it(whole, tmp_path, change, why):
    victim, _ = copied(whole, tmp_path / "runs")
    assert isinstance(read(victim), StoredRun)
    saved = json.loads((victim / "spec.json").read_text())
    change(saved)
    store.write_json(victim / "spec.json", saved)
    store.finish(victim)
    damaged = read(victim)
    assert isinstance(damaged, DamagedRun)
    assert why in damaged.why


def test_a_twin_that_calls_itself_real_is_not_believed(tmp_path):
    folder = traced_run(tmp_path, dataset="eyeq-twin")
    run = read(folder)
    assert isinstance(run, StoredRun)
    assert run.row["real"] is False
    saved = json.loads((folder / "spec.json").read_text())
    saved["about"]["real"] = True
    store.write_json(folder / "spec.json", saved)
    store.finish(folder)
    assert "about.real is True, its spec gives False" in str(read(folder))


def test_events_are_sealed_and_records_of_before_stay_readable(tmp_path):
    folder = traced_run(tmp_path)
    done = json.loads((folder / "DONE").read_text())
    assert "events.jsonl" in done
    store.write_json(folder / "DONE", {k: v for k, v in done.items() if k != "events.jsonl"})
    assert isinstance(read(folder), StoredRun)
    store.write_json(folder / "DONE", done)
    log = store.EventLog(folder / "events.jsonl")
    whole = log.path.read_bytes()
    log.append({"stage": "train", "seconds": 1.0})
    assert "events.jsonl" in str(read(folder))
    store.write_json(folder / "DONE", {k: v for k, v in done.items() if k != "events.jsonl"})
    assert isinstance(read(folder), StoredRun)  # nothing says that a line is too many
    log.path.write_bytes(whole[:-1])
    assert "its last line is cut short" in str(read(folder))
