"""What a sweep needs, found without a process and without torch."""

import shutil
import subprocess
import sys

import pandas as pd
import pytest
from typer.main import get_command

from bench import store
from bench.cli import app
from bench.errors import RequestError
from bench.pipeline.resolve import Request, prepare
from bench.sweeps.plan import SweepRequest, plan, undone, words


def silent(*_):
    pass


@pytest.fixture
def common(small_set, cache, tmp_path, tiny):
    return Request(
        "",
        "",
        protocol="smoke",
        changes=tiny,
        data=small_set,
        results=tmp_path / "runs",
        cache=cache,
    )


@pytest.fixture
def planned(common):
    def make(*changes, **fields):
        shared = Request(**{**vars(common), "changes": (*common.changes, *changes)})
        defaults = {"datasets": ("folder",), "methods": ("resnet50", "comcl"), "seeds": 2}
        return plan(SweepRequest(shared, **(defaults | fields)), silent)

    return make


def asked_again(run):
    """What `bench run` makes of the words that ask for a run."""
    command = get_command(app).commands["run"]  # pyright: ignore[reportAttributeAccessIssue]
    parsed = command.make_context("run", words(run.request)[1:]).params
    parsed["changes"] = tuple(parsed.pop("change"))
    parsed.pop("as_json")
    return prepare(Request(**parsed), silent)


def test_every_run_is_what_bench_run_makes_of_its_words(planned):
    """The ids are put together from a reading a method and a ratio, not from one a run."""
    made = planned()
    assert len(made.runs) == 2 * 3 * 2
    for run in made.runs:
        prepared = asked_again(run)
        assert prepared.spec.id == run.spec.id
        assert prepared.folder == run.folder
        assert prepared.key == run.key
    assert len({run.spec.id for run in made.runs}) == 12


@pytest.mark.parametrize("change", ["data.folds=3", "data.seed_follows_run=true"])
def test_runs_whose_splits_follow_the_seed_are_named_as_they_name_themselves(
    planned, common, small_set, tmp_path, change
):
    undivided = shutil.copytree(small_set, tmp_path / "undivided")
    labels = pd.read_csv(undivided / "labels.csv").drop(columns="split")
    labels.to_csv(undivided / "labels.csv", index=False)
    asked = Request(**{**vars(common), "changes": (*common.changes, change), "data": undivided})
    sweep = SweepRequest(asked, datasets=("folder",), methods=("resnet50",), seeds=4)
    made = plan(sweep, silent)
    for run in made.runs:
        assert asked_again(run).spec.id == run.spec.id
    assert len({run.key for run in made.runs}) == 1
    assert len({run.spec.id for run in made.runs}) == 12


def test_every_option_reaches_the_run(common):
    full = Request(
        "comcl",
        "folder",
        "0.7",
        3,
        "smoke",
        "common",
        ("comcl.spl=off",),
        "a study",
        common.data,
        common.results,
        common.cache,
        "cpu",
        True,
    )
    command = get_command(app).commands["run"]  # pyright: ignore[reportAttributeAccessIssue]
    parsed = command.make_context("run", words(full)[1:]).params
    parsed["changes"] = tuple(parsed.pop("change"))
    parsed.pop("as_json")
    assert Request(**parsed) == full


def test_methods_take_turns(planned):
    names = [run.name for run in planned().runs]
    assert names == ["resnet50", "comcl"] * 6


def test_two_names_of_one_ratio_or_method_are_one_run(planned):
    assert len(planned(ratios=("0.7", "0.70"), seeds=1).runs) == 2
    assert len(planned(methods=("comcl", "comcl-v3"), ratios=("0.7",), seeds=1).runs) == 1


def test_what_the_roster_lacks_is_named(planned, monkeypatch):
    from bench import roster

    monkeypatch.delitem(roster.METHODS, "resnet50-long")
    made = planned(methods=(), ratios=("native",), seeds=1)
    assert any("resnet50-long" in text and "roster" in text for text in made.left_out)
    assert "resnet50-long" not in {run.name for run in made.runs}
    assert {"resnet50", "comcl"} <= {run.name for run in made.runs}


def test_a_method_that_a_setting_does_not_fit_is_left_out_with_the_reason(planned):
    made = planned("comcl.spl=off")
    assert {run.name for run in made.runs} == {"comcl[comcl.spl=off]"}
    (message,) = made.left_out
    assert message.startswith("folder, resnet50: ")
    assert "does not read the settings of 'comcl'" in message
    assert planned().left_out == ()


def test_a_ratio_that_the_data_exceed_already_is_left_out_with_the_reason(planned):
    made = planned(ratios=("0.1", "0.7"))
    assert {run.spec.lq_ratio for run in made.runs} == {"0.7"}
    assert any(
        "folder 0.1" in message and "low quality already" in message for message in made.left_out
    )


def test_a_data_set_that_is_not_there_is_left_out_and_the_others_run(planned, common, monkeypatch):
    folder = common.data
    monkeypatch.setenv("BENCH_DATA", str(folder.parent))
    shared = Request(**{**vars(common), "data": None})
    made = plan(SweepRequest(shared, datasets=("eyeq", "folder"), methods=("resnet50",)), silent)
    assert {run.spec.dataset for run in made.runs} == {"folder"}
    (message,) = made.left_out
    assert message.startswith("eyeq: no folder")


def test_nothing_to_run_is_refused_with_the_way_out(common, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    shared = Request(**{**vars(common), "data": None})
    with pytest.raises(RequestError, match=r"nothing to run.*--dataset eyeq-twin"):
        plan(SweepRequest(shared), silent)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"table": "9"}, "--table 9"),
        ({"datasets": ("foldr",)}, "did you mean 'folder'"),
        ({"methods": ("comlc",)}, "did you mean 'comcl'"),
        ({"ratios": ("1.7",)}, "above 0 and at most 1"),
        ({"datasets": ("folder", "eyeq-twin")}, "name one with --dataset"),
        ({"datasets": ("chestxry",), "table": "2"}, "no data set 'chestxry'"),
    ],
)
def test_a_wrong_word_is_refused_before_any_data_is_read(planned, fields, message):
    with pytest.raises(RequestError, match=message):
        planned(**fields)


def test_a_wrong_setting_is_refused_once_and_not_a_method(planned):
    with pytest.raises(RequestError) as refusal:
        planned("finetuning.epocs=3")
    assert str(refusal.value).count("did you mean finetuning.epochs") == 1


def test_states_tell_done_from_begun_from_missing(planned, monkeypatch):
    made = planned(seeds=1, methods=("resnet50",))
    begun, failed, missing = made.runs
    for run in (begun, failed):
        run.folder.mkdir(parents=True)
        described = {"spec": {**vars(run.spec)}, "id": run.spec.id}
        store.write_json(run.folder / "spec.json", described)
    store.write_json(failed.folder / "failure.json", {"why": "the loss is nan"})
    rows = made.states()
    assert [row["state"] for row in rows] == ["interrupted", "failed", "missing"]
    assert rows[1]["why"] == "the loss is nan"
    assert [row["id"] for row in rows] == [run.spec.id for run in made.runs]
    assert list(undone(made.runs)) == [begun, failed, missing]


def test_planning_needs_no_torch():
    code = "import sys, bench.sweeps.launch; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
