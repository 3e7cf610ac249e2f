"""`bench run` on a damaged folder makes the run again, says so, and gets the same predictions."""

import json
import shutil

import pytest

from bench import store
from bench.errors import DamagedWarning, RequestError
from bench.evaluation.stored_runs import damaged, is_result
from bench.pipeline.resolve import Request
from bench.run import execute
from bench.training.callbacks import Callbacks


@pytest.fixture
def run(small_set, cache, tmp_path, tiny):
    """Carries out the run; its record, and what was said."""
    where = {"data": small_set, "results": tmp_path / "runs", "cache": cache}
    request = Request("resnet50", "folder", "0.7", protocol="smoke", changes=tiny, **where)

    def carry_out():
        sentences: list[str] = []
        callbacks = Callbacks(lambda *_: None, lambda _: None, sentences.append)
        return execute(request, callbacks), sentences

    return carry_out


def predictions(record):
    return (record["folder"] / "predictions.parquet").read_bytes()


def with_folder(folder, name):
    path = folder / name
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "inside").write_text("")


def wrong_metrics(folder):
    (folder / "metrics.json").write_text("[]")
    store.finish(folder)


def bad_events(folder):
    path = folder / "events.jsonl"
    path.write_bytes(b"\xff\n" + path.read_bytes())


DAMAGES = {
    "DONE of another kind": (lambda f: (f / "DONE").write_text("[]"), "damaged: DONE of"),
    "DONE a folder": (lambda f: with_folder(f, "DONE"), "a folder stands in its place"),
    "metrics of another kind": (wrong_metrics, "damaged: metrics.json of"),
    "events unreadable": (bad_events, "damaged: events.jsonl of"),
    "events a folder": (lambda f: with_folder(f, "events.jsonl"), "damaged: events.jsonl of"),
    "spec a folder": (lambda f: with_folder(f, "spec.json"), "damaged: spec.json of"),
    "weights a folder": (lambda f: with_folder(f, "checkpoint.safetensors"), ""),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_is_made_again_with_a_word_and_to_the_same_predictions(run, name):
    record, said = run()
    assert said == []
    before = predictions(record)
    damage, sentence = DAMAGES[name]
    damage(record["folder"])
    assert is_result(record["folder"]) is (not sentence)
    again, said = run()
    assert predictions(again) == before
    assert is_result(again["folder"])
    assert any(sentence in line for line in said) is bool(sentence)
    assert run() == (again, [])


def test_a_failure_and_a_log_that_nobody_can_read_stand_in_the_way_of_nothing(run):
    record, _ = run()
    before = predictions(record)
    shutil.rmtree(record["folder"])
    record["folder"].mkdir()
    with_folder(record["folder"], "failure.json")
    with_folder(record["folder"], "spec.json")
    (one,) = damaged(record["folder"].parents[2])
    assert one.file == "spec.json"
    again, said = run()
    assert predictions(again) == before
    assert len(said) == 2


def test_a_damaged_checkpoint_is_set_aside_and_training_starts_again(run):
    record, _ = run()
    before = predictions(record)
    (record["folder"] / "DONE").unlink()
    (record["folder"] / "checkpoint.pt").write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.warns(DamagedWarning, match=r"checkpoint\.pt is damaged .* training starts again"):
        again, _ = run()
    assert predictions(again) == before
    assert (record["folder"] / "checkpoint.pt.damaged").is_file()


def test_a_file_in_the_place_of_a_folder_is_refused_with_the_way_out(run):
    record, _ = run()
    shutil.rmtree(record["folder"])
    record["folder"].write_text("")
    with pytest.raises(RequestError, match="is a file, and a folder of runs belongs there"):
        run()
    assert record["folder"].read_text() == ""


def test_a_new_run_seals_its_events(run):
    record, _ = run()
    assert "events.jsonl" in json.loads((record["folder"] / "DONE").read_text())
