"""The four levels and the pairs of each variant."""

import itertools

import numpy as np
import pytest

from comcl.views import (
    LEVELS,
    VARIANTS,
    Pair,
    drop_empty,
    level_codes,
    levels_needed,
    pairs_for,
)


def names(*args, **options) -> list[str]:
    return [pair.name for pair in pairs_for(*args, **options)]


def test_levels_follow_lesion_and_quality():
    lesion, low = np.array([True, True, False, False]), np.array([False, True, False, True])
    assert [LEVELS[code] for code in level_codes(lesion, low)] == ["L", "L~", "H", "H~"]


def test_the_variants_are_the_rows_of_the_ablation():
    assert {variant: names(variant) for variant in VARIANTS} == {
        "comcl": ["L|L~", "L|H", "L~|H~"],
        "comcl-no-multilevel": ["L+L~|H+H~"],
        "comcl-no-spl": ["L|L~", "L|H", "L~|H~"],
        "comcl-v1": ["L|H"],
        "comcl-v2": ["L|H", "L|L~"],
    }


def test_the_role_of_the_first_loss_changes_that_loss_alone():
    roles = {role: names("comcl", la_role=role) for role in ("positive", "reversed", "off")}
    assert roles == {
        "positive": ["L=L~|H", "L|H", "L~|H~"],
        "reversed": ["L~|L", "L|H", "L~|H~"],
        "off": ["L|H", "L~|H~"],
    }


def test_without_levels_quality_is_ignored_or_low_quality_left_out():
    assert names("comcl-no-multilevel", without_levels="high_quality") == ["L|H"]


def test_no_level_is_its_own_negative():
    for variant, role in itertools.product(VARIANTS, ("negative", "positive", "reversed", "off")):
        for pair in pairs_for(variant, la_role=role):
            assert not set(pair.negatives) & {*pair.anchors, *pair.positives}


def test_weights_stay_with_their_loss():
    weights = {p.name: p.weight for p in pairs_for("comcl-v2", loss_weights=(1.0, 2.0, 3.0))}
    assert weights == {"L|H": 2.0, "L|L~": 1.0}


def test_without_high_quality_one_loss_of_three_is_left():
    kept, dropped = drop_empty(pairs_for("comcl"), {"L~", "H~"})
    assert [pair.name for pair in kept] == ["L~|H~"]
    assert [pair.name for pair in dropped] == ["L|L~", "L|H"]


@pytest.mark.parametrize("variant", ["comcl-v1", "comcl-v2"])
def test_without_high_quality_the_small_variants_have_no_loss_left(variant):
    assert drop_empty(pairs_for(variant), {"L~", "H~"})[0] == ()


def test_with_all_levels_nothing_is_dropped():
    for variant in VARIANTS:
        assert drop_empty(pairs_for(variant), LEVELS) == (pairs_for(variant), ())


def test_a_union_needs_one_of_its_levels():
    pairs = pairs_for("comcl-no-multilevel")
    assert drop_empty(pairs, {"L~", "H"})[0] == pairs
    assert drop_empty(pairs, {"L", "L~"})[0] == ()


def test_a_pair_without_its_positives_is_dropped():
    assert drop_empty([Pair(("L",), ("H",), ("L~",))], {"L", "H"})[0] == ()


def test_levels_needed_are_those_that_a_pair_draws_from():
    assert levels_needed(pairs_for("comcl")) == LEVELS
    assert levels_needed(pairs_for("comcl-v1")) == ("L", "H")
    assert levels_needed(pairs_for("comcl-v2")) == ("L", "L~", "H")
    assert levels_needed([Pair(("L",), ("H",), ("L~",))]) == ("L", "L~", "H")


@pytest.mark.parametrize("wrong", [{"variant": "comcl-v4"}, {"la_role": "anchor"}])
def test_unknown_names_are_refused_with_the_known_ones(wrong):
    with pytest.raises(ValueError, match="choose one of"):
        pairs_for(**wrong)
