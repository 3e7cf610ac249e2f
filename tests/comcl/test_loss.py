"""Limits and invariances of Eq. 1."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from comcl.loss import anchor_losses, pair_loss, shared_positive_losses, similarities, total_loss

seeds = st.integers(0, 2**31)


def unit(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=generator, dtype=torch.float64), dim=-1)


def everything(n: int, k: int) -> Tensor:
    return torch.ones(n, k, dtype=torch.bool)


@given(st.integers(1, 5), st.integers(0, 50))
def test_equal_embeddings_are_chance(n, k):
    one = unit(0, 4)
    losses = anchor_losses(
        one.expand(n, 4), one.expand(n, 4), one.expand(k, 4), everything(n, k), temperature=0.07
    )
    assert losses.tolist() == pytest.approx([math.log(1 + k)] * n, abs=1e-10)


def test_a_random_start_costs_what_the_card_computes():
    """docs/reference/methods.md#the-schedule-in-numbers: 5.99 at 400 negatives, 8.88 at 7200."""
    one = unit(0, 4)
    for k, cost in ((400, 5.99), (7200, 8.88)):
        loss = anchor_losses(
            one[None], one[None], one.expand(k, 4), everything(1, k), temperature=0.07
        )
        assert round(loss.item(), 2) == cost


@given(seeds, st.integers(1, 4), st.integers(1, 9))
def test_the_order_of_negatives_is_irrelevant(seed, n, k):
    query, key, negatives = unit(seed, n, 4), unit(seed + 1, n, 4), unit(seed + 2, k, 4)
    keep = torch.rand(n, k, generator=torch.Generator().manual_seed(seed)) < 0.5
    order = torch.randperm(k, generator=torch.Generator().manual_seed(seed))
    before = anchor_losses(query, key, negatives, keep, temperature=0.07)
    after = anchor_losses(query, key, negatives[order], keep[:, order], temperature=0.07)
    torch.testing.assert_close(before, after, rtol=0, atol=1e-10)


def test_which_negatives_are_kept_is_not_irrelevant():
    query, key, negatives = unit(0, 3, 4), unit(1, 3, 4), unit(2, 6, 4)
    first, second = everything(3, 6), everything(3, 6)
    first[:, :3], second[:, 3:] = False, False
    one = anchor_losses(query, key, negatives, first, temperature=0.07)
    other = anchor_losses(query, key, negatives, second, temperature=0.07)
    assert not torch.isclose(one, other).any()


@given(seeds, st.integers(1, 4), st.integers(1, 9))
def test_it_is_cross_entropy_of_picking_the_positive(seed, n, k):
    query, key, negatives = unit(seed, n, 4), unit(seed + 1, n, 4), unit(seed + 2, k, 4)
    logits = torch.cat([(query * key).sum(1, keepdim=True), query @ negatives.T], dim=1) / 0.07
    expected = F.cross_entropy(logits, torch.zeros(n, dtype=torch.long), reduction="none")
    losses = anchor_losses(query, key, negatives, everything(n, k), temperature=0.07)
    torch.testing.assert_close(losses, expected, rtol=0, atol=1e-10)


@given(seeds, st.integers(2, 9))
def test_one_more_negative_costs_more(seed, k):
    query, key, negatives = unit(seed, 3, 4), unit(seed + 1, 3, 4), unit(seed + 2, k, 4)
    fewer = everything(3, k)
    fewer[:, -1] = False
    less = anchor_losses(query, key, negatives, fewer, temperature=0.5)
    assert (less < anchor_losses(query, key, negatives, everything(3, k), temperature=0.5)).all()


def test_a_smaller_temperature_punishes_a_hard_negative_more():
    query = unit(0, 1, 4)
    negatives, key = query, -query
    cold, warm = (
        anchor_losses(query, key, negatives, everything(1, 1), temperature=t).item()
        for t in (0.07, 0.7)
    )
    assert cold > warm


def test_an_anchor_without_negatives_has_loss_and_gradient_zero():
    query, key, negatives = unit(0, 3, 4).requires_grad_(), unit(1, 3, 4), unit(2, 5, 4)
    none = ~everything(3, 5)
    for losses in (
        anchor_losses(query, key, negatives, none, temperature=0.07),
        shared_positive_losses(query, key, negatives, none, temperature=0.07),
    ):
        (gradient,) = torch.autograd.grad(losses.sum(), query)
        assert losses.abs().max() < 1e-10
        assert gradient.abs().max() < 1e-10


def test_the_gradient_is_that_of_the_value():
    query, key, negatives = unit(0, 2, 3).requires_grad_(), unit(1, 2, 3), unit(2, 4, 3)
    keep = torch.tensor([[True, False, True, True], [False, False, True, False]])
    assert torch.autograd.gradcheck(
        lambda q: anchor_losses(q, key, negatives, keep, temperature=0.5), query
    )


def test_far_positives_of_another_level_cost_more_than_near_ones():
    query, negatives = unit(0, 2, 4), unit(1, 5, 4)
    near, far = (
        shared_positive_losses(query, p, negatives, everything(2, 5), temperature=0.07).mean()
        for p in (query[:1], -query[:1])
    )
    assert near < far


def test_low_quality_lesions_are_pushed_off_as_negatives_and_pulled_in_as_positives():
    query, key, low, healthy = (unit(seed, 1, 4) for seed in range(4))
    query.requires_grad_()
    keep = everything(1, 1)
    pushed = anchor_losses(query, key, low, keep, temperature=0.07)
    pulled = shared_positive_losses(query, low, healthy, keep, temperature=0.07)
    away, towards = (
        (torch.autograd.grad(loss.sum(), query)[0] @ (low - other).T).item()
        for loss, other in ((pushed, key), (pulled, healthy))
    )
    assert away > 0 > towards


def test_autocast_does_not_coarsen_similarities():
    query, key, negatives = unit(0, 4, 16).float(), unit(1, 4, 16).float(), unit(2, 8, 16).float()
    plain = anchor_losses(query, key, negatives, everything(4, 8), temperature=0.07)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = anchor_losses(query, key, negatives, everything(4, 8), temperature=0.07)
    assert torch.equal(plain, cast)
    assert similarities(query.bfloat16(), negatives.bfloat16()).dtype == torch.float32


def test_the_mean_is_over_all_anchors_not_the_selected_ones():
    losses = torch.tensor([2.0, 4.0])
    assert pair_loss(losses, torch.tensor([True, False])).item() == 1.0
    assert pair_loss(losses, torch.tensor([False, False])).item() == 0.0


def test_weights_and_losses_go_together():
    with pytest.raises(ValueError):
        total_loss([torch.tensor(1.0)], [1.0, 1.0])
