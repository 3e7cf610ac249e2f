import pandas as pd
import pytest
from figure_records import figured_run, pictures_of, skipped_of

TWO_PHASES = {"main": (0.1, 0.7, 0.7, 0.2), "joint": (0.5, 0.6, 0.7, 0.8)}


def drawn(root, **learning):
    runs = [figured_run(root, name, learning=by_stage) for name, by_stage in learning.items()]
    return pictures_of(pd.DataFrame(runs), "learning")["learning"]


def test_every_epoch_is_a_row_and_the_earlier_of_equal_ones_is_the_best(tmp_path):
    data = drawn(tmp_path, mmcnn=TWO_PHASES).data
    assert data["score"].tolist() == [*TWO_PHASES["main"], *TWO_PHASES["joint"]]
    best = data.loc[data["best"], ["stage", "epoch"]]
    assert best.to_numpy().tolist() == [["main", 2], ["joint", 4]]


@pytest.mark.parametrize(
    ("scores", "late"),
    [((0.1, 0.2, 0.8, 0.3), 0), ((0.1, 0.2, 0.3, 0.8), 1), ((0.1,), 1), ((0.1, 0.1, 0.1, 0.1), 0)],
)
def test_a_best_epoch_in_the_last_quarter_of_its_phase_is_late(tmp_path, scores, late):
    picture = drawn(tmp_path, resnet50={"finetune": scores})
    assert f"of {late} of 1 phases ({late:.0%})" in picture.caption


def test_phases_and_runs_are_counted_together(tmp_path):
    picture = drawn(tmp_path, mmcnn=TWO_PHASES, resnet50={"finetune": (0.9, 0.1, 0.1)})
    assert "of 1 of 3 phases (33%)" in picture.caption


def test_epochs_without_a_number_are_left_out(tmp_path):
    data = drawn(tmp_path, resnet50={"pretrain": (None, None), "finetune": (None, 0.4)}).data
    assert data[["stage", "epoch"]].to_numpy().tolist() == [["finetune", 2]]


def test_without_any_score_the_figure_is_skipped_with_the_reason(tmp_path):
    runs = pd.DataFrame([figured_run(tmp_path, learning={"finetune": (None,)})])
    assert skipped_of(runs, "learning") == {"learning": "no run has logged a validation score"}
