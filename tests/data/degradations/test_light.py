import math

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from bench.data.degradations.light import GFE_FACTORS, HALO_COLOURS, Colour, Halo, Hole

SEEDS = range(3)


def test_colour_is_brightness_then_contrast_then_saturation(field):
    image, mask = field(64)
    colour = Colour(1.2, 0.7, 1.4)
    x = np.clip(1.2 * image, 0, 1)
    grey = 0.299 * x[..., 0] + 0.587 * x[..., 1] + 0.114 * x[..., 2]
    x = np.clip(0.7 * x + 0.3 * grey.mean(), 0, 1)
    grey = 0.299 * x[..., 0] + 0.587 * x[..., 1] + 0.114 * x[..., 2]
    x = np.clip(1.4 * x - 0.4 * grey[..., None], 0, 1)
    np.testing.assert_allclose(colour(image, mask), x, atol=1e-10, rtol=0)


@pytest.mark.parametrize("seed", SEEDS)
def test_colour_is_what_the_released_code_asks_of_pil(photograph, seed):
    image, mask = photograph
    colour = Colour.draw(np.random.default_rng(seed))
    picture = ImageEnhance.Brightness(Image.fromarray(image)).enhance(colour.brightness)
    picture = ImageEnhance.Contrast(picture).enhance(colour.contrast)
    picture = ImageEnhance.Color(picture).enhance(colour.saturation)
    # PIL works in whole levels: each of three steps and two greys is off by up to one, times 1.4.
    assert np.abs(colour(image / 255, mask) * 255 - np.asarray(picture)).max() < 5


def test_colour_draws_fill_the_published_ranges():
    rng = np.random.default_rng(0)
    draws = np.array([list(vars(Colour.draw(rng)).values()) for _ in range(500)])
    # Of 500 uniform draws, the smallest is within 2 % of the range with probability 1 - 4e-5.
    np.testing.assert_allclose(draws.min(axis=0), [0.7, 0.6, 0.6], atol=0.016)
    np.testing.assert_allclose(draws.max(axis=0), [1.2, 1.4, 1.4], atol=0.016)
    assert (draws.min(axis=0) >= [0.7, 0.6, 0.6]).all()
    wide = np.array([list(vars(Colour.draw(rng, GFE_FACTORS)).values()) for _ in range(500)])
    assert (wide.min(axis=0) < [0.7, 0.6, 0.6]).all()


