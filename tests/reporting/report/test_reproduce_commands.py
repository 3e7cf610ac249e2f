"""What the report says of making it again, and what the command says of the page."""

import json

import pytest
from html_page import Page
from report_records import FIRST
from traced_records import traced_run
from typer.testing import CliRunner

from bench.cli import app
from bench.reporting.report.contents import gather
from bench.reporting.report.open_questions import sensitivity_studies
from bench.reporting.report.page import SIMULATED, render, report_message, write
from bench.reporting.report.reproduce_commands import page_commands, study_command, sweep_command
from bench.reporting.results.comparability import comparable_groups
from bench.reporting.results.records import load


@pytest.fixture(scope="module")
def contents():
    return gather(FIRST, only=())


def test_the_sweep_sets_what_all_runs_set_and_nothing_else(tmp_path):
    for seed in range(3):
        traced_run(tmp_path, seed=seed, threads=3)
    (group,) = comparable_groups(load(tmp_path), None)
    whole = "bench sweep --table all --dataset eyeq --seeds 3 --protocol laptop"
    assert sweep_command(group) == f"{whole} --set engine.threads=3"
    saved = json.loads((group.records["folder"].iloc[0] / "spec.json").read_text())
    saved["about"]["command"] += " --set finetuning.select=last"
    (group.records["folder"].iloc[0] / "spec.json").write_text(json.dumps(saved))
    assert sweep_command(group) == f"{whole} --set engine.threads=3"


def test_the_page_and_the_study_are_made_again_by_what_made_them():
    root = FIRST.parent / "twin-laptop"
    records = load(root)
    (study,) = sensitivity_studies(records, None)
    assert study_command(study, records) == (
        "bench sensitivity --dataset eyeq-twin --seeds 2 --points D55,D31,D13,D12,D41,D40 "
        "--protocol laptop --set engine.threads=1"
    )
    plain, asked = page_commands(None, 0, [study]), page_commands("laptop", 2, [study])
    assert plain[0] == "bench report --records DIR"
    assert asked[0] == "bench report --records DIR --protocol laptop --study DIR2 --study DIR3"
    assert any(
        line.startswith("bench sensitivity --only-report --dataset eyeq-twin --records DIR --rec")
        for line in asked
    )
    assert not any("sensitivity" in line for line in page_commands(None, 0, []))


def test_one_json_object_says_where_the_page_is_and_how_much_it_holds(tmp_path):
    traced_run(tmp_path / "records")
    out = tmp_path / "page" / "report.html"
    words = ["report", "--records", str(tmp_path / "records"), "--out", str(out), "--json"]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert (found["path"], found["bytes"]) == (str(out), out.stat().st_size)
    assert (found["datasets"], found["runs"], found["cells"], found["claims"]) == (1, 1, 1, 10)
    drawn = [source for source in Page(out.read_text()).sources if source.startswith("data:image")]
    assert found["figures"] == len(drawn) > 0
    assert (found["studies"], found["message"]) == (0, "")


def test_without_runs_the_json_object_has_no_page_and_the_next_command(tmp_path):
    words = ["report", "--records", str(tmp_path), "--out", str(tmp_path / "x"), "--json"]
    found = json.loads(CliRunner().invoke(app, words).stdout)
    assert (found["path"], found["bytes"], found["cells"]) == (None, 0, 0)
    assert "bench report" in found["message"]


def test_simulated_studies_are_a_link_only_where_it_lies_beside_the_page(tmp_path, contents):
    traced_run(tmp_path / "records")
    alone, beside = tmp_path / "alone" / "report.html", tmp_path / "beside" / "report.html"
    beside.parent.mkdir()
    (beside.parent / SIMULATED).write_text("# Simulated studies")
    for out in (alone, beside):
        write(tmp_path / "records", out)
    assert SIMULATED in Page(beside.read_text()).links
    assert SIMULATED not in Page(alone.read_text()).links
    assert f"<code>results/{SIMULATED}</code>" in alone.read_text()
    assert SIMULATED not in Page(render(contents)).links


def test_the_words_of_the_command_name_the_page_and_its_size(tmp_path, contents):
    out = tmp_path / "report.html"
    out.write_bytes(b"x" * 1_500_000)
    assert report_message(contents, out) == f"{out}  1.5 MB"
