import numpy as np
import pytest

from bench.data.degradations.blur import Blur


@pytest.mark.parametrize("seed", range(4))
def test_blur_is_the_published_formula_on_its_own_size(field, convolve, seed):
    image, mask = field(512)
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(5, 15)
    sides = rng.integers(int(sigma / 3), int(sigma / 2) + 1, size=2)
    expected = convolve(image, *(int(side) + (int(side) % 2 == 0) for side in sides), sigma)
    blurred = Blur.draw(np.random.default_rng(seed))(image, mask)
    np.testing.assert_allclose(blurred, expected, atol=1e-10, rtol=0)


def test_side_one_is_no_blur_at_any_strength_or_size(field):
    for size in (64, 512):
        image, mask = field(size)
        for strength in (1, 5):
            assert (Blur(1, 1, 5.5)(image, mask, strength) == image).all()
            assert (Blur(1, 3, 5.5)(image, mask, strength) != image).any()


def test_sides_are_the_published_odd_ones():
    rng = np.random.default_rng(0)
    drawn = [Blur.draw(rng) for _ in range(400)]
    assert {blur.side_x for blur in drawn} == {blur.side_y for blur in drawn} == {1, 3, 5, 7}
    assert all(5 <= blur.sigma_px <= 15 for blur in drawn)
    assert all(blur.side_x > 1 for blur in drawn if blur.sigma_px >= 6)


@pytest.mark.parametrize("size", [64, 256, 512])
@pytest.mark.parametrize("strength", [0.5, 2, 6])
def test_a_point_spreads_by_strength_times_the_published_share(size, strength):
    point = np.zeros((size, size, 3))
    point[size // 2, size // 2] = 1
    blur = Blur(7, 3, 9.0)
    spread = blur(point, np.ones((size, size), bool), strength)[..., 0]
    offsets = np.arange(size) - size // 2
    sd_x, sd_y = (np.sqrt((spread.sum(axis=axis) * offsets**2).sum()) for axis in (0, 1))
    weights = [np.exp(-(np.arange(-h, h + 1) ** 2) / 162) for h in (3, 1)]
    published = [
        np.sqrt((w * np.arange(-(len(w) // 2), len(w) // 2 + 1) ** 2).sum() / w.sum())
        for w in weights
    ]
    # The kernel is cut at five standard deviations: 1e-5 of the spread.
    expected = np.array(published) * strength * size / 512
    np.testing.assert_allclose([sd_x, sd_y], expected, rtol=1e-4)


def test_the_file_for_1024_blurs_half_as_much(field):
    image, mask = field(256)
    drawn = [Blur(7, 5, 12.0, grid_px) for grid_px in (512, 1024)]
    full, half = (np.abs(blur(image, mask) - image)[mask].mean() for blur in drawn)
    assert half < 0.5 * full
