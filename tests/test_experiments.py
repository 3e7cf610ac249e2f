import pytest

from bench.experiments import EXPERIMENTS, TABLE1
from bench.roster import METHODS


def test_all_methods_get_a_seed_before_any_gets_the_next():
    seeds = [seed for *_, seed in TABLE1.runs(range(3))]
    assert seeds == sorted(seeds)
    assert len(seeds) == 3 * len(TABLE1.rows) * len(TABLE1.columns)


def test_no_run_is_asked_for_twice():
    runs = list(TABLE1.runs(range(2)))
    assert len(runs) == len(set(runs))


def test_a_twin_stands_in_the_columns_of_its_original():
    assert TABLE1.ratios("eyeq-twin") == TABLE1.ratios("eyeq") == ("native", "0.7", "1.0")
    assert TABLE1.ratios("folder") == ()


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda e: e.table)
def test_a_row_that_the_roster_knows_has_the_rosters_word_on_the_paper(experiment):
    for row in experiment.rows:
        if row.method in METHODS:
            assert row.in_paper == METHODS[row.method].in_paper, row.method


def test_table_1_names_methods_as_the_roster_does():
    known = [row for row in TABLE1.rows if row.method in METHODS]
    assert {row.title for row in known} == {METHODS[row.method].title for row in known}
    assert {"resnet50", "comcl", "resnet50-long"} <= {row.method for row in known}
