import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import store
from bench.protocol.presets import named

SPEC = store.Spec(
    method="resnet50",
    method_version=1,
    method_digest=None,
    dataset="folder",
    manifest={"key": "abc", "images": {"train": 10}, "origin": {}},
    lq_ratio="0.7",
    seed=0,
    protocol=named("smoke").model_dump(mode="json"),
    settings="common",
    versions={"engine": 1, "degradation": 1},
)

OTHERS = {
    "method": "comcl",
    "method_version": 2,
    "method_digest": "d1",
    "dataset": "eyeq",
    "manifest": {"key": "other", "images": {"train": 10}, "origin": {}},
    "lq_ratio": "1.0",
    "seed": 1,
    "protocol": named("laptop").model_dump(mode="json"),
    "settings": "original",
    "versions": {"engine": 2, "degradation": 1},
    "world_size": 2,
    "study": "spl",
}


def test_every_field_of_a_spec_is_tried_here():
    assert set(OTHERS) == {field.name for field in dataclasses.fields(store.Spec)}


@pytest.mark.parametrize("name", list(OTHERS))
def test_two_runs_that_differ_in_one_field_never_share_a_folder(name):
    other = dataclasses.replace(SPEC, **{name: OTHERS[name]})
    assert other.id != SPEC.id
    assert store.folder_of(Path("r"), other) != store.folder_of(Path("r"), SPEC)


def test_the_order_of_keys_changes_no_id():
    turned = {k: dict(reversed(v.items())) for k, v in reversed(SPEC.protocol.items())}
    assert dataclasses.replace(SPEC, protocol=turned).id == SPEC.id


def test_the_comparability_key_leaves_out_seed_ratio_method_and_its_own_options():
    freer = dataclasses.replace(SPEC, seed=5, lq_ratio="native", method="comcl", method_version=3)
    own = {**SPEC.protocol, "comcl": {"spl": "off"}}
    assert freer.key(("comcl",)) == SPEC.key(("comcl",))
    assert dataclasses.replace(SPEC, protocol=own).key(("comcl",)) == SPEC.key(("comcl",))
    assert dataclasses.replace(SPEC, protocol=own).key(()) != SPEC.key(())
    assert dataclasses.replace(SPEC, manifest=OTHERS["manifest"]).key(()) != SPEC.key(())


@pytest.fixture
def folder(tmp_path):
    where = tmp_path / "folder" / "resnet50" / SPEC.id
    where.mkdir(parents=True)
    about = {
        "protocol_name": "smoke",
        "real": True,
        "partial": False,
        "boxes": "none",
        "assumptions": ["a"],
        "shares": {"train": 0.7, "validation": 0.7, "test": 0.7},
        "changed_options": "",
    }
    spec = dataclasses.asdict(SPEC)
    store.write_json(
        where / "spec.json", {"id": SPEC.id, "key": SPEC.key(()), "spec": spec, "about": about}
    )
    store.write_json(where / "provenance.json", {"device": "cpu"})
    scores = {"n": 2, "kappa": math.nan, "accuracy": 0.5}
    store.write_json(where / "metrics.json", {"validation": scores, "test": scores})
    rows = pd.DataFrame({"split": ["test"], "p_0": np.array([0.1], np.float32)})
    store.write_predictions(where / "predictions.parquet", rows)
    return where


def test_a_folder_without_done_is_no_result(folder):
    assert not store.is_done(folder)


@pytest.mark.parametrize("name", store.RECORDED)
def test_a_changed_or_lost_file_makes_it_no_result(folder, name):
    store.finish(folder)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + b"#")
    assert not store.is_done(folder)
    (folder / name).unlink()
    assert not store.is_done(folder)
    (folder / name).write_bytes(content)
    assert store.is_done(folder)


def test_a_done_cut_short_makes_it_no_result(folder):
    store.finish(folder)
    done = folder / "DONE"
    done.write_text(done.read_text()[:40])
    assert not store.is_done(folder)


@pytest.mark.parametrize("name", ["spec.json", "DONE", "predictions.parquet"])
def test_a_failed_write_leaves_the_old_file(folder, name, monkeypatch):
    store.finish(folder)
    before = (folder / name).read_bytes()

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        store.write_bytes(folder / name, b"new")
    assert (folder / name).read_bytes() == before


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.booleans())))
def test_a_digest_is_of_the_content(value):
    assert store.digest(value) == store.digest(json.loads(json.dumps(value)))
    assert store.digest([value]) != store.digest(value)


def test_events_survive_a_line_cut_short(tmp_path):
    log = store.EventLog(tmp_path / "events.jsonl")
    log.append({"stage": "a", "loss": math.inf})
    log.append({"stage": "b", "loss": 1.0})
    with log.path.open("a") as file:
        file.write('{"stage": "c", "lo')
    assert log.read() == [{"stage": "a", "loss": None}, {"stage": "b", "loss": 1.0}]


def test_forgetting_a_stage_keeps_the_others(tmp_path):
    log = store.EventLog(tmp_path / "events.jsonl")
    for stage in ("a", "b", "a"):
        log.append({"stage": stage})
    log.forget("a")
    assert log.read() == [{"stage": "b"}]
