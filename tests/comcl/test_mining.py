"""Eq. 2 and 3: counts, masks, selections, and every alternative of an open question."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from comcl import mining
from comcl.loss import anchor_losses
from comcl.mining import Pace, hard_negative_count, hardest_by_row, hardest_overall

seeds = st.integers(0, 2**31)
shares = st.floats(0, 1)


def table(seed: int, n: int, k: int) -> torch.Tensor:
    return torch.rand(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_k_t_falls_from_all_over_the_cosine_to_none():
    assert hard_negative_count(400, 0, 800) == 400
    assert hard_negative_count(400, 400, 800) == math.floor(400 * math.cos(math.pi / 4))
    assert hard_negative_count(400, 800, 800) == 0


def test_k_t_has_the_values_of_the_card():
    """docs/reference/methods.md#the-schedule-in-numbers, T = 800."""
    steps = (0, 200, 400, 600, 799, 800)
    assert [hard_negative_count(400, t, 800) for t in steps] == [400, 369, 282, 153, 0, 0]
    assert [hard_negative_count(7200, t, 800) for t in steps] == [7200, 6651, 5091, 2755, 14, 0]


def test_the_floor_holds_k_t_at_k_min_and_the_printed_rule_does_not():
    assert mining.floored(0, 400, 1) == 1
    assert mining.as_printed(0, 400, 1) == 0
    assert mining.floored(282, 400, 1) == 282


def test_the_floor_asks_for_no_more_negatives_than_there_are():
    assert mining.floored(0, 3, 20) == 3


