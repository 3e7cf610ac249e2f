import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.degradations.strength import blended, kept_weight, towards

shares = st.floats(0, 1)


@given(st.floats(0.05, 0.95), st.floats(0, 100), st.floats(0, 100))
def test_a_kept_weight_falls_from_one_through_the_published_and_never_to_nothing(
    published, strength, more
):
    strength, more = sorted((strength, more))
    assert kept_weight(published, 0) == 1
    assert kept_weight(published, 1) == pytest.approx(published)
    assert 0 < kept_weight(published, more) <= kept_weight(published, strength)


def test_a_blend_is_the_published_one_at_one_and_the_image_at_zero():
    image = np.linspace(0.1, 0.9, 27).reshape(3, 3, 3)
    for published in (0.6, 1.4):
        expected = np.clip(published * image + (1 - published) * 0.5, 0, 1)
        np.testing.assert_allclose(blended(image, 0.5, published, 1), expected, atol=1e-12)
        np.testing.assert_allclose(blended(image, 0.5, published, 0), image, atol=1e-12)


@pytest.mark.parametrize("strength", [0.5, 2, 10])
@pytest.mark.parametrize("published", [0.6, 1.2])
def test_a_blend_keeps_which_pixel_is_brighter_and_clips_no_more(published, strength):
    image = np.linspace(0.2, 0.8, 27).reshape(3, 3, 3)
    moved = blended(image, 0.5, published, strength)
    assert (np.diff(moved.ravel()) > 0).all()
    assert 0 < moved.min() < moved.max() < 1
    assert (np.ptp(moved) > np.ptp(image)) == (published > 1)


@given(shares, shares)
def test_towards_passes_through_image_and_published(image, published):
    image, published = np.array([image]), np.array([published])
    # Divisions of numbers up to 1: a few units in the last place.
    assert towards(image, published, 0) == pytest.approx(image, abs=1e-12)
    assert towards(image, published, 1) == published
    assert towards(image, published, 1 + 1e-9) == pytest.approx(published, abs=1e-8)


@given(st.floats(0.1, 1), st.floats(0.01, 1), st.floats(0, 10), st.floats(0, 10))
def test_more_strength_darkens_more_and_leaves_something(image, left, strength, more):
    strength, more = sorted((strength, more))
    pixel, published = np.array([image]), np.array([image * left])
    assert towards(pixel, published, more) <= towards(pixel, published, strength) + 1e-12
    assert towards(pixel, published, more) > 0


@given(shares, shares, st.floats(0, 10))
def test_brightening_mirrors_darkening(image, published, strength):
    image, published = np.array([image]), np.array([published])
    mirrored = 1 - towards(1 - image, 1 - published, strength)
    # 1 - (1 - x) is off by half a unit, 1e-16; where next to nothing is kept it is divided by that.
    assert towards(image, published, strength) == pytest.approx(mirrored, abs=1e-7)


def test_three_times_the_odds():
    """Published keeps a quarter, loses three: at 3 it loses nine for one, and keeps a tenth."""
    assert towards(np.array([0.8]), np.array([0.2]), 3) == pytest.approx(0.08)
