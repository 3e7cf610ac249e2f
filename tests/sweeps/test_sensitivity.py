"""What a sensitivity study needs, in which order, and what it takes from runs that are there."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from traced_records import finished_run
from typer.main import get_command
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import RequestError
from bench.pipeline.resolve import Request, prepare
from bench.protocol.presets import CHANGES, derive, flatten, named
from bench.protocol.switches import DEFAULT, STUDY, chosen
from bench.reporting.report.open_questions import MEASURED
from bench.sweeps.plan import words
from bench.sweeps.sensitivity import StudyRequest, plan, sensitivity


def silent(*_):
    pass


@pytest.fixture
def common(small_set, cache, tmp_path, tiny):
    shared = {"protocol": "smoke", "changes": tiny, "data": small_set, "cache": cache}
    return Request("", "folder", "0.7", results=tmp_path / "runs", **shared)


@pytest.fixture
def planned(common):
    def make(*points, **fields):
        return plan(StudyRequest(common, points, **fields), silent)

    return make


def finished(run, study, root):
    """The folder of a run as it would be when done, without having been trained."""
    request = replace(run.request, results=root, study=study)
    return finished_run(replace(run, request=request, spec=replace(run.spec, study=study)))


def test_every_reading_is_a_value_of_its_setting_and_none_is_the_default():
    for point in chosen():
        default = flatten(named("paper").model_dump())
        for reading in point.others:
            changes = [reading.change] if reading.change else []
            changed = flatten(derive(named("paper"), changes).model_dump())
            differing = [name for name in default if default[name] != changed[name]]
            assert differing == [c.partition("=")[0] for c in changes], reading


def test_the_usual_points_are_there_the_literal_equation_among_them():
    assert tuple(point.id for point in chosen()) == DEFAULT
    cells = [reading.cell for reading in chosen(["D13"])[0].readings]
    assert cells[0] == "comcl"
    assert "comcl[comcl.spl=literal]" in cells


def test_a_preset_with_an_answer_of_its_own_is_compared_with_the_others():
    # `laptop` takes the batch's own keys as negatives, the paper's protocol those of the queue.
    for preset, cells in (
        ("paper", ["comcl", "comcl[comcl.negatives=batch]"]),
        ("laptop", ["comcl", "comcl[comcl.negatives=queue]"]),
    ):
        (point,) = chosen(["D7"], named(preset).comcl)
        assert [reading.cell for reading in point.readings] == cells
        assert point.default.name == named(preset).comcl.negatives


@pytest.mark.parametrize("preset", CHANGES)
def test_the_report_s_questions_have_one_answer_in_all_presets(preset):
    # The report asks for them without a preset.
    assert chosen(MEASURED, named(preset).comcl) == chosen(MEASURED)


def test_a_study_compares_with_the_answer_of_its_own_preset(common):
    study = StudyRequest(replace(common, protocol="laptop"), ("D7",), seeds=1)
    assert {run.name for run in plan(study, silent).runs} == {
        "comcl",
        "comcl[comcl.negatives=queue]",
    }


def test_every_short_list_of_the_method_s_own_can_be_measured():
    (own, losses) = chosen(["D6", "D58"])
    assert [one.cell for one in own.readings] == ["comcl", "comcl[comcl.own_level_negatives=yes]"]
    assert [one.cell for one in losses.readings] == ["comcl", "comcl[comcl.spl_losses=previous]"]


def test_the_reading_that_refuses_to_train_is_not_run():
    (point,) = chosen(["D31"])
    assert [reading.name for reading in point.readings] == ["drop_loss", "paired_clean"]
    assert point.ratio == "1.0"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("D99", "no such open question"),
        ("D2", "not a switch"),
        ("D32", "shared by all methods"),
        ("D9", "no short list"),
        ("D62", "no short list"),
        ("D17", "--set pretraining.optimizer=sgd --set pretraining.lr=0.02 --set"),
    ],
)
def test_what_cannot_be_measured_so_is_refused_with_the_way_out(name, message):
    with pytest.raises(RequestError, match=message):
        chosen([name])


def test_a_run_has_the_name_that_the_page_looks_for(planned):
    names = {run.name for run in planned(seeds=1).runs}
    assert names == {reading.cell for point in chosen() for reading in point.readings}


def test_runs_differ_from_the_default_in_one_setting_and_share_its_key(planned):
    default, *others = (r for r in planned("D13", "D55", seeds=1).runs)
    for run in others:
        one, two = (flatten(r.spec.protocol) for r in (default, run))
        differing = [name for name in one if one[name] != two[name]]
        assert len(differing) == 1, run.name
        assert run.key == default.key
    assert len({run.spec.id for run in (default, *others)}) == 1 + 4 + 3


def test_every_run_is_what_bench_run_makes_of_its_words(planned):
    command = get_command(app).commands["run"]  # pyright: ignore[reportAttributeAccessIssue]
    for run in planned("D55", "D31", "D41", seeds=2).runs:
        parsed = command.make_context("run", words(run.request)[1:]).params
        parsed["changes"] = tuple(parsed.pop("change"))
        parsed.pop("as_json")
        assert prepare(Request(**parsed), silent).spec == run.spec
        assert run.spec.study == STUDY


def test_points_are_level_wherever_a_study_stops(planned):
    runs = planned("D13", "D55", "D12", seeds=2).runs
    assert [run.spec.seed for run in runs] == [0] * 10 + [1] * 10
    fields = [run.name.partition(".")[2].partition("=")[0] for run in runs[1:10]]
    assert fields[:6] == ["spl", "la_role", "k_direction"] * 2
    counts = dict.fromkeys(("spl", "la_role", "k_direction"), 0)
    for field in fields[:6]:
        counts[field] += 1
        assert max(counts.values()) - min(counts.values()) <= 1


def test_a_point_with_a_share_of_its_own_is_run_there_with_its_own_default(planned):
    cells = [(run.name, run.spec.lq_ratio) for run in planned("D55", "D31", seeds=1).runs]
    assert cells[:2] == [("comcl", "0.7"), ("comcl", "1.0")]
    assert ("comcl[comcl.empty_level=paired_clean]", "1.0") in cells
    assert ("comcl[comcl.la_role=off]", "0.7") in cells


def test_the_default_of_two_points_is_one_run(planned):
    assert sum(run.name == "comcl" for run in planned("D13", "D55", seeds=1).runs) == 1


def test_a_run_of_the_main_study_is_taken_as_it_is(common, planned, tmp_path):
    default, other = planned("D40", seeds=1).runs
    main = tmp_path / "main"
    there = finished(default, None, main)
    taken, left = planned("D40", seeds=1, records=(main,)).runs
    assert taken.folder == there
    assert taken.spec.study is None
    assert left.spec == other.spec
    assert planned("D40", seeds=1).runs[0].spec == default.spec  # without being told where


def test_a_run_of_another_study_is_not_taken(planned, tmp_path):
    default, _ = planned("D40", seeds=1).runs
    finished(default, "another", tmp_path / "main")
    again, _ = planned("D40", seeds=1, records=(tmp_path / "main",)).runs
    assert again.spec == default.spec


def test_an_option_of_a_method_is_refused_and_one_of_all_is_not(common):
    both = replace(common, changes=(*common.changes, "comcl.k_min=2"))
    with pytest.raises(RequestError, match="one at a time"):
        plan(StudyRequest(both, ("D13",)), silent)
    shared = replace(common, changes=(*common.changes, "finetuning.epochs=1"))
    assert plan(StudyRequest(shared, ("D40",)), silent).runs


def test_a_reading_that_the_data_refuse_is_left_out_and_the_others_go_on(planned, common):
    """A share below the data's own is refused; D31 has a share of its own."""
    made = plan(StudyRequest(replace(common, lq_ratio="0.05"), ("D40", "D31"), 1), silent)
    assert {run.spec.lq_ratio for run in made.runs} == {"1.0"}
    assert len(made.left_out) == 2
    assert all(sentence.startswith("D40, ") for sentence in made.left_out)


