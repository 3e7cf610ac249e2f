"""NT-Xent against a double loop over views, in float64.

From the formula of docs/reference/methods.md#lesion-base-cl.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_contrast import NETWORK, batch_of
from torch import Tensor

from baselines.lesion_base_cl import LesionBaseCL, nt_xent

EXACT = 1e-10  # float64 rounds at 1e-16; a sum of some hundred exponentials stays far under this


def unit(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(drawn, dim=-1)


def slow_nt_xent(first: Tensor, second: Tensor, tau: float) -> list[float]:
    """l_i = -log(exp(z_i.z_j / tau) / sum over a != i of exp(z_i.z_a / tau)), j the partner."""
    z = [*first.tolist(), *second.tolist()]
    count = len(z)

    def weight(i: int, a: int) -> float:
        return math.exp(sum(x * y for x, y in zip(z[i], z[a], strict=True)) / tau)

    return [
        -math.log(
            weight(i, (i + count // 2) % count) / sum(weight(i, a) for a in range(count) if a != i)
        )
        for i in range(count)
    ]


@given(st.integers(0, 2**31), st.integers(1, 6), st.sampled_from([0.07, 0.5, 1.0]))
def test_nt_xent_is_the_double_loop(seed, patches, tau):
    first, second = unit(seed, patches, 4), unit(seed + 1, patches, 4)
    losses = nt_xent(first, second, temperature=tau)
    assert losses.tolist() == pytest.approx(slow_nt_xent(first, second, tau), abs=EXACT)


def test_the_network_averages_over_all_views():
    torch.manual_seed(0)
    model = LesionBaseCL(**NETWORK, embedding_size=8, temperature=0.2).double()
    batch = batch_of([0] * 5, dtype=torch.float64)
    with torch.no_grad():  # batch statistics do not depend on the running ones
        views = model.encoder(torch.cat([batch["query"], batch["key"]]))
    expected = slow_nt_xent(views[:5], views[5:], 0.2)
    loss, logs = model.loss(batch, step=0, total_steps=1)
    assert loss.item() == pytest.approx(sum(expected) / 10, abs=EXACT)
    assert float(logs["relative"]) == pytest.approx(sum(expected) / 10 / math.log(9), abs=EXACT)


@given(st.integers(0, 2**31))
def test_gradients_are_those_of_finite_differences(seed):
    first, second = unit(seed, 3, 4).requires_grad_(), unit(seed + 1, 3, 4)
    assert torch.autograd.gradcheck(lambda views: nt_xent(views, second, temperature=0.5), first)
