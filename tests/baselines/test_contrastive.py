"""Momentum, queue, heads and InfoNCE against plain references."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from baselines.contrastive import Encoder, KeyQueue, MomentumPair, info_nce, projection_head

NETWORK: dict[str, Any] = {
    "backbone": "resnet10t",
    "backbone_options": {"channels": (8, 8, 16, 24)},
}
PATCHES = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def encoder(**options: Any) -> Encoder:
    torch.manual_seed(0)
    keywords: dict[str, Any] = NETWORK | {"out": 6} | options
    return Encoder(**keywords)


@given(st.integers(1, 9), st.lists(st.integers(0, 20), max_size=8))
def test_the_queue_holds_what_a_list_would(size, batches):
    queue, plain, number = KeyQueue(size, 1), [], 0
    for batch in batches:
        new = [float(number + i + 1) for i in range(batch)]
        number += batch
        queue.enqueue(torch.tensor(new).reshape(-1, 1))
        plain = (plain + new)[-size:]
        assert sorted(queue.keys().flatten().tolist()) == plain
        assert len(queue) == len(plain)


@given(st.integers(2, 9), st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_the_pointer_stands_at_the_oldest_key_of_a_full_queue(size, batches):
    queue = KeyQueue(size, 1)
    numbers = iter(range(1, 1000))
    for batch in batches:
        queue.enqueue(torch.tensor([[float(next(numbers))] for _ in range(batch)]))
    if len(queue) == size:
        in_order = queue.slots.flatten().roll(-int(queue.pointer)).tolist()
        assert in_order == sorted(in_order)


def test_an_empty_queue_has_no_keys():
    assert KeyQueue(5, 3).keys().shape == (0, 3)


def test_a_queue_survives_a_checkpoint_with_its_pointer():
    queue, restored = KeyQueue(3, 1), KeyQueue(3, 1)
    queue.enqueue(torch.tensor([[1.0], [2.0]]))
    restored.load_state_dict(queue.state_dict())
    for one in (queue, restored):
        one.enqueue(torch.tensor([[3.0], [4.0]]))
    assert torch.equal(queue.slots, restored.slots)
    assert restored.keys().flatten().tolist() == [4.0, 2.0, 3.0]


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.999, 1.0])
@pytest.mark.parametrize("steps", [1, 4])
def test_the_key_encoder_is_the_moving_average(momentum, steps):
    pair = MomentumPair(encoder(), momentum).double()
    averages = [p.detach().clone() for p in pair.key.parameters()]
    for _ in range(steps):
        for place, weight in enumerate(pair.query.parameters()):
            weight.data += 0.1
            averages[place] = momentum * averages[place] + (1 - momentum) * weight.data
        pair.update()
    for weight, average in zip(pair.key.parameters(), averages, strict=True):
        torch.testing.assert_close(weight.data, average, rtol=0, atol=1e-10)


def test_the_copy_starts_equal_and_takes_no_gradient():
    pair = MomentumPair(encoder())
    pairs = zip(pair.query.parameters(), pair.key.parameters(), strict=True)
    assert all(torch.equal(a, b) and a is not b for a, b in pairs)
    assert not any(weight.requires_grad for weight in pair.key.parameters())
    assert all(weight.requires_grad for weight in pair.query.parameters())


def test_batch_statistics_of_the_key_encoder_are_its_own():
    pair = MomentumPair(encoder(), 0.0)
    before = [b.clone() for b in pair.key.buffers()]
    pair.query(PATCHES)
    pair.update()
    assert all(map(torch.equal, before, pair.key.buffers()))


def test_embeddings_have_unit_length():
    torch.testing.assert_close(encoder()(PATCHES).norm(dim=1), torch.ones(4))


def test_heads_are_two_layers_one_or_none():
    layers = {
        kind: [tuple(p.shape) for p in projection_head(kind, 10, 4).parameters() if p.dim() == 2]
        for kind in ("mlp", "linear", "none")
    }
    assert layers == {"mlp": [(10, 10), (4, 10)], "linear": [(4, 10)], "none": []}


def test_without_a_head_the_embedding_is_the_feature():
    bare = encoder(head="none").eval()
    features = bare.trunk(PATCHES).mean(dim=(2, 3))
    assert bare.dimensions == 24
    torch.testing.assert_close(bare(PATCHES), F.normalize(features))


@given(st.integers(1, 5), st.integers(0, 30))
def test_all_alike_is_chance(batch, k):
    one = F.normalize(torch.ones(1, 4, dtype=torch.float64))
    losses = info_nce(one.expand(batch, 4), one.expand(batch, 4), one.expand(k, 4), temperature=0.2)
    assert losses.tolist() == pytest.approx([math.log(1 + k)] * batch, abs=1e-10)


def test_each_query_has_its_own_key():
    torch.manual_seed(0)
    query, negatives = F.normalize(torch.randn(4, 8)), F.normalize(torch.randn(9, 8))
    matched = info_nce(query, query, negatives, temperature=0.07)
    assert (matched < info_nce(query, query.roll(1, 0), negatives, temperature=0.07)).all()
