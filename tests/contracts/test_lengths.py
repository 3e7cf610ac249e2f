"""How long each phase of a method may last, and what ends it before."""

import pytest

from bench.pipeline import build
from bench.training.loop import Patience

EPOCHS = "finetuning.epochs=20"
PATIENT = (EPOCHS, "finetuning.patience=5", "finetuning.patience_share=0.2")


def lengths(context):
    return [stage.epochs for stage in build.stages(context)]


@pytest.mark.parametrize(
    ("method", "changes", "expected"),
    [
        ("mmcnn", (), [6, 6, 8]),
        ("mmcnn", ("mmcnn.lengths=[1,0.5,0.25]",), [20, 10, 5]),
        ("zoom-in-net", (), [10, 2, 6, 2]),
        ("zoom-in-net", ("zoom_in_net.lengths=[1,0.2,1,0.2]",), [20, 4, 20, 4]),
        ("lesion-aware-cl", ("pretraining.epochs=8",), [4, 4, 20]),
        (
            "lesion-aware-cl",
            ("pretraining.epochs=8", "lesion_aware.lengths=[1,0.5]"),
            [8, 4, 20],
        ),
    ],
)
def test_phases_share_one_training_unless_each_has_a_length(context_of, method, changes, expected):
    assert lengths(context_of(method, changes=(EPOCHS, *changes))) == expected


@pytest.mark.parametrize("method", ["resnet50", "mmcnn", "lesion-base-cl", "comcl", "deepmt-dr"])
def test_phases_that_select_an_epoch_end_at_a_plateau_and_no_others(context_of, method):
    stages = build.stages(context_of(method, changes=PATIENT))
    assert any(stage.selects for stage in stages)
    for stage in stages:
        assert stage.patience == (Patience(5, 0.10, 0.2) if stage.selects else None)


def test_without_patience_and_where_the_last_epoch_is_kept_nothing_ends_before(context_of):
    for changes in ((EPOCHS,), (*PATIENT, "finetuning.select=last")):
        assert [s.patience for s in build.stages(context_of("mmcnn", changes=changes))] == [
            None
        ] * 3


def test_the_compute_matched_control_trains_all_its_epochs(context_of):
    (stage,) = build.stages(context_of("resnet50-long", changes=PATIENT))
    assert stage.epochs > 20
    assert (stage.selects, stage.patience) == (True, None)
