"""What stands behind a cell: it must be what the table prints, and what the records hold."""

import json
import shlex

import pandas as pd
import pytest
from scipy import stats
from traced_records import traced_run
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import NotComparable, RequestError
from bench.protocol.presets import named
from bench.reporting.results.records import load
from bench.reporting.tables.build import build
from bench.reporting.tracing.cell_ids import cell_id
from bench.reporting.tracing.commands import missing, options, typed
from bench.reporting.tracing.explain import changed, explain
from bench.reporting.tracing.page import explain_page

CELL = "T1:comcl:eyeq:0.7"
KAPPAS = (0.80, 0.82, 0.85)


@pytest.fixture
def root(tmp_path):
    """Three runs of CoMCL at 0.7 on the real EyeQ, and one of ResNet50."""
    for seed, kappa in enumerate(KAPPAS):
        traced_run(tmp_path, "comcl", "0.7", seed, kappa=kappa, threads=3)
    traced_run(tmp_path, "resnet50", "native", threads=3)
    return tmp_path


@pytest.fixture
def facts(root):
    return explain(cell_id(CELL), load(root))


@pytest.mark.parametrize("cell", [CELL, "T1:resnet50:eyeq:native"])
def test_the_cell_is_the_one_that_the_table_prints(root, cell):
    facts, (section,) = explain(cell_id(cell), load(root)), build("1", load(root)).sections
    _, method, _, ratio = cell.split(":")
    place = next(p for p, c in enumerate(section.columns) if c.measured and c.ratio == ratio)
    (line,) = (line for line in section.blocks[0].lines if line.method == method)
    assert facts["printed"] == line.cells[place].text
    assert [run["score"] for run in facts["runs"]] == [s.value for s in line.cells[place].scores]
    texts = dict(section.notes)
    marks = (*line.cells[place].marks, *line.marks)
    assert [note["text"] for note in facts["footnotes"]] == [texts[mark] for mark in marks]
    assert bool(facts["footnotes"]) == (method == "resnet50")


def test_the_interval_is_the_one_of_the_variances_shown(facts):
    found = facts["estimate"]
    assert found["v_seed"] == pytest.approx(stats.tvar(KAPPAS) / 3)
    error = (found["v_seed"] + found["v_img"]) ** 0.5
    assert found["standard_error"] == pytest.approx(error)
    reach = stats.t.ppf(0.975, found["degrees_of_freedom"]) * error
    mean = sum(KAPPAS) / 3
    assert found["interval"] == pytest.approx((mean - reach, mean + reach))


def test_runs_bear_what_their_folders_say(facts, root):
    run = facts["runs"][1]
    folder = root / "eyeq" / "comcl" / run["id"]
    assert run["folder"] == str(folder)
    assert run["command"] == json.loads((folder / "provenance.json").read_text())["command"]
    assert (run["seed"], run["state"], run["commit"]) == (1, "done", "a" * 40)


def test_the_published_value_has_the_verdict_of_the_table(facts, root):
    (section,) = build("1", load(root)).sections
    heads = [(column.ratio, column.kind) for column in section.columns]
    (line,) = (line for line in section.blocks[0].lines if line.method == "comcl")
    printed = line.cells[heads.index(("0.7", "verdict"))].text
    assert facts["published"]["readings"] == (0.852, 0.837)
    first, second = facts["published"]["verdicts"]
    assert printed in (f"both {first}", f"{first} / {second}")


def test_only_settings_that_differ_are_listed(facts):
    assert facts["protocol"]["differs"] == {"engine.threads": (3, 1)}
    laptop = named("laptop").model_dump(mode="json")
    assert changed(laptop, "laptop") == {}
    del laptop["data"]["limit"]
    laptop["data"]["gone"] = 3
    found = changed(laptop, "laptop")
    assert found == {"data.gone": (3, "absent"), "data.limit": ("absent", None)}


def test_environments_that_differ_show_both(root):
    traced_run(root, "comcl", "0.7", 3, threads=3, packages={"torch": "2.15.0"})
    found = explain(cell_id(CELL), load(root))["environment"]
    assert found["packages.torch"] == ["2.14.1", "2.15.0"]
    assert found["packages.numpy"] == ["2.4.6"]
    assert found["device"] == ["cpu"]


def test_an_empty_cell_names_the_commands_that_make_it_comparable(root):
    facts = explain(cell_id("T1:moco:eyeq:1.0"), load(root))
    assert (facts["printed"], facts["runs"], facts["estimate"]) == ("not run", [], None)
    assert [run["command"] for run in facts["missing"]] == [
        f"bench run --method moco --dataset eyeq --lq-ratio 1.0 --seed {seed} --protocol laptop "
        "--set engine.threads=3"
        for seed in range(3)
    ]


