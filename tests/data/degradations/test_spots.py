import math

import numpy as np
import pytest

from bench.data.degradations.spots import Spot, draw_spots


def published_spot(rng, image, convolve):
    """On the whole frame, with the draws in the order of `Spot.draw`.

    Source: docs/reference/degradations.md#light-transmission-spots-and-blur.
    """
    size = len(image)
    r = int(rng.integers(math.ceil(0.01 * size), int(0.05 * size) + 1))
    x, y = (int(rng.integers(r + 1, size - r)) for _ in "xy")
    k, beta, d = 0.56 + (1 - r / 25), 0.5 + r / 25, 0.3 * r / 25
    sigma = 2 * (5 + 20 * r / 25)
    width, height = rng.integers(int(sigma / 5), int(sigma / 4) + 1, size=2)
    rows, columns = np.ogrid[:size, :size]
    disc = np.sqrt((columns - x) ** 2 + (rows - y) ** 2) <= int(r / 2)
    sides = [int(side) + (int(side) % 2 == 0) for side in (width, height)]
    spot = convolve(disc * k * (1 - math.exp(-beta * d)), *sides, sigma)
    return np.clip(image + spot[..., None], 0, 1)


@pytest.mark.parametrize(("size", "seeds"), [(512, range(12)), (1024, range(3))])
def test_a_spot_is_the_published_formula(field, convolve, size, seeds):
    image, mask = field(size)
    for seed in seeds:
        spot = Spot.draw(np.random.default_rng(seed), size)
        expected = published_spot(np.random.default_rng(seed), image, convolve)
        np.testing.assert_allclose(spot(image, mask), expected, atol=1e-10, rtol=0)
        assert np.abs(expected - image).max() > 0.01


@pytest.mark.parametrize("size", [32, 96, 256, 384])
def test_a_smaller_image_gets_the_average_over_its_pixels(field, size):
    """Shrinking the spot drawn at 512 by areas gives the spot drawn at the smaller size."""
    black, mask = np.zeros((512, 512, 3)), np.ones((512, 512), bool)
    share = 512 / size
    for seed in range(5):
        spot = Spot.draw(np.random.default_rng(seed))
        large, small = spot(black, mask), spot(np.zeros((size, size, 3)), mask[:size, :size])
        for row, column in zip(*np.nonzero(small[..., 0]), strict=True):
            expected = _mean(large[..., 0], row * share, column * share, share)
            assert small[row, column, 0] == pytest.approx(expected, abs=1e-10)
        assert small.sum() == pytest.approx(large.sum() / share**2, rel=1e-9)


def _mean(plane: np.ndarray, top: float, left: float, side: float) -> float:
    """The mean over a square with fractional edges, cell by cell."""
    total = 0.0
    for row in range(int(top), min(math.ceil(top + side), len(plane))):
        high = min(row + 1, top + side) - max(row, top)
        for column in range(int(left), min(math.ceil(left + side), len(plane))):
            wide = min(column + 1, left + side) - max(column, left)
            total += high * wide * plane[row, column]
    return total / side**2


def test_spots_are_bright_at_512():
    rng = np.random.default_rng(0)
    lights = [spot.light for _ in range(100) for spot in draw_spots(rng)]
    assert 0.06 < min(lights) < max(lights) < 0.22


def test_spots_can_be_dark_at_1024():
    rng = np.random.default_rng(0)
    lights = [spot.light for _ in range(200) for spot in draw_spots(rng, 1024)]
    assert min(lights) == pytest.approx(-0.38, abs=0.01)
    assert max(lights) > 0.2


def test_there_are_five_to_ten_spots_inside_the_square():
    rng = np.random.default_rng(0)
    drawn = [draw_spots(rng) for _ in range(200)]
    assert {len(spots) for spots in drawn} == set(range(5, 11))
    radii = [spot.radius * 512 for spots in drawn for spot in spots]
    assert set(radii) == {int(r / 2) for r in range(6, 26)}
    assert all(0 < spot.x < 1 and 0 < spot.y < 1 for spots in drawn for spot in spots)


def test_strength_multiplies_the_light(field):
    image, mask = field(512)
    spot = Spot.draw(np.random.default_rng(1))
    once, thrice = (spot(0.2 * image, mask, strength) - 0.2 * image for strength in (1, 3))
    np.testing.assert_allclose(thrice, 3 * once, atol=1e-12)
    assert once.max() > 0.05
