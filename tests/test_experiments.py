from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import RequestError
from bench.experiments import EXPERIMENTS, TABLE1, RequiredRun, balanced, chosen, data_sets
from bench.roster import METHODS

tables = st.sampled_from([*EXPERIMENTS, "all"])
sets = st.lists(
    st.sampled_from(["eyeq", "eyeq-twin", "chestxray", "folder"]), min_size=1, unique=True
)


@given(tables, sets, st.integers(1, 3), st.integers(0, 400))
def test_wherever_one_stops_methods_of_a_table_are_level(table, datasets, seeds, stop):
    """Each table in its own columns: with all tables, those of Table 1 have more to fill."""
    cells = list(balanced(chosen(table), datasets, seeds=seeds))[:stop]
    for experiment in chosen(table):
        there = [
            cell
            for cell in cells
            if cell.lq_ratio in experiment.stand_ins(cell.dataset)
            and cell.method in {row.method for row in experiment.rows}
        ]
        counts = Counter(cell.method for cell in there)
        numbers = [counts[row.method] for row in experiment.rows]
        assert max(numbers) - min(numbers) <= 1


@given(tables, sets, st.integers(1, 3))
def test_seeds_come_one_after_the_other_and_no_run_twice(table, datasets, seeds):
    cells = list(balanced(chosen(table), datasets, seeds=seeds))
    order = [cell.seed for cell in cells]
    assert order == sorted(order)
    assert len(cells) == len(set(cells))


def test_table_1_needs_every_method_in_every_column():
    cells = set(balanced([TABLE1], ["eyeq", "chestxray"], seeds=2))
    assert len(cells) == 2 * len(TABLE1.rows) * len(TABLE1.columns)
    assert RequiredRun("cabnet", "chestxray", "0.7", 1) in cells


def test_all_tables_need_a_run_that_two_of_them_show_only_once():
    cells = [cell for cell in balanced(chosen("all"), ["eyeq"], seeds=1) if cell.method == "comcl"]
    assert [cell.lq_ratio for cell in cells] == ["native", "0.7", "1.0"]


def test_what_is_typed_stands_instead_of_the_tables_own():
    cells = list(balanced([TABLE1], ["eyeq"], seeds=1, ratios=["0.5"], methods=["comcl", "mine"]))
    assert cells == [RequiredRun("comcl", "eyeq", "0.5", 0), RequiredRun("mine", "eyeq", "0.5", 0)]


def test_a_twin_stands_in_the_columns_of_its_original():
    assert TABLE1.ratios("eyeq-twin") == TABLE1.ratios("eyeq") == ("native", "0.7", "1.0")
    assert TABLE1.ratios("folder") == ()


def test_a_set_of_ones_own_stands_in_every_table_and_the_chest_in_table_1_alone():
    assert TABLE1.stand_ins("folder") == ("native", "0.7", "1.0")
    assert EXPERIMENTS["2"].stand_ins("folder") == ("native",)
    assert EXPERIMENTS["2"].stand_ins("chestxray") == ()


def test_tables_are_named_by_number_or_all():
    assert data_sets(chosen("1")) == ("eyeq", "chestxray")
    assert data_sets(chosen("3")) == ("eyeq",)
    assert len(chosen("all")) == 3
    with pytest.raises(RequestError, match="--table 4: choose one of: 1, 2, 3, all"):
        chosen("4")


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda e: e.table)
def test_a_row_that_the_roster_knows_has_the_rosters_word_on_the_paper(experiment):
    for row in experiment.rows:
        if row.method in METHODS:
            assert row.in_paper == METHODS[row.method].in_paper, row.method


def test_table_1_names_methods_as_the_roster_does():
    known = [row for row in TABLE1.rows if row.method in METHODS]
    assert {row.title for row in known} == {METHODS[row.method].title for row in known}
    assert {"resnet50", "comcl", "resnet50-long"} <= {row.method for row in known}