def test_planning_needs_no_torch():
    code = "import sys, bench.sweeps.sensitivity; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_empty_folder_names_the_next_command(common):
    answer = sensitivity(StudyRequest(common), only_report=True)
    assert "bench sensitivity --dry-run" in answer.text
    assert not answer.failed


def test_printed_lines_are_runs_of_the_study(common):
    lines = sensitivity(StudyRequest(common, ("D40",), 1), launcher="print").text.splitlines()
    assert len(lines) == 2
    assert all(f"--study {STUDY}" in line for line in lines)
    assert lines[1].endswith("--set comcl.no_multilevel_pool=high_quality")


def test_a_dry_run_names_every_run_and_starts_none(common, tmp_path):
    """The two runs differ in an option alone, and are told apart by it."""
    answer = sensitivity(StudyRequest(common, ("D40",), 1), dry_run=True, as_json=True)
    names = [run["method"] for run in json.loads(answer.text)["runs"]]
    assert names == [reading.cell for reading in chosen(["D40"])[0].readings]
    assert not (tmp_path / "runs").exists()


def test_a_study_is_made_then_found_then_reported_from_its_records(
    small_set, cache, tiny, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    where = ["--dataset", "folder", "--points", "D40", "--seeds", "1"]
    request = ["sensitivity", *where, "--protocol", "smoke", "--data", str(small_set)]
    request += ["--cache", str(cache), *(word for change in tiny for word in ("--set", change))]
    first = CliRunner().invoke(app, [*request, "--out", "page"])
    assert first.exit_code == 0, first.stderr
    assert "2 runs: 2 made" in first.stderr
    assert "high_quality" in first.stdout
    names = {path.name for path in (tmp_path / "page").iterdir()}
    assert names == {f"sensitivity.{ending}" for ending in ("md", "csv", "svg", "png")}
    again = CliRunner().invoke(app, [*request, "--json"])
    assert "2 runs: 0 made, 2 found done" in again.stderr
    study = json.loads(again.stdout)["study"]
    only = CliRunner().invoke(app, ["sensitivity", *where, "--only-report", "--json"])
    assert json.loads(only.stdout)["study"] == study
    (reading,) = study["points"][0]["readings"]
    assert reading["seeds"] == [0]
    assert reading["interval"] is None
    assert reading["effect"] == reading["score"] - study["points"][0]["score"]
    assert 0.5 <= reading["selected"] <= 1  # the quantile rule takes a half and more
    table = CliRunner().invoke(app, ["table", "2", "--format", "markdown"])
    assert "no_multilevel_pool" not in table.stdout
