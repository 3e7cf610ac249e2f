"""The equations against loops that follow the paper's text symbol by symbol, in float64.

Every reference below is written from section 2 of the paper alone, on lists and `math`.
"""

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from baselines.contrastive import info_nce
from comcl import mining
from comcl.loss import (
    anchor_losses,
    pair_loss,
    shared_positive_losses,
    similarities,
    total_loss,
)
from comcl.model import CoMCL
from comcl.views import LEVELS, Pair, pairs_for

EXACT = 1e-10  # float64 rounds at 1e-16; a sum of some hundred exponentials stays far under this
seeds = st.integers(0, 2**31)


def unit(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(
        torch.randn(*shape, generator=generator, dtype=torch.float64), dim=-1
    )


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def slow_similarities(anchors: Tensor, others: Tensor) -> list[list[float]]:
    return [[dot(a, o) for o in others.tolist()] for a in anchors.tolist()]


def slow_eq_1(query: Tensor, key: Tensor, negatives: Tensor, keep: Tensor, tau: float):
    """One -log(...) an anchor i, with a loop over k in the denominator."""
    losses = []
    for e_i, e_tilde_i, kept in zip(query.tolist(), key.tolist(), keep.tolist(), strict=True):
        numerator = math.exp(dot(e_i, e_tilde_i) / tau)
        denominator = numerator
        for e_k, is_kept in zip(negatives.tolist(), kept, strict=True):
            if is_kept:
                denominator += math.exp(dot(e_i, e_k) / tau)
        losses.append(-math.log(numerator / denominator))
    return losses


def slow_eq_2(similarities: list[list[float]], k_t: int) -> list[list[bool]]:
    """Sort each row and keep what is at least as similar as the K_t-th."""
    kept = []
    for row in similarities:
        threshold = sorted(row, reverse=True)[k_t - 1] if k_t else math.inf
        kept.append([similarity >= threshold for similarity in row])
    return kept


def slow_eq_3(losses: list[float], k_t: int) -> tuple[bool, ...]:
    """The s that minimises sum_i s_i loss_i - (1 / K_t) sum_i s_i, out of all 2^N."""

    def objective(s: tuple[bool, ...]) -> float:
        return sum(s_i * l_i for s_i, l_i in zip(s, losses, strict=True)) - sum(s) / k_t

    return min(itertools.product((False, True), repeat=len(losses)), key=objective)


@given(seeds, st.integers(1, 5), st.integers(0, 9), st.sampled_from([0.07, 0.5, 1.0]))
def test_eq_1_is_the_triple_loop(seed, n, k, tau):
    query, key, negatives = unit(seed, n, 4), unit(seed + 1, n, 4), unit(seed + 2, k, 4)
    keep = torch.rand(n, k, generator=torch.Generator().manual_seed(seed)) < 0.6
    losses = anchor_losses(query, key, negatives, keep, temperature=tau)
    assert losses.tolist() == pytest.approx(slow_eq_1(query, key, negatives, keep, tau), abs=EXACT)


@given(seeds, st.integers(1, 5), st.integers(1, 4), st.integers(1, 9))
def test_shared_positives_are_eq_1_averaged_over_them(seed, n, p, k):
    query, positives, negatives = unit(seed, n, 4), unit(seed + 1, p, 4), unit(seed + 2, k, 4)
    keep = torch.rand(n, k, generator=torch.Generator().manual_seed(seed)) < 0.6
    losses = shared_positive_losses(query, positives, negatives, keep, temperature=0.07)
    one_by_one = [
        slow_eq_1(query, positive.expand(n, 4), negatives, keep, 0.07) for positive in positives
    ]
    means = [sum(column) / p for column in zip(*one_by_one, strict=True)]
    assert losses.tolist() == pytest.approx(means, abs=EXACT)


@given(seeds, st.integers(1, 5), st.integers(1, 9))
def test_info_nce_is_the_triple_loop(seed, n, k):
    query, key, negatives = unit(seed, n, 4), unit(seed + 1, n, 4), unit(seed + 2, k, 4)
    everything = torch.ones(n, k, dtype=torch.bool)
    losses = info_nce(query, key, negatives, temperature=0.07)
    expected = slow_eq_1(query, key, negatives, everything, 0.07)
    assert losses.tolist() == pytest.approx(expected, abs=EXACT)


@given(seeds, st.integers(1, 5), st.integers(1, 12), st.data())
def test_eq_2_is_a_sort_of_each_row(seed, n, k, data):
    count = data.draw(st.integers(0, k))
    table = similarities(unit(seed, n, 4), unit(seed + 1, k, 4))
    assert mining.hardest_by_row(table, count).tolist() == slow_eq_2(table.tolist(), count)


@given(st.integers(0, 10_000), st.integers(1, 2_000), st.data())
def test_k_t_is_the_printed_formula(delta, total, data):
    t = data.draw(st.integers(0, total))
    printed = math.floor(delta * math.cos(math.pi * t / (2 * total)))
    # The two orders of multiplication may differ in the last bit, hence by one at a whole number.
    assert abs(mining.hard_negative_count(delta, t, total) - printed) <= 1
    distance = abs(delta * math.cos(math.pi * t / (2 * total)) - printed - 0.5)
    if distance < 0.49:
        assert mining.hard_negative_count(delta, t, total) == printed


@given(st.lists(st.floats(0, 2), min_size=1, max_size=8, unique=True), st.integers(1, 8))
def test_the_literal_rule_minimises_eq_3(losses, k_t):
    selected = mining.literal(torch.tensor(losses, dtype=torch.float64), mining.Pace(k_t, 0.5))
    bound = 1 / k_t
    if all(abs(one - bound) > 1e-9 for one in losses):  # at the bound both choices cost the same
        assert tuple(selected.tolist()) == slow_eq_3(losses, k_t)


def slow_loss(
    model: CoMCL, query: Tensor, keys: Tensor, levels: list[str], pair: Pair, t: int, total: int
) -> float:
    """Eq. 1 to 3 for one pair, from embeddings and queues, with the default switches."""
    rows = [i for i, level in enumerate(levels) if level in pair.anchors]
    negatives = torch.cat([model.queue(level).keys() for level in pair.negatives])
    k_t = max(1, math.floor(len(negatives) * math.cos(math.pi * t / (2 * total))))
    keep = slow_eq_2(slow_similarities(query[rows], negatives), k_t)
    losses = slow_eq_1(query[rows], keys[rows], negatives, torch.tensor(keep), model.temperature)
    admitted = sorted(losses)[: math.ceil((0.5 + 0.5 * t / total) * len(losses))]
    return sum(admitted) / len(losses)


def tiny(**options: Any) -> CoMCL:
    torch.manual_seed(0)
    network: dict[str, Any] = {
        "backbone": "resnet10t",
        "backbone_options": {"channels": (8, 16, 24, 32)},
    }
    return CoMCL(**network, queue_size=10, embedding_size=8, **options).double()


def filled(model: CoMCL) -> CoMCL:
    """With keys in the queues, and a key encoder that is no longer the query encoder."""
    for weight in model.encoders.key.parameters():
        weight.data *= 1.1
        weight.data += 0.01
    for place, level in enumerate(LEVELS):
        model.queue(level).enqueue(unit(place, 7 + place, 8))
    return model


def embedded_batch(model: CoMCL) -> tuple[dict[str, Tensor], Tensor, Tensor, list[str]]:
    """A batch of noise, its embeddings by both encoders, and the names of its levels."""
    generator = torch.Generator().manual_seed(1)
    query, key = torch.randn(2, 14, 3, 32, 32, dtype=torch.float64, generator=generator)
    codes = torch.arange(14) % 4
    with torch.no_grad():  # batch statistics do not depend on the running ones
        embedded, keys = model.encoders.query(query), model.encoders.key(key)
    batch = {"query": query, "key": key, "levels": codes}
    return batch, embedded, keys, [LEVELS[code] for code in codes]


@pytest.mark.parametrize("variant", ["comcl", "comcl-no-multilevel", "comcl-v2"])
@pytest.mark.parametrize("t", [0, 4, 9])
def test_the_model_adds_the_pairs_up_as_the_loops_do(variant, t):
    weights = (1.0, 0.5, 2.0)
    model = filled(tiny(pairs=pairs_for(variant, loss_weights=weights)))
    batch, embedded, keys, levels = embedded_batch(model)
    expected = sum(
        pair.weight * slow_loss(model, embedded, keys, levels, pair, t, 10) for pair in model.pairs
    )
    loss, _ = model.loss(batch, step=t, total_steps=10)
    assert loss.item() == pytest.approx(expected, abs=EXACT)


def slow_own_level_loss(
    model: CoMCL,
    query: Tensor,
    keys: Tensor,
    levels: list[str],
    pair: Pair,
    t: int,
    total: int,
    *,
    from_queue: bool,
) -> float:
    """As `slow_loss`, where an anchor also meets each key of its own level that is not its own."""
    losses = []
    for i, level in enumerate(levels):
        if level not in pair.anchors:
            continue
        met = []
        for name in (*pair.anchors, *pair.negatives):
            if from_queue and len(model.queue(name)):
                met += model.queue(name).keys().tolist()
            else:
                met += [keys[k].tolist() for k in range(len(keys)) if levels[k] == name and k != i]
        hardest = sorted((dot(query[i].tolist(), e_k) for e_k in met), reverse=True)
        k_t = max(1, math.floor(len(met) * math.cos(math.pi * t / (2 * total))))
        numerator = math.exp(dot(query[i].tolist(), keys[i].tolist()) / model.temperature)
        rivals = sum(math.exp(s / model.temperature) for s in hardest[:k_t])
        losses.append(-math.log(numerator / (numerator + rivals)))
    admitted = sorted(losses)[: math.ceil((0.5 + 0.5 * t / total) * len(losses))]
    return sum(admitted) / len(losses)


@pytest.mark.parametrize("variant", ["comcl", "comcl-no-multilevel"])
@pytest.mark.parametrize("queues", ["full", "empty", "off"])
@pytest.mark.parametrize("t", [0, 4, 9])
def test_own_level_negatives_are_all_others_of_the_level_and_never_the_anchor_s_own(
    variant, queues, t
):
    """From queues, from the batch before there is a key, and from the batch always (D6)."""
    source = "batch" if queues == "off" else "queue"
    model = tiny(pairs=pairs_for(variant), own_level_negatives="yes", negatives=source)
    model = model if queues == "empty" else filled(model)
    batch, embedded, keys, levels = embedded_batch(model)
    expected = sum(
        slow_own_level_loss(
            model, embedded, keys, levels, pair, t, 10, from_queue=source == "queue"
        )
        for pair in model.pairs
    )
    loss, _ = model.loss(batch, step=t, total_steps=10)
    assert loss.item() == pytest.approx(expected, abs=EXACT)


def test_the_total_is_the_weighted_sum_of_means():
    losses = torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64)
    selected = torch.tensor([False, True, True])
    one = pair_loss(losses, selected)
    assert one.item() == pytest.approx((1 + 2) / 3, abs=EXACT)
    assert total_loss([one, 2 * one], [1.0, 0.25]).item() == pytest.approx(1.5, abs=EXACT)
