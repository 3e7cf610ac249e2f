"""A metric is declared once: its entry alone has it computed, stored, tabled and claimed about."""

import ast
from typing import Any

import numpy as np
import pandas as pd
import pytest
from claim_world import claim, finding, world
from paths import ROOT
from pydantic import ValidationError
from scored import scored_run

from bench.evaluation import registry
from bench.evaluation.influence import mean_influence
from bench.evaluation.measures import mean
from bench.evaluation.metric import Metric
from bench.reporting.tables.build import build
from bench.reporting.tables.render import render
from bench.reporting.tracing.cell_ids import cell_id

# A name of a metric that is written out for another reason, by file.
OTHERWISE = {
    "reporting/figures/findings.py": {"kappa"},  # of one finding: a column of the figure's own CSV
    "reporting/figures/calibration.py": {"ece"},  # over all seeds' answers: the same
}


def near(labels, probabilities):
    return np.abs(labels - probabilities.argmax(axis=1)) <= 1


TOY = Metric(
    "near_miss",
    "grading",
    "Right within one grade",
    lambda labels, probabilities: mean(near(labels, probabilities)),
    lambda labels, probabilities: mean_influence(near(labels, probabilities)),
    chance=0.25,
    digits=2,
    by_stratum=True,
    printed=True,
)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(registry, "METRICS", (*registry.METRICS, TOY))


def records(root):
    return pd.DataFrame([scored_run(root, "resnet50", seed=seed) for seed in range(3)])


def block(table):
    (own,) = [one for one in table.sections[0].blocks if one.metric == TOY.name]
    return own


def test_a_new_metric_is_among_the_scores_of_predictions(toy, tmp_path):
    record: Any = scored_run(tmp_path)
    assert 0 < record["near_miss"] < 1
    assert record["near_miss_good"] == record["near_miss"]  # all its images are good


def test_without_its_entry_there_is_no_such_score_table_or_claim(tmp_path):
    assert "near_miss" not in scored_run(tmp_path)
    assert "Right within one grade" not in render(build("1", records(tmp_path)), "markdown")
    with pytest.raises(ValidationError, match="no score 'near_miss'"):
        claim(scores={"eyeq": ["near_miss"]})


def test_a_new_metric_has_a_block_in_the_tables_with_interval_chance_and_digits(toy, tmp_path):
    runs = records(tmp_path)
    own = block(build("1", runs))
    assert own.heading == "Right within one grade"
    (line,) = [line for line in own.lines if line.method == "resnet50"]
    shown = runs["near_miss"].mean()
    assert line.cells[0].text.startswith(f"{shown:.2f} ± 0.")
    assert own.lines[-1].cells[0].text == "0.25"
    assert cell_id("T1:resnet50:eyeq-twin:native:near_miss").score == "near_miss"


def test_records_of_before_a_metric_are_tabled_from_their_predictions(tmp_path, monkeypatch):
    old = records(tmp_path)
    monkeypatch.setattr(registry, "METRICS", (*registry.METRICS, TOY))
    (tmp_path / "new").mkdir()
    assert block(build("1", old)).lines == block(build("1", records(tmp_path / "new"))).lines


def test_a_new_metric_can_decide_a_claim(toy, tmp_path):
    runs = world(tmp_path, {("comcl", "native"): 0.1, ("resnet50", "native"): 0.4})
    judged = finding(runs, claim(scores={"eyeq": ["near_miss"]}))
    assert judged.score == "near_miss"
    assert judged.comparisons[0].estimate is not None


@pytest.mark.parametrize("wanting", [{"influence": None}, {"larger_is_better": False}])
def test_a_printed_metric_has_an_interval_and_larger_is_better(wanting):
    fields = {name: getattr(TOY, name) for name in TOY.__dataclass_fields__}
    Metric(**fields)
    with pytest.raises(ValueError, match="'near_miss' is printed"):
        Metric(**(fields | wanting))
    Metric(**(fields | wanting | {"printed": False}))


def test_names_are_unique_within_a_kind_of_task():
    pairs = [(metric.kind, metric.name) for metric in registry.METRICS]
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"kappa": 0.5, "auroc_macro": 0.6}, "grading"),
        ({"auroc_macro": 0.6, "acc_label": 0.9}, "findings"),
        ({"auroc_macro": 0.6}, "findings"),
        ({"kappa": 0.5, "acc_label": np.nan}, "grading"),
    ],
)
def test_what_records_predict_is_seen_from_the_metrics_they_hold(columns, kind):
    assert registry.kind_of(pd.DataFrame([columns])) == kind


def test_the_primary_metrics_are_those_of_the_protocol():
    assert registry.primary("grading").name == "kappa"
    assert registry.primary("findings").name == "auroc_macro"


def test_no_metric_is_named_by_a_literal_outside_the_evaluation():
    names = {metric.name for metric in registry.METRICS}
    typed = {}
    for path in sorted((ROOT / "bench").rglob("*.py")):
        own = path.relative_to(ROOT / "bench").as_posix()
        if not own.startswith("evaluation/"):
            nodes = ast.walk(ast.parse(path.read_text()))
            found = {node.value for node in nodes if isinstance(node, ast.Constant)} & names
            typed |= {own: found} if found else {}
    assert typed == OTHERWISE
