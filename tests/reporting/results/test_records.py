"""The state that today's versions and the files of a folder give a run."""

import json

import pytest

from bench.locking import lock
from bench.reporting.results.records import state_of, states
from bench.versions import DEGRADATION, ENGINE

TODAY = {"engine": ENGINE, "degradation": DEGRADATION, "method": 1}


@pytest.fixture
def begun(tmp_path):
    """The folder of a run whose spec is written and no more."""
    folder = tmp_path / "folder" / "resnet50" / "0123456789ab"
    folder.mkdir(parents=True)
    spec = {"dataset": "folder", "method": "resnet50", "lq_ratio": "native", "seed": 4}
    (folder / "spec.json").write_text(json.dumps({"spec": spec}))
    return folder


@pytest.mark.parametrize("moved", list(TODAY))
def test_a_record_is_stale_as_soon_as_one_version_moved_on(moved):
    assert state_of(TODAY, "resnet50") == "done"
    assert state_of(TODAY | {moved: 0}, "resnet50") == "stale"


def test_a_method_of_ones_own_is_told_by_its_digest_and_not_by_a_version():
    assert state_of(TODAY | {"method": 0}, "mine.py:Net") == "done"


def test_a_run_that_nobody_is_on_is_interrupted_and_a_claimed_one_runs(begun, tmp_path):
    (row,) = states(tmp_path)
    assert (row["state"], row["seed"], row["why"]) == ("interrupted", 4, "")
    with lock(begun) as mine:
        assert mine
        (row,) = states(tmp_path)
        assert row["state"] == "running"


def test_a_failed_run_says_why(begun, tmp_path):
    (begun / "failure.json").write_text(json.dumps({"why": "the loss is not finite"}))
    (row,) = states(tmp_path)
    assert (row["state"], row["why"]) == ("failed", "the loss is not finite")


def test_a_run_that_failed_before_its_spec_was_written_is_shown_by_its_folder(begun, tmp_path):
    (begun / "spec.json").unlink()
    assert states(tmp_path) == []
    (begun / "failure.json").write_text(json.dumps({"why": "disk full"}))
    (row,) = states(tmp_path)
    assert (row["dataset"], row["method"], row["lq_ratio"]) == ("folder", "resnet50", "?")