def test_without_any_records_there_is_the_published_value_and_what_to_do():
    facts = explain(cell_id(CELL), pd.DataFrame(), "paper")
    assert facts["published"]["verdicts"] == ("NOT RUN", "NOT RUN")
    assert facts["missing"][0]["command"].endswith("--seed 0 --protocol paper")
    assert "bench run --method comcl" in explain_page(facts)


def test_a_full_cell_misses_nothing_and_one_seed_less_misses_it(facts, root):
    assert facts["missing"] == []
    other = explain(cell_id("T1:resnet50:eyeq:native"), load(root))
    assert [run["seed"] for run in other["missing"]] == [1, 2]


def test_stale_runs_that_gave_way_are_named(tmp_path):
    old = traced_run(tmp_path, "comcl", "0.7", 0, method_version=0)
    records = load(tmp_path)
    stale = explain(cell_id(CELL), records)
    assert stale["runs"][0]["state"] == "stale"
    assert stale["published"]["verdicts"] == ("STALE", "STALE")
    traced_run(tmp_path, "comcl", "0.7", 0)
    facts = explain(cell_id(CELL), load(tmp_path))
    assert (facts["left_out"], facts["runs"][0]["state"]) == ([old.name], "done")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("T1:resnet50-long:eyeq:native", "no such row"),
        ("T1:comcl:eyeq-twin:native", "synthetic images"),
        ("T3:comcl-v1:eyeq:native", "no readable number"),
        ("T1:comcl:chestxray:native:auroc_macro", "no such score"),
    ],
)
def test_a_cell_without_a_verdict_says_why(cell, said):
    assert said in explain(cell_id(cell), pd.DataFrame())["published"]["why_not"]


def test_a_score_that_the_data_set_lacks_is_refused(root):
    with pytest.raises(RequestError, match="it has kappa, accuracy"):
        explain(cell_id(f"{CELL}:auroc_macro"), load(root))


def test_other_data_sets_with_two_protocols_are_not_in_the_way_and_its_own_are(root):
    traced_run(root, dataset="eyeq-twin")
    traced_run(root, dataset="eyeq-twin", threads=3)
    assert len(explain(cell_id(CELL), load(root))["runs"]) == 3
    traced_run(root, "comcl", "0.7")
    with pytest.raises(NotComparable):
        explain(cell_id(CELL), load(root))
    key = str(load(root).query("dataset == 'eyeq' and method == 'resnet50'")["key"].iloc[0])
    assert len(explain(cell_id(CELL), load(root), key)["runs"]) == 3


def test_commands_survive_being_taken_apart():
    stored = "bench run --method comcl --set backbone.channels=[8, 16] --partial --set comcl.spl=x"
    assert options(stored)[1:] == [
        ("--set", "backbone.channels=[8, 16]"),
        ("--partial", ""),
        ("--set", "comcl.spl=x"),
    ]
    assert "'backbone.channels=[8, 16]' --partial" in typed(options(stored))


def test_options_of_one_method_are_not_asked_of_another():
    like = "bench run --method comcl --dataset eyeq --lq-ratio 0.7 --seed 4 --set comcl.spl=off"
    assert missing(cell_id("T1:cabnet:eyeq:1.0"), 0, like) == (
        "bench run --method cabnet --dataset eyeq --lq-ratio 1.0 --seed 0"
    )
    own = missing(cell_id("T1:comcl[comcl.spl=off]:eyeq:1.0"), 2, like)
    assert own.endswith("--lq-ratio 1.0 --seed 2 --set comcl.spl=off")


def test_the_command_prints_all_of_it_or_one_object(root):
    words = ["explain", CELL, "--records", str(root)]
    page = CliRunner().invoke(app, words)
    assert page.exit_code == 0
    for part in ("v_seed", "delta 0.02", "engine.threads = 3", "bench rerun", "packages.torch"):
        assert part in page.stdout
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    again = shlex.split(found["again"])
    assert again == ["bench", "rerun", f"{CELL}:kappa", "--records", str(root)]
    assert [run["score"] for run in found["runs"]] == pytest.approx(KAPPAS)
    wrong = CliRunner().invoke(app, ["explain", "T1:comlc:eyeq:0.7", "--records", str(root)])
    assert (wrong.exit_code, "'comcl'" in wrong.stderr) == (2, True)


def test_what_was_resolved_is_no_setting_that_was_changed():
    protocol = named("laptop").model_dump(mode="json") | {"resolved": {"boxes": "detector"}}
    assert changed(protocol, "laptop") == {}
    other = protocol | {"finetuning": protocol["finetuning"] | {"batch": 99}}
    assert changed(other, "laptop") == {"finetuning.batch": (99, 16)}
