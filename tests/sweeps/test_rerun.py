"""A run made again: the same run, in a place of its own, and judged by what its cell expects."""

import json
import shutil

import numpy as np
import pytest
from traced_records import answers, traced_run
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import RequestError
from bench.evaluation.statistics import Estimate, prediction_interval
from bench.pipeline.resolve import Request
from bench.reporting.tracing.cell_ids import cell_id
from bench.reporting.tracing.rerun_comparison import (
    SAME_BYTES,
    _judged,
    as_expected,
    compare_predictions,
    environment_changes,
    same_arithmetic,
)
from bench.store import write_predictions
from bench.sweeps import rerun as module
from bench.sweeps.rerun import RerunRequest, request_of, rerun


def estimate(*scores):
    return Estimate(float(np.mean(scores)), scores, 1e-4, 100)


def test_a_score_is_expected_in_the_prediction_interval_of_its_cell():
    cell = estimate(0.80, 0.82, 0.84)
    expected = prediction_interval(cell.per_seed)
    assert expected is not None
    inside, why = as_expected(0.80, expected.high - 1e-6, cell)
    assert (inside, why) == (
        True,
        "another score, in the 95 % prediction interval for one more run",
    )
    assert not as_expected(0.80, expected.high + 1e-6, cell)[0]
    assert not as_expected(0.80, expected.low - 1e-6, cell)[0]


def test_of_one_seed_only_the_same_score_will_do():
    assert as_expected(0.8, 0.8, estimate(0.8)) == (True, "the same score")
    inside, why = as_expected(0.8, 0.81, estimate(0.8))
    assert not inside
    assert "one seed" in why
    assert as_expected(np.nan, np.nan, estimate(np.nan, np.nan))[0]


def test_answers_are_compared_image_by_image_in_any_order(tmp_path):
    rows = answers(0.8)
    moved = rows.copy()
    moved.loc[3, ["p_0", "p_4"]] = [0.35, 0.15]
    other = rows.assign(label=rows["label"].to_numpy()[::-1])
    tables = {"one": rows, "again": rows, "back": rows[::-1], "moved": moved, "other": other}
    for name, table in tables.items():
        write_predictions(tmp_path / name, table)

    def found(name):
        return compare_predictions(tmp_path / "one", tmp_path / name)

    assert found("again") == "the same bytes"
    assert found("back").startswith(f"0 of {len(rows)} images have another probability")
    assert found("moved").startswith(f"1 of {len(rows)} images have another probability (at most")
    assert found("other") == "of other images, labels or degradations"


def test_only_fields_of_the_environment_that_differ_are_named():
    was = {"device": "cpu", "packages": {"torch": "2.6", "old": "1"}, "seconds": 1.0}
    now = {"device": "cpu", "packages": {"torch": "2.7", "new": "1"}, "seconds": 9.0}
    assert environment_changes(was, now) == {
        "packages.torch": "2.6 -> 2.7",
        "packages.old": "1 -> absent",
        "packages.new": "absent -> 1",
    }
    assert environment_changes(was, was) == {}


HERE = {
    "device": "cpu",
    "device_name": "a processor",
    "instructions": "avx2 fma",
    "packages": {"torch": "2.6"},
    "codecs": {"jpg": "8.0"},
    "date": "today",
    "commit": "1",
}


@pytest.mark.parametrize(
    "field", ["device", "device_name", "instructions", "packages", "codecs", "gpu"]
)
def test_other_bytes_are_excused_only_where_something_that_computes_differs(field):
    near, far = (True, "another score, in the interval"), (False, "another score, not in it")
    for expected in (near, far):
        assert _judged("3 of 9 images ...", HERE, {**HERE, field: "other"}, expected) == expected
        inside, why = _judged("3 of 9 images ...", HERE, {**HERE, "date": "tomorrow"}, expected)
        assert not inside
        assert "other bytes from the same processor" in why
        assert _judged(SAME_BYTES, HERE, {**HERE, field: "other"}, expected)[0]


def test_a_record_that_does_not_tell_its_instructions_is_judged_by_its_score():
    old = {name: value for name, value in HERE.items() if name != "instructions"}
    assert not same_arithmetic(old, HERE)
    assert not same_arithmetic({**HERE, "instructions": ""}, {**HERE, "instructions": ""})
    assert same_arithmetic(HERE, dict(HERE))


def test_a_stored_command_is_the_request_again():
    command = (
        "bench run --method comcl --dataset eyeq --lq-ratio 0.7 --seed 2 --protocol paper "
        "--set backbone.channels=[8, 16] --set comcl.spl=off --settings original --partial"
    )
    changes = ("backbone.channels=[8, 16]", "comcl.spl=off")
    assert request_of(command) == Request(
        "comcl", "eyeq", "0.7", 2, "paper", "original", changes, partial=True
    )


def test_what_other_runs_trained_is_left_out_of_the_cache(tmp_path):
    for name in ("images", "stages"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one").write_text("1")
    with module._untrained(tmp_path) as cache:
        assert (cache / "images" / "one").read_text() == "1"
        assert not (cache / "stages").exists()
    assert not cache.exists()
    assert (tmp_path / "images" / "one").is_file()
    assert (tmp_path / "stages" / "one").is_file()


def test_a_run_that_is_not_there_is_refused_before_anything_is_read(tmp_path):
    traced_run(tmp_path, "comcl", "0.7", 1)
    for cell, seed, message in (
        ("T1:comcl:eyeq:0.7", 4, "runs of seeds 1"),
        ("T1:moco:eyeq:0.7", None, "was not run"),
        ("T1:comcl:chestxray:0.7", None, "was not run"),
    ):
        with pytest.raises(RequestError, match=message):
            rerun(RerunRequest(cell_id(cell), tmp_path, seed), None)  # pyright: ignore[reportArgumentType]


def test_the_same_run_is_made_anew_beside_the_stored_one(
    small_set, cache, tiny, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    data = shutil.copytree(small_set, tmp_path / "set")
    where = ["--data", str(data), "--cache", str(cache)]
    changes = [word for change in tiny for word in ("--set", change)]
    method = ["--method", "resnet50", "--dataset", "folder", "--protocol", "smoke"]
    made = CliRunner().invoke(app, ["run", *method, *where, *changes, "--json"])
    assert made.exit_code == 0, made.stderr
    folder = tmp_path / json.loads(made.stdout)["folder"]
    before = (folder / "DONE").stat().st_mtime_ns

    words = ["rerun", "T1:resnet50:folder:native", *where, "--results", "again"]
    again = CliRunner().invoke(app, [*words, "--json"])
    assert again.exit_code == 0, again.stderr
    found = json.loads(again.stdout)
    assert (found["predictions"], found["why"]) == ("the same bytes", "the same bytes")
    assert found["environment_differs"] == {}
    assert (tmp_path / found["folder"]).resolve() != folder.resolve()
    assert (folder / "DONE").stat().st_mtime_ns == before

    twice = CliRunner().invoke(app, words)
    assert (twice.exit_code, "choose another folder" in twice.stderr) == (2, True)

    labels = (data / "labels.csv").read_text()
    first, second = labels.splitlines()[1:3]
    swapped = first.split(",")[0] + "," + second.partition(",")[2]
    (data / "labels.csv").write_text(labels.replace(first, swapped))
    other = CliRunner().invoke(app, [*words[:-1], "elsewhere"])
    assert other.exit_code == 3
    assert "manifest.key" in other.stderr
    assert not (tmp_path / "elsewhere").exists()
