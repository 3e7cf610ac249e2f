"""Which trials `bench tune` makes, in which order, and that a few of them run from end to end."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.main import get_command

from bench.cli import app
from bench.data import datasets
from bench.data.cache import content_digests
from bench.errors import RequestError
from bench.experiments import TABLE1
from bench.pipeline.resolve import Request, prepare
from bench.protocol import tuning
from bench.protocol.presets import derive, flatten, named
from bench.sweeps.plan import words
from bench.sweeps.tune import ROWS, TuneRequest, few_test_images, plan, tune

RATE = tuning.RATE


def silent(*_):
    pass


@pytest.fixture
def common(small_set, cache, tmp_path, tiny):
    shared = {"protocol": "smoke", "changes": tiny, "data": small_set, "cache": cache}
    return Request("", "folder", results=tmp_path / "trials", **shared)


def rate(run):
    return flatten(run.spec.protocol)[RATE]


def test_the_rows_of_table_1_are_tuned_but_for_the_control_that_takes_resnet50_s_rate():
    assert set(ROWS) == {row.method for row in TABLE1.rows} - {"resnet50-long"}


def test_every_method_has_the_same_trials_and_the_preset_s_value_comes_first(common):
    runs = plan(TuneRequest(common, ("resnet50", "comcl")), silent).runs
    assert [run.spec.method for run in runs] == ["resnet50", "comcl"] * 4
    assert [rate(run) for run in runs[::2]] == [2e-3, 1e-3, 4e-3, 8e-3]
    assert [rate(run) for run in runs[1::2]] == [rate(run) for run in runs[::2]]
    assert len({run.spec.id for run in runs}) == 8


def test_every_trial_is_what_bench_run_makes_of_its_words(common):
    command = get_command(app).commands["run"]  # pyright: ignore[reportAttributeAccessIssue]
    for run in plan(TuneRequest(common, ("resnet50", "comcl")), silent).runs[1:4]:
        parsed = command.make_context("run", words(run.request)[1:]).params
        parsed["changes"] = tuple(parsed.pop("change"))
        parsed.pop("as_json")
        prepared = prepare(Request(**parsed), silent)
        assert prepared.spec == run.spec
        assert prepared.key == run.key


def test_trials_differ_in_the_tuned_value_alone_and_belong_to_no_table(common):
    first, *others = (r for r in plan(TuneRequest(common, ("comcl",)), silent).runs)
    for run in others:
        one, two = (flatten(r.spec.protocol) for r in (first, run))
        assert [name for name in one if one[name] != two[name]] == [RATE]
    spec = first.spec
    assert (spec.seed, spec.lq_ratio) == (tuning.SEED, "native")
    assert (spec.study, spec.settings) == (tuning.STUDY, "default")
    assert {"--study", "--settings"} <= set(words(first.request))


@pytest.mark.parametrize(
    ("methods", "change", "message"),
    [
        (("resnet50-long",), None, "tune resnet50"),
        (("comcl-v1",), None, "tune comcl"),
        (("resnet51",), None, "did you mean"),
        (("resnet50",), f"{RATE}=0.1", "this is what is tuned"),
    ],
)
def test_what_is_not_tuned_is_refused_with_the_way_out(common, methods, change, message):
    changes = (*common.changes, *([change] if change else []))
    with pytest.raises(RequestError, match=message):
        plan(TuneRequest(replace(common, changes=changes), methods), silent)


def read(dataset, cache, **data):
    changes = [f"data.{name}={value}" for name, value in data.items()]
    small = ("twin_train=60", "twin_px=64", "limit=null", "validation_share=0.3")
    protocol = derive(named("smoke"), [f"data.{each}" for each in small] + changes)
    found = datasets.read(dataset, datasets.Location(None, cache, protocol, False, silent, 0))
    digests = content_digests(found.records, cache, silent)
    seen = zip(found.records, digests, strict=True)
    return {(r.split, r.image_id, r.labels, d) for r, d in seen if r.split != "test"}


def test_fewer_test_images_of_the_photographs_twin_leave_all_others_as_they_are(tmp_path):
    few, many = (read(tuning.FEWER_TESTED, tmp_path, twin_test=count) for count in (40, 48))
    assert len(few) == 60
    assert few == many


def test_of_radiographs_they_would_not_so_these_keep_theirs(tmp_path):
    few, many = (read("chestxray-twin", tmp_path, twin_test=count) for count in (40, 48))
    assert few != many
    preset = derive(named("smoke"), ["data.limit=null", "data.twin_test=4000"])
    assert few_test_images(Request("", "chestxray-twin"), preset) == ()


@pytest.mark.parametrize(
    "changes",
    [
        ("data.limit=null", "data.twin_test=4000"),
        ("data.limit=null",),  # which leaves the preset's 200
        ("data.limit=440",),
    ],
)
def test_the_number_of_test_images_is_left_to_the_user_and_to_a_limit(changes):
    preset = derive(named("smoke"), list(changes))
    assert few_test_images(Request("", "eyeq-twin", changes=changes), preset) == ()


def test_a_twin_has_few_test_images_in_a_trial_and_a_set_of_files_all_of_them():
    preset = derive(named("smoke"), ["data.limit=null", "data.twin_test=4000"])
    assert few_test_images(Request("", "eyeq-twin"), preset) == ("data.twin_test=200",)
    assert few_test_images(Request("", "eyeq"), preset) == ()


@pytest.mark.slow
def test_a_method_is_tuned_from_end_to_end_and_the_same_command_trains_nothing_more(
    common, monkeypatch
):
    monkeypatch.setattr(tuning, "FACTORS", (0.5, 1.0))
    request = TuneRequest(common, ("resnet50",))
    answer = tune(request, jobs=1, as_json=True)
    (method,) = json.loads(answer.text)["methods"]
    assert not answer.failed
    assert method["method"] == "resnet50"
    assert len(method["trials"]) == 2
    assert method["chosen"] in (1e-3, 2e-3)
    begun = [run.folder / "events.jsonl" for run in plan(request, silent).runs]
    before = {path: path.read_bytes() for path in begun}
    assert tune(request, jobs=1, as_json=True).text == answer.text
    assert {path: path.read_bytes() for path in begun} == before
    page = [sys.executable, "-m", "bench", "tune", "--page", "--dataset", "folder", "--protocol"]
    done = subprocess.run(
        [*page, "smoke", "--results", str(common.results)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "[smoke.resnet50]" not in done.stdout, "the whole grid is not there"
    assert "2 of 4" in done.stdout
