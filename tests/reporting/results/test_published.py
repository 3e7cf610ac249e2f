import hashlib
import shutil

import pytest

from bench.errors import RequestError
from bench.experiments import TABLE1, TABLE2
from bench.reporting.results import published as module
from bench.reporting.results.published import FOLDER, load, published

# Typed here as well, so that changing a value takes a change in three places.
LOCKS = {
    "table1.csv": "1a7ee26348f1792c2ed68ddb67898d9ef56dd80a544e245211caaf77a04a8c7e",
    "table2.csv": "5bef05c707320cc153ee2f0f1d12505bdc77d06278ff0d680415cd3c57f3ff88",
}


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(FOLDER, tmp_path / "published")


def test_the_published_values_are_those_copied_from_the_paper():
    for name, lock in LOCKS.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == lock


def test_an_untouched_copy_loads(copy):
    assert load("1", copy) == load("1")


def test_a_changed_value_is_refused(copy):
    path = copy / "table1.csv"
    path.write_text(path.read_text().replace("0.884", "0.885"))
    with pytest.raises(RequestError, match="published values never change"):
        load("1", copy)


def test_a_missing_file_is_refused(copy):
    (copy / "table2.csv").unlink()
    with pytest.raises(RequestError, match="is missing"):
        load("2", copy)


def test_the_two_readings_swap_the_two_numbers():
    cell = published("1", "CoMCL", "eyeq", "native")
    assert cell is not None
    assert cell.readings("kappa") == (0.884, 0.872)
    assert cell.readings("accuracy") == (0.872, 0.884)


def test_table_2_prints_the_same_numbers_under_the_other_header():
    first, second = (published(table, "CoMCL", "eyeq", "native") for table in "12")
    assert first is not None
    assert second is not None
    assert second.readings("kappa") == first.readings("kappa")[::-1]


@pytest.mark.parametrize(
    ("dataset", "ratio", "kappa"),
    [("eyeq", "0.7", 0.852), ("eyeq", "1.0", 0.793), ("chestxray", "native", 0.682)],
)
def test_ratios_and_data_sets_have_the_papers_names(dataset, ratio, kappa):
    cell = published("1", "CoMCL", dataset, ratio)
    assert cell is not None
    assert cell.first == kappa


def test_what_the_paper_does_not_print_is_none():
    assert published("1", "CoMCL", "eyeq-twin", "native") is None
    assert published("1", "CoMCL", "eyeq", "0.85") is None
    assert published("1", "ResNet50, compute-matched", "eyeq", "native") is None


def test_an_odd_value_keeps_its_note():
    odd = published("1", "DenseNet-121", "chestxray", "0.7")
    assert odd is not None
    assert odd.note.startswith("probably a misprint")


@pytest.mark.parametrize("experiment", [TABLE1, TABLE2], ids=["1", "2"])
def test_every_row_of_the_paper_has_a_value_in_every_column(experiment):
    for row in experiment.rows:
        for dataset, ratio in experiment.columns:
            found = published(experiment.table, row.title, dataset, ratio)
            assert (found is not None) == row.in_paper, (row.title, dataset, ratio)


def test_every_published_value_belongs_to_a_row():
    titles = {row.title for row in TABLE1.rows}
    assert {line["row"] for line in load("1")} <= titles
    assert module.published("2", "Basic CL", "eyeq", "native") is not None
