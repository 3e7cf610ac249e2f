"""Every open question's options make another method, and unknown ones are refused."""

import itertools
from typing import Any

import pytest
import torch
from small_comcl import batch_of, filled, loss_at, tiny

from comcl.mining import WITHOUT_SPL
from comcl.views import pairs_for


def test_variants_differ_pairwise_in_loss():
    models = {
        "comcl": tiny(),
        "no-spl": tiny(**WITHOUT_SPL["both"]),
        **{name: tiny(pairs=pairs_for(f"comcl-{name}")) for name in ("no-multilevel", "v1", "v2")},
    }
    losses = {name: loss_at(filled(model)) for name, model in models.items()}
    assert all(a != b for a, b in itertools.combinations(losses.values(), 2)), losses


SWITCHES: list[dict[str, Any]] = [
    {"head": "linear"},
    {"head": "none"},
    {"negatives": "batch"},
    {"own_level_negatives": "yes"},
    {"own_level_negatives": "yes", "negatives": "batch"},
    {"mining_starts": 0.2},
    {"mining_starts": 0.9},
    {"topk": "off"},
    {"k_min": 9},
    {"k_direction": "rise"},
    {"k_direction": "constant"},
    {"topk_scope": "global"},
    *({"spl": rule} for rule in ("literal", "kumar", "rescaled", "off")),
    *({"pairs": pairs_for(la_role=role)} for role in ("positive", "off", "reversed")),
    {"pairs": pairs_for(loss_weights=(1.0, 2.0, 1.0))},
    *WITHOUT_SPL.values(),
    {"temperature": 0.2},
]


@pytest.mark.parametrize("options", SWITCHES, ids=str)
def test_a_switch_changes_the_loss(options):
    model = filled(tiny(**options))
    assert torch.isfinite(torch.tensor(loss_at(model)))
    assert loss_at(model) != loss_at(filled(tiny()))


def test_the_printed_k_t_ends_in_no_loss_and_the_floor_does_not():
    printed, floored = (filled(tiny(k_rule=rule)) for rule in ("literal", "floor"))
    assert loss_at(printed) == loss_at(floored)
    assert loss_at(printed, step=10) == 0
    assert loss_at(floored, step=10) > 0


def test_quality_ignored_differs_from_high_quality_alone():
    ignored, alone = (
        filled(tiny(pairs=pairs_for("comcl-no-multilevel", without_levels=pool)))
        for pool in ("all", "high_quality")
    )
    assert loss_at(ignored) != loss_at(alone)


def test_before_mining_starts_all_anchors_learn_from_all_negatives():
    """At step 3 of 10; from step 5 on t counts anew, so that step 5 is step 0 of 5."""
    later, off = filled(tiny(mining_starts=0.5)), filled(tiny(topk="off", spl="off"))
    assert loss_at(later) == loss_at(off)
    mined, _ = filled(tiny()).loss(batch_of(), step=0, total_steps=5)
    assert loss_at(later, step=5) == mined.item() != loss_at(off, step=5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"own_level_negatives": "true"},
        {"spl_losses": "last"},
        {"spl_losses": "previous"},
        {"mining_starts": 1.0},
        {"mining_starts": -0.1},
        {"pairs": ()},
        {"spl": "quantiles"},
        {"topk": "cos"},
        {"k_direction": "up"},
        {"topk_scope": "column"},
        {"head": "conv"},
        {"queue_size": 0},
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_with_its_value_and_rule(wrong):
    with pytest.raises(ValueError, match=r"must|choose one of"):
        tiny(**wrong)