@given(st.integers(0, 5000), st.integers(1, 500))
def test_rising_is_falling_backwards(delta, total):
    for step in (0, total // 3, total):
        forth = hard_negative_count(delta, total - step, total)
        assert abs(hard_negative_count(delta, step, total, direction="rise") - forth) <= 1


def test_directions_differ_at_the_start():
    counts = {d: hard_negative_count(1000, 0, 100, direction=d) for d in mining.DIRECTIONS}
    assert counts == {"fall": 1000, "rise": 0, "constant": 636}


def test_the_constant_is_the_mean_of_the_printed_schedule():
    counts = [hard_negative_count(10_000, t, 1000) for t in range(1000)]
    constant = hard_negative_count(10_000, 0, 1000, direction="constant")
    assert sum(counts) / 1000 == pytest.approx(constant, rel=2e-3)  # a sum for an integral


def test_without_mining_every_negative_counts_at_every_step():
    assert {mining.TOPK["off"](70, t, 9) for t in range(10)} == {70}
    assert len({mining.TOPK["cosine"](70, t, 9) for t in range(10)}) == 10


@pytest.mark.parametrize("step", [-1, 11])
def test_a_step_outside_the_training_is_refused(step):
    with pytest.raises(ValueError, match=r"must be in 0\.\.total_steps"):
        hard_negative_count(5, step, 10)


@given(seeds, st.integers(1, 5), st.integers(1, 12), st.data())
def test_exactly_the_k_hardest_are_kept(seed, n, k, data):
    count, similar = data.draw(st.integers(0, k)), table(seed, n, k)
    keep = hardest_by_row(similar, count)
    assert (keep.sum(dim=1) == count).all()
    for row, kept in zip(similar, keep, strict=True):
        if 0 < count < k:
            assert row[kept].min() >= row[~kept].max()


@given(seeds, st.integers(1, 5), st.integers(1, 12), st.data())
def test_the_order_of_negatives_does_not_decide_who_is_kept(seed, n, k, data):
    count, similar = data.draw(st.integers(0, k)), table(seed, n, k)
    order = torch.randperm(k, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(
        hardest_by_row(similar[:, order], count), hardest_by_row(similar, count)[:, order]
    )


def test_of_equal_negatives_the_earlier_slot_is_kept():
    similar = torch.tensor([[0.5, 0.9, 0.5, 0.5]])
    assert hardest_by_row(similar, 2).tolist() == [[True, True, False, False]]


def test_over_the_matrix_an_easy_anchor_gives_its_places_away():
    similar = torch.tensor([[0.9, 0.8, 0.7], [0.1, 0.2, 0.3]])
    assert hardest_overall(similar, 1).tolist() == [[True, True, False], [False] * 3]
    assert hardest_by_row(similar, 1).tolist() == [[True, False, False], [False, False, True]]


@given(seeds, st.integers(1, 20), shares, shares)
def test_a_later_pace_admits_more(seed, n, one, other):
    early, late = sorted((one, other))
    losses = table(seed, 1, n)[0]
    for rule in (mining.quantile, mining.rescaled):
        assert (rule(losses, Pace(3, early)) <= rule(losses, Pace(3, late))).all()
    grown = [mining.kumar(losses, Pace(3, at, age=0.2)) for at in (early, late)]
    assert (grown[0] <= grown[1]).all()


@given(seeds, st.integers(1, 20), st.integers(1, 50), st.integers(1, 50))
def test_the_printed_rule_admits_more_as_k_t_falls(seed, n, one, other):
    few, many = sorted((one, other))
    losses = table(seed, 1, n)[0]
    assert (mining.literal(losses, Pace(many, 0.1)) <= mining.literal(losses, Pace(few, 0.9))).all()


@given(seeds, st.integers(1, 20), shares)
def test_the_quantile_keeps_the_easiest(seed, n, progress):
    losses = table(seed, 1, n)[0]
    selected = mining.quantile(losses, Pace(3, progress))
    assert selected.sum() == math.ceil((0.5 + 0.5 * progress) * n)
    if not selected.all():
        assert losses[selected].max() <= losses[~selected].min()


def test_the_quantile_starts_at_a_half_and_ends_with_all():
    losses = torch.rand(10)
    assert [int(mining.quantile(losses, Pace(3, t)).sum()) for t in (0.0, 0.5, 1.0)] == [5, 8, 10]


@pytest.mark.parametrize("k", [50, 400, 1600, 7200])
def test_the_printed_rule_selects_nothing_at_a_random_start(k):
    chance = torch.full((100,), math.log1p(k))
    assert not mining.literal(chance, Pace(k, 0.0)).any()
    assert mining.quantile(chance, Pace(k, 0.0)).sum() == 50


@pytest.mark.parametrize(("k", "margin"), [(50, 0.55), (400, 0.84), (1600, 1.03), (7200, 1.24)])
def test_the_printed_rule_needs_the_margin_that_the_reference_computes(k, margin):
    """The margin p - n is about 2 tau ln K; the reference rounds to 0.01, so 0.01 either side.

    Source: docs/reference/methods.md#the-schedule-in-numbers.
    """
    anchor = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    everything = torch.ones(1, k, dtype=torch.bool)

    def selected(by: float) -> bool:
        cosine = 1 - by
        negative = torch.tensor([[cosine, math.sqrt(1 - cosine**2)]], dtype=torch.float64)
        loss = anchor_losses(anchor, anchor, negative.expand(k, 2), everything, temperature=0.07)
        return bool(mining.literal(loss, Pace(k, 0.0)))

    assert not selected(margin - 0.01)
    assert selected(margin + 0.01)


def test_the_printed_rule_divides_by_no_zero():
    assert mining.literal(torch.zeros(3), Pace(0, 1.0)).all()


def test_kumars_rule_warms_up_then_takes_the_easier_half():
    losses = torch.tensor([1.0, 2.0, 3.0, 4.0, 50.0])
    warm = Pace(3, 0.0)
    assert mining.first_age(losses, warm) == math.inf
    assert mining.kumar(losses, warm).all()
    later = Pace(3, 0.01)
    age = mining.first_age(losses, later)
    assert age == 3.0
    assert mining.kumar(losses, later._replace(age=age)).tolist() == [True, True] + [False] * 3


def test_kumars_age_is_set_once():
    assert mining.first_age(torch.tensor([9.0]), Pace(3, 0.5, age=2.0)) == 2.0


def test_self_paced_rules_differ_pairwise():
    losses = torch.linspace(0.05, 6, 40)
    pace = Pace(30, 0.25, age=1.0)
    chosen = {name: rule(losses, pace) for name, rule in mining.SELF_PACED.items()}
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(chosen.values(), 2))


def test_mining_counts_from_where_it_starts():
    clocks = [mining.clock(step, 10, 0.35) for step in (0, 3, 4, 10)]  # round(3.5) is 4
    assert clocks == [None, None, mining.Clock(0, 6), mining.Clock(6, 6)]
    assert [clock.progress for clock in clocks if clock] == [0, 1]
    assert mining.clock(7, 10) == mining.Clock(7, 10)


@given(st.integers(1, 50), st.floats(0, 0.999))
def test_mining_stands_at_its_start_or_later_at_every_step(total, starts):
    clocks = [mining.clock(step, total, starts) for step in range(total)]
    there = [clock for clock in clocks if clock is not None]
    assert clocks == [None] * (total - len(there)) + there
    assert [clock.step for clock in there] == list(range(len(there)))


def test_the_ablations_take_different_things_away():
    assert mining.WITHOUT_SPL["both"] == mining.WITHOUT_SPL["topk"] | mining.WITHOUT_SPL["spl"]
    assert len({tuple(sorted(one.items())) for one in mining.WITHOUT_SPL.values()}) == 3
