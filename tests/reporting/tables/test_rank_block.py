import numpy as np
import pandas as pd
import pytest
from scored_runs import measured_of

from bench.evaluation.ranks import ranking
from bench.experiments import ExperimentRow
from bench.reporting.tables.build import build
from bench.reporting.tables.model import Column
from bench.reporting.tables.rank_block import rank_block

ROWS = [ExperimentRow(name, name.upper()) for name in "abc"]
COLUMNS = [Column("native", "native"), Column("native", "published", "published")]


def texts(cells, columns=COLUMNS, **options):
    measured = measured_of({(m, "native"): scores for m, scores in cells.items()}, **options)
    block = rank_block(measured, "kappa", "Kappa", ROWS, columns)
    if block is None:
        return {}
    return {line.method: [cell.text for cell in line.cells] for line in block.lines}


def test_a_clear_order_has_one_rank_each():
    found = texts(
        {
            "a": [0.7000, 0.7001, 0.7002],
            "b": [0.9000, 0.9001, 0.9002],
            "c": [0.8000, 0.8001, 0.8002],
        }
    )
    assert found == {"a": ["3, 0 %", ""], "b": ["1, 100 %", ""], "c": ["2, 0 %", ""]}


def test_an_open_order_has_intervals_and_chances_that_sum_to_one():
    scores = {"a": [0.80, 0.90, 0.85], "b": [0.81, 0.91, 0.86], "c": [0.50, 0.51, 0.50]}
    found = texts(scores, patient_sd=0.01)
    assert found["a"][0].startswith("1 to ")
    chances = [int(cells[0].split(", ")[1].removesuffix(" %")) for cells in found.values()]
    assert sum(chances) == pytest.approx(100, abs=1)  # each rounded
    assert chances[1] > chances[0] > chances[2]


def test_ranks_are_those_of_the_joint_law():
    cells = {"a": [0.80, 0.83, 0.81], "b": [0.82, 0.80, 0.84], "c": [0.79, 0.78, 0.82]}
    measured = measured_of({(m, "native"): s for m, s in cells.items()}, patient_sd=0.02)
    law = ranking(measured.runs.scores["kappa"], np.arange(9).reshape(3, 3).tolist())
    for place, text in enumerate(t[0] for t in texts(cells, patient_sd=0.02).values()):
        interval, chance = text.split(", ")
        assert interval == f"{law.low[place]} to {law.high[place]}"
        assert chance == f"{100 * law.best[place]:.0f} %"


def test_a_method_of_one_seed_or_an_undefined_score_has_no_rank():
    found = texts({"a": [0.7000, 0.7001, 0.7002], "b": [0.9000, 0.9001, 0.9002], "c": [0.80]})
    assert "c" not in found
    assert found["b"][0] == "1, 100 %"
    undefined = {"a": [0.7, 0.7001, 0.7], "b": [0.9, 0.9001, 0.9], "c": [float("nan"), 0.8, 0.8]}
    assert "c" not in texts(undefined)


def test_fewer_than_two_methods_are_no_ranking():
    assert texts({"a": [0.7000, 0.7001, 0.7002], "b": [0.90]}) == {}
    assert texts({}) == {}


def test_a_column_without_ranks_is_left_open():
    ratios = [Column("native", "native"), Column("0.7", "0.7")]
    found = texts({"a": [0.7000, 0.7001, 0.7002], "b": [0.9000, 0.9001, 0.9002]}, ratios)
    assert found["a"] == ["2, 0 %", "-"]


def test_the_table_has_ranks_below_its_main_score_and_explains_them(study, run):
    section = build("1", study).sections[0]
    headings = [block.heading for block in section.blocks]
    assert headings == [
        "Quadratic weighted kappa",
        "Rank by quadratic weighted kappa",
        "Accuracy",
        "Data",
    ]
    assert any(text.startswith("ranks: 95 %") for _, text in section.notes)
    single = build("1", pd.DataFrame([run(seed=seed) for seed in range(3)])).sections[0]
    assert len(single.blocks) == 3
    assert not any(text.startswith("ranks:") for _, text in single.notes)