def published_halo(rng, image, convolve):
    """In whole pixels, with the draws in the order of `Halo.draw`.

    Source: docs/reference/degradations.md#light-transmission-spots-and-blur.
    """
    size = len(image)
    tint = np.array(HALO_COLOURS[int(rng.integers(1, 3))]) / 255
    x, y = (int(rng.integers(size // 2 - size // 8, size // 2 + size // 8 + 1)) for _ in "xy")
    d_a = size * rng.uniform(0.75, 1.0)
    reach = 2 * int(math.sqrt(max(x, size - x) ** 2 + max(y, size - y) ** 2)) / size
    d_b = size * rng.uniform(1.0, reach) + abs(max(x - size / 2, y - size / 2) + size / 2)
    rows, columns = np.ogrid[:size, :size]
    distance = np.sqrt((columns - x) ** 2 + (rows - y) ** 2)
    inner, outer = (np.where(distance <= int(d / 2), image.mean(), 0.0) for d in (d_a, d_b))
    k = int(abs(2 * max(x, size - x, y, size - y) - d_a))
    sigma, k = 2 / 3 * k, k + 1 if k % 2 == 0 else k
    ring = convolve(np.abs(inner - outer), k, k, sigma)
    return np.clip(image + ring[..., None] * tint, 0, 1)


@pytest.mark.parametrize(("size", "seed"), [(64, 0), (64, 1), (64, 2), (512, 3)])
def test_halo_is_the_published_formula(field, convolve, size, seed):
    image, mask = field(size)
    halo = Halo.draw(np.random.default_rng(seed), size)
    expected = published_halo(np.random.default_rng(seed), image, convolve)
    np.testing.assert_allclose(halo(image, mask), expected, atol=1e-10, rtol=0)


def test_white_halos_never_occur_and_the_others_do():
    rng = np.random.default_rng(0)
    assert {Halo.draw(rng).colour for _ in range(100)} == {1, 2}


@pytest.mark.parametrize("grid_px", [512, 1024])
def test_halo_draws_are_the_same_shares_at_both_sizes(grid_px):
    rng = np.random.default_rng(0)
    halos = [Halo.draw(rng, grid_px) for _ in range(300)]
    assert all(0.375 <= halo.x <= 0.627 and 0.375 <= halo.y <= 0.627 for halo in halos)
    assert all(0.374 <= halo.inner <= 0.5 < 0.68 < halo.outer for halo in halos)
    # Half of a kernel of |2 far - inner diameter|, far up to 5/8.
    assert all(0 <= halo.reach <= 0.251 for halo in halos)
    assert max(halo.reach for halo in halos) > 0.2


def published_hole(rng, image, mask, convolve):
    """In whole pixels, with the draws in the order of `Hole.draw`.

    Source: docs/reference/degradations.md#light-transmission-spots-and-blur.
    """
    size = len(image)
    d = int(rng.integers(int(0.4 * size), int(0.7 * size) + 1))
    x, y = int(rng.integers(size // 4, size * 3 // 4 + 1)), 0
    y = int(rng.integers(size * 3 // 8, size * 5 // 8 + 1))
    c = image.sum() / (3 * mask.sum())
    base, weight = rng.uniform(-0.262, -0.26), rng.uniform(0.05, 0.06)
    f = base - weight * c if c > 0.25 else 0.0
    width, height = rng.integers(int(0.55 * d), int(0.75 * d) + 1, size=2)
    rows, columns = np.ogrid[:size, :size]
    disc = np.sqrt((columns - x) ** 2 + (rows - y) ** 2) <= int(d / 2)
    sides = [int(side) + (int(side) % 2 == 0) for side in (width, height)]
    soft = convolve(disc.astype(float), *sides, 0.8 * max(width, height))
    return np.clip(image + f * soft[..., None], 0, 1)


@pytest.mark.parametrize(("size", "seed"), [(64, 0), (64, 1), (64, 2), (512, 3)])
def test_hole_is_the_published_formula(field, convolve, size, seed):
    image, mask = field(size)
    hole = Hole.draw(np.random.default_rng(seed), size)
    expected = published_hole(np.random.default_rng(seed), image, mask, convolve)
    np.testing.assert_allclose(hole(image, mask), expected, atol=1e-10, rtol=0)
    assert np.abs(expected - image).max() > 0.1


def test_a_dark_field_gets_no_hole(field):
    image, mask = field(64)
    hole = Hole.draw(np.random.default_rng(0), 64)
    assert (hole(0.5 * image, mask) == 0.5 * image).all()
    assert (hole(image, mask) != image).any()


def test_hole_draws_stay_in_the_published_ranges():
    rng = np.random.default_rng(0)
    holes = [Hole.draw(rng) for _ in range(300)]
    assert all(0.198 <= hole.radius <= 0.35 for hole in holes)
    assert all(0.25 <= hole.x <= 0.752 and 0.375 <= hole.y <= 0.627 for hole in holes)
    assert all(-0.262 <= hole.depth <= -0.26 for hole in holes)
    assert all(0.05 <= hole.per_colour <= 0.06 for hole in holes)


@pytest.mark.parametrize("piece", [Colour, Halo, Hole])
@pytest.mark.parametrize("strength", [0.5, 1, 3])
def test_light_at_half_the_size_is_the_same_light(field, piece, strength):
    """The smooth pieces commute with shrinking, up to the edges of discs and rounded kernels."""
    image, mask = field(256)
    small = image.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))
    small_mask = field(128)[1]
    drawn = piece.draw(np.random.default_rng(2))
    large = drawn(image, mask, strength).reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))
    # Half a pixel of a kernel of tens and the rim's mixed pixels: under a level of 255 on average.
    assert np.abs(large - drawn(small, small_mask, strength))[small_mask].mean() < 1 / 255
