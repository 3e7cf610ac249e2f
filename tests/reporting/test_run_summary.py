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
