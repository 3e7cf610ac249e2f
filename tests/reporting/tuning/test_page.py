"""What the page says of trials, and what it chooses: by validation images alone."""

import csv
import tomllib

import pytest
from tuning_trials import DATASET, trial

from bench.errors import NotComparable, RequestError
from bench.protocol import tuned, tuning
from bench.protocol.presets import named
from bench.reporting.tuning.page import tuning_page
from bench.reporting.tuning.trials import collect

OF_ANOTHER = """
chosen = { a = 1.0 }
tried = { a = [1.0] }
dataset = "eyeq-twin"
study = "t"
"""
GRID = tuning.values(named("laptop").finetuning.lr)


def tried(root, method, *scores, **options):
    """A trial of each value of the grid that has a score or diverged."""
    for value, kappa in zip(GRID, scores, strict=True):
        if kappa != "missing":
            trial(root, method, value, kappa=kappa, **options)


def chosen(root):
    found = collect(root, DATASET, "laptop")
    return {each.method: each.chosen and each.chosen.value for each in found}


def page(root, **options):
    return tuning_page(root, dataset=DATASET, protocol_name="laptop", **options)


def test_the_best_validation_score_is_chosen_whatever_the_test_images_say(tmp_path):
    """Test scores of these records have the opposite order."""
    tried(tmp_path, "resnet50", 0.5, 0.8, 0.6, 0.2)
    tried(tmp_path, "comcl", 0.5, 0.6, 0.6, 0.8)
    assert chosen(tmp_path) == {"resnet50": GRID[1], "comcl": GRID[3]}


def test_of_equal_scores_the_value_nearest_the_preset_s_is_chosen_then_the_lower(tmp_path):
    tried(tmp_path, "resnet50", 0.8, 0.8, 0.8, 0.8)
    tried(tmp_path, "lanet", 0.8, 0.8, 0.6, 0.8)
    assert chosen(tmp_path) == {"resnet50": named("laptop").finetuning.lr, "lanet": GRID[1]}


def test_nothing_is_chosen_while_a_trial_is_missing(tmp_path):
    tried(tmp_path, "resnet50", 0.8, 0.6, 0.6, "missing")
    assert chosen(tmp_path) == {"resnet50": None}
    shown = page(tmp_path)
    assert not shown.complete
    assert "3 of 4" in shown.text
    assert "trials are missing or all diverged: resnet50" in shown.text
    assert "[laptop.resnet50]" not in shown.text


def test_a_loss_that_became_infinite_is_a_trial_without_a_score(tmp_path):
    tried(tmp_path, "resnet50", 0.6, 0.8, 0.6, None)
    assert chosen(tmp_path) == {"resnet50": GRID[1]}
    shown = page(tmp_path)
    assert shown.complete
    assert f"{GRID[3]:g}: diverged" in shown.text


def test_a_choice_at_an_end_of_the_grid_is_said_and_one_within_is_not(tmp_path):
    tried(tmp_path, "resnet50", 0.2, 0.4, 0.6, 0.8)
    tried(tmp_path, "lanet", 0.2, 0.8, 0.6, 0.4)
    assert "Chosen at an end of the grid: resnet50." in page(tmp_path).text


def test_untrained_trials_are_flagged(tmp_path):
    tried(tmp_path, "resnet50", 0.0, 0.8, 0.6, 0.6)
    assert f"not trained: {GRID[0]:g}" in page(tmp_path).text


def test_the_page_says_what_was_gained_and_when_the_best_epoch_came(tmp_path):
    tried(tmp_path, "resnet50", 0.8, 0.6, 0.5, 0.4, epochs=(0.1, 0.7, 0.2, 0.7))
    shown = page(tmp_path)
    assert "+0.200" in shown.text
    assert "2 of 4" in shown.text


def test_runs_of_other_studies_presets_and_grids_are_no_trials(tmp_path):
    tried(tmp_path, "resnet50", 0.8, 0.6, 0.6, 0.6)
    trial(tmp_path, "resnet50", GRID[3], kappa=0.9, study=None)
    trial(tmp_path, "resnet50", GRID[3], kappa=0.9, protocol="smoke")
    trial(tmp_path, "resnet50", 0.123, kappa=0.9)
    (found,) = collect(tmp_path, DATASET, "laptop")
    assert len(found.trials) == 4
    assert chosen(tmp_path) == {"resnet50": GRID[0]}


def test_trials_of_two_protocols_are_refused(tmp_path):
    tried(tmp_path, "resnet50", 0.8, 0.6, 0.6, 0.6)
    trial(tmp_path, "lanet", GRID[0], kappa=0.6, threads=7)
    with pytest.raises(NotComparable, match="--results DIR"):
        collect(tmp_path, DATASET, "laptop")


def test_what_is_printed_is_what_the_file_of_tuned_values_takes(tmp_path):
    tried(tmp_path, "resnet50", 0.5, 0.8, 0.6, 0.2)
    text = page(tmp_path).text
    printed = tomllib.loads(text[text.index("[laptop.resnet50]") :])
    path = tmp_path / "tuned.toml"
    page(tmp_path, write=path)
    entry = tuned.load(path)["laptop"]["resnet50"]
    assert printed["laptop"]["resnet50"]["chosen"] == entry.chosen == {tuning.RATE: GRID[1]}
    assert entry.tried == {tuning.RATE: GRID}
    assert entry.study == tmp_path.name, "no path of this machine"


def test_writing_keeps_what_other_presets_and_methods_have(tmp_path):
    path = tmp_path / "tuned.toml"
    path.write_text('[smoke."mine.py:Net"]' + OF_ANOTHER + "[laptop.lanet]" + OF_ANOTHER)
    before = tuned.load(path)
    tried(tmp_path, "resnet50", 0.5, 0.8, 0.6, 0.2)
    page(tmp_path, write=path)
    after = tuned.load(path)
    assert after["smoke"] == before["smoke"]
    assert after["laptop"]["lanet"] == before["laptop"]["lanet"]
    assert "resnet50" in after["laptop"]


def test_rates_of_two_data_sets_are_not_mixed_under_one_preset(tmp_path):
    path = tmp_path / "tuned.toml"
    path.write_text(
        "[laptop.lanet]\nchosen = { a = 1.0 }\ntried = { a = [1.0] }\n"
        'dataset = "chestxray-twin"\nstudy = "t"\n'
    )
    tried(tmp_path, "resnet50", 0.5, 0.8, 0.6, 0.2)
    with pytest.raises(RequestError, match="were tuned on chestxray-twin"):
        page(tmp_path, write=path)
    assert "resnet50" not in path.read_text()


def test_files_hold_each_trial_and_the_page(tmp_path):
    tried(tmp_path, "resnet50", 0.5, 0.8, 0.6, None)
    written = page(tmp_path).written
    assert [path.name for path in written] == ["tuning-laptop.md", "tuning-laptop.csv"]
    rows = list(csv.DictReader(written[1].read_text().splitlines()))
    assert [float(row["value"]) for row in rows] == list(GRID)
    assert [row["chosen"] for row in rows] == ["", "yes", "", ""]
    # A whole number of thousandths up to rounding: the file has full precision.
    assert float(rows[2]["score"]) == pytest.approx(0.6, abs=1e-12)
    assert rows[3]["score"] == "", "it diverged"
    assert "| resnet50 |" in written[0].read_text()


def test_an_empty_folder_says_so(tmp_path):
    shown = page(tmp_path)
    assert not shown.complete
    assert "No finished trial" in shown.text
