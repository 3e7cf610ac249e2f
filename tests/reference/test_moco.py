"""MoCo's loss against loops over queries and keys, in float64, from Algorithm 1."""

import math

import pytest
import torch
import torch.nn.functional as F
from small_contrast import NETWORK, batch_of
from torch import Tensor

from baselines.moco import MoCo

EXACT = 1e-10  # float64 rounds at 1e-16; a sum of some hundred exponentials stays far under this


def slow_loss(queries: Tensor, keys: Tensor, queue: Tensor, tau: float) -> float:
    """The mean over queries of -log(exp(q.k / tau) / (exp(q.k / tau) + sum_K exp(q.k_j / tau)))."""
    losses = []
    for q, k in zip(queries.tolist(), keys.tolist(), strict=True):
        rows = [k, *queue.tolist()]
        terms = [math.exp(sum(a * b for a, b in zip(q, row, strict=True)) / tau) for row in rows]
        losses.append(-math.log(terms[0] / sum(terms)))
    return sum(losses) / len(losses)


def model_of(**options) -> MoCo:
    torch.manual_seed(0)
    model = MoCo(**NETWORK, queue_size=10, embedding_size=8, **options).double()
    for weight in model.encoders.key.parameters():  # so that the encoders are not one
        weight.data = 1.1 * weight.data + 0.01
    generator = torch.Generator().manual_seed(1)
    keys = torch.randn(7, 8, generator=generator, dtype=torch.float64)
    model.queue.enqueue(F.normalize(keys))
    return model


@pytest.mark.parametrize("tau", [0.07, 0.2])
def test_the_loss_is_the_loop(tau):
    model, batch = model_of(temperature=tau), batch_of([0] * 6, dtype=torch.float64)
    with torch.no_grad():  # batch statistics do not depend on the running ones
        queries, keys = model.encoders.query(batch["query"]), model.encoders.key(batch["key"])
    loss, logs = model.loss(batch, step=0, total_steps=1)
    expected = slow_loss(queries, keys, model.queue.keys(), tau)
    assert loss.item() == pytest.approx(expected, abs=EXACT)
    assert float(logs["relative"]) == pytest.approx(expected / math.log(8), abs=EXACT)


def test_groups_are_devices_each_with_its_own_pass():
    """Two devices: queries as they come, keys dealt out by the permutation that was drawn."""
    model, batch = model_of(groups=2, temperature=0.2), batch_of([0] * 6, dtype=torch.float64)
    torch.manual_seed(3)
    deal = torch.randperm(6).tolist()
    with torch.no_grad():
        queries = [
            *model.encoders.query(batch["query"][:3]),
            *model.encoders.query(batch["query"][3:]),
        ]
        keys = [torch.empty(0)] * 6
        for device in (deal[:3], deal[3:]):
            for place, key in zip(device, model.encoders.key(batch["key"][device]), strict=True):
                keys[place] = key
    torch.manual_seed(3)
    loss, _ = model.loss(batch, step=0, total_steps=1)
    expected = slow_loss(torch.stack(queries), torch.stack(keys), model.queue.keys(), 0.2)
    assert loss.item() == pytest.approx(expected, abs=EXACT)


def test_steps_are_those_of_algorithm_1():
    """Algorithm 1: the key encoder moves, then encodes; its keys are enqueued after the loss."""
    momentum, tau, lr = 0.7, 0.2, 0.05
    model = MoCo(**NETWORK, queue_size=10, embedding_size=8, momentum=momentum, temperature=tau)
    model = model.double()
    torch.manual_seed(0)
    plain = MoCo(**NETWORK, queue_size=10, embedding_size=8).double()
    plain.load_state_dict(model.state_dict())
    query, key, queue = plain.encoders.query, plain.encoders.key, torch.empty(0, 8)
    ours, theirs = (torch.optim.SGD(m.encoders.query.parameters(), lr) for m in (model, plain))
    for step in range(4):
        batch = batch_of([0] * 4, seed=step, dtype=torch.float64)
        ours.zero_grad()
        loss, _ = model.loss(batch, step=step, total_steps=4)
        loss.backward()
        ours.step()
        model.after_step()

        with torch.no_grad():
            for slow, fast in zip(key.parameters(), query.parameters(), strict=True):
                slow.copy_(momentum * slow + (1 - momentum) * fast)
            keys = key(batch["key"])
        q = query(batch["query"])
        logits = torch.cat([(q * keys).sum(1, keepdim=True), q @ queue.to(q).T], dim=1) / tau
        theirs.zero_grad()
        expected = F.cross_entropy(logits, torch.zeros(4, dtype=torch.long))
        expected.backward()
        theirs.step()
        queue = torch.cat([queue.to(keys), keys])[-10:]
        assert loss.item() == pytest.approx(expected.item(), abs=EXACT)
