import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.degradations.kernels import (
    discrete_gaussian,
    odd,
    published_or_equivalent,
    truncated_gaussian,
)


def variance(weights: np.ndarray) -> float:
    offsets = np.arange(len(weights)) - len(weights) // 2
    return float((weights * offsets**2).sum())


@given(st.floats(0.01, 30))
def test_the_discrete_gaussian_has_the_variance_it_is_asked_for(sd):
    weights = discrete_gaussian(sd)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    # Cut at five standard deviations and two pixels: what is left out has 2e-5 of the variance.
    assert variance(weights) == pytest.approx(sd**2, rel=1e-4)


def test_no_blur_is_the_single_weight_one():
    assert discrete_gaussian(0).tolist() == [1]
    assert truncated_gaussian(0, 0).tolist() == [1]


@given(st.sampled_from([3, 5, 7]), st.floats(5, 15))
def test_the_published_kernel_is_used_only_on_its_own_size_and_strength(side, sigma):
    published = published_or_equivalent(side, sigma, 512, 512, 1.0)
    assert published.tolist() == truncated_gaussian(side // 2, sigma).tolist()
    elsewhere = published_or_equivalent(side, sigma, 512, 256, 1.0)
    assert variance(elsewhere) == pytest.approx(variance(published) / 4, rel=1e-4)
    stronger = published_or_equivalent(side, sigma, 512, 512, 3.0)
    assert variance(stronger) == pytest.approx(9 * variance(published), rel=1e-4)


def test_kernel_sides_are_made_odd_upwards():
    assert [odd(side) for side in (0, 1, 2, 3.9, 4)] == [1, 1, 3, 3, 5]
