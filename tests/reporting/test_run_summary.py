"""The lines that a person reads when a run is over."""

import json
import math
from pathlib import Path

import pytest

from bench.reporting.run_summary import record_card

RECORD = {
    "method": "comcl",
    "dataset": "eyeq-twin",
    "lq_ratio": "0.7",
    "seed": 3,
    "protocol_name": "laptop",
    "share_train": 0.7,
    "share_validation": 0.699,
    "share_test": 0.701,
    "kappa": 0.39349,
    "accuracy": 0.75,
    "majority": 0.7,
    "n_test": 1625,
    "assumptions": ("loss a left out",),
    "boxes": "oracle",
    "real": False,
    "folder": Path("results/runs/x"),
}


def test_a_card_says_what_was_run_what_came_out_and_where_it_lies():
    card = record_card(RECORD)
    for shown in ("comcl", "eyeq-twin", "0.7", "seed 3", "laptop", "kappa 0.393", "1625"):
        assert shown in card
    assert card.splitlines()[-1].strip() == "results/runs/x"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"real": True}, "synthetic images"),
        ({"boxes": "given"}, "boxes="),
        ({"boxes": "none"}, "boxes="),
        ({"assumptions": ()}, "loss a left out"),
    ],
)
def test_a_card_notes_what_a_reader_must_know_and_nothing_else(changed, said):
    assert said in record_card(RECORD)
    assert said not in record_card(RECORD | changed)


def test_a_score_that_does_not_exist_is_null_in_json_and_the_rest_stays():
    shown = json.loads(record_card(RECORD | {"auroc_macro": math.nan}, as_json=True))
    assert shown["auroc_macro"] is None
    assert shown["kappa"] == RECORD["kappa"]
    assert shown["folder"] == "results/runs/x"


FOUND = {"kind": "findings", "classes": ("mass", "hernia"), "real": True, "auroc_macro": 0.7}
FOUND |= {"auroc:mass": 0.7}


def test_a_mean_says_over_how_many_findings_it_is():
    card = record_card(RECORD | FOUND | {"auroc:hernia": math.nan})
    assert "auroc_macro 0.700 (mean over 1 of 2 findings)" in card
    assert "mean over" not in record_card(RECORD | FOUND | {"auroc:hernia": 0.7})
    grades = {"kind": "grading", "auroc:mass": None, "auroc:hernia": 0.7}
    assert "(mean over 1 of 2 grades)" in record_card(RECORD | FOUND | grades)


NOTHING = {"patients": 0, "same_file": 0, "same_picture": 0}
SHARED = {"train+validation": NOTHING, "train+test": NOTHING | {"patients": 3, "same_file": 1}}


def test_what_two_splits_share_is_warned_of_and_nothing_else_is():
    card = record_card(RECORD | {"real": True, "shared_by_splits": SHARED})
    assert "warning: 3 patients have images in both train and test" in card
    assert "warning: 1 image file stands in both train and test" in card
    assert card.count("warning:") == 2
    for shared in (None, {"train+test": NOTHING}):
        assert "warning:" not in record_card(RECORD | {"real": True, "shared_by_splits": shared})


def test_drawn_pictures_that_look_alike_are_no_leak():
    assert "warning:" not in record_card(RECORD | {"real": False, "shared_by_splits": SHARED})


def test_a_card_says_what_the_training_took_and_what_it_did_not_reach():
    cost = {"sides_px": (64,), "samples": 15_680, "flops": 11 * 10**11, "training_seconds": 61.0}
    assert "training: 64 px, 15.7k samples, 1.10 TFLOP, 61 s" in record_card(RECORD | cost)
    assert "training: not recorded" in record_card(RECORD)
    missed = {"gates_missed": (("as good as bicubic", "it reached 30 of 33 dB"),)}
    assert "warning: it reached 30 of 33 dB" in record_card(RECORD | missed)
    assert "warning" not in record_card(RECORD)
