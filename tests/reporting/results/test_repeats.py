"""Sets tested in folds: a repeat is scored whole, or shown as incomplete and not scored."""

import numpy as np
import pandas as pd
import pytest
from graded import certain
from predictions import predictions_of
from scored import LABELS, grades_of

from bench.errors import NotComparable
from bench.evaluation.measures import quadratic_weighted_kappa
from bench.reporting.results.runs import collect
from bench.reporting.tables.build import build
from bench.reporting.tables.render import render
from bench.store import write_predictions

FOLDS = 2
CELL = ("resnet50", "native")


@pytest.fixture
def fold(run, tmp_path):
    """Makes the record of one seed, on half of the images: fold 0 the even ones."""

    def make(seed, kappa=0.8, learnt=True, **changes):
        place = np.arange(len(LABELS)) % FOLDS == seed % FOLDS
        grades = grades_of(kappa)
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        test = predictions_of(LABELS, certain(grades)).loc[place]
        seen = grades if learnt else 0 * grades
        other = predictions_of(LABELS, certain(seen), split="validation")
        other["image_id"] = "v" + other["image_id"]
        write_predictions(folder / "predictions.parquet", pd.concat([test, other]))
        record = run(CELL[0], CELL[1], seed, **changes)
        protocol = record["protocol"] | {"data": record["protocol"]["data"] | {"folds": FOLDS}}
        return record | {"folder": folder, "protocol": protocol}

    return make


def collected(rows):
    return collect(pd.DataFrame(rows), {CELL}, ("kappa",))


def test_a_repeat_is_scored_on_the_images_of_all_its_folds(fold):
    runs = collected([fold(0, 0.8), fold(1, 0.6), fold(2, 0.7), fold(3, 0.7)])
    assert runs.by_cell == {CELL: {0: 0, 1: 1}}
    place = np.arange(len(LABELS)) % FOLDS == 0
    mixed = np.where(place, grades_of(0.8), grades_of(0.6))
    expected = [quadratic_weighted_kappa(LABELS, mixed, 5), 0.7]
    assert runs.scores["kappa"].values == pytest.approx(expected, abs=1e-12)
    assert [list(members) for members in runs.members] == [[0, 1], [2, 3]]


def test_a_repeat_that_lacks_a_fold_is_incomplete_and_not_scored(fold):
    runs = collected([fold(0), fold(1), fold(3)])
    assert runs.by_cell == {CELL: {0: 0}}
    assert runs.incomplete == {CELL: {1: (0,)}}


def test_an_image_tested_twice_in_a_repeat_is_refused(fold):
    again = fold(2) | {"seed": 1}
    with pytest.raises(NotComparable, match="test an image twice"):
        collected([fold(0), again])


def test_the_table_counts_repeats_and_says_what_is_incomplete(fold):
    rows = [fold(seed, 0.8 - 0.05 * (seed // 2)) for seed in range(6)]
    page = render(build("1", pd.DataFrame([*rows, fold(7)])), "markdown")
    assert "0.750 ± " in page and "(n=3)" in page
    assert "repeat 3 lacks fold 0: not scored" in page
    assert "every image is tested once in each, in one of 2 folds" in page
    assert "stale" not in page
    alone = render(build("1", pd.DataFrame([fold(0)])), "markdown")
    assert "incomplete" in alone


def test_the_gate_is_asked_once_of_all_folds_together(fold):
    """A fold that fails is carried by one that has learnt; the record's own gate is not read."""
    rows = [fold(0, learnt=False, trained=False), fold(1, trained=False)]
    assert not collected(rows).untrained
    rows = [fold(seed, learnt=False, trained=True) for seed in (0, 1)]
    assert collected(rows).untrained == {0}
