import numpy as np
import pytest

from bench.data.degradations.cataract import SMOOTHING, Cataract

WEIGHTS = np.array(
    [[1, 4, 7, 4, 1], [4, 16, 26, 16, 4], [7, 26, 41, 26, 7], [4, 16, 26, 16, 4], [1, 4, 7, 4, 1]]
)


def test_the_smoothing_kernel_is_the_published_one():
    np.testing.assert_array_equal(SMOOTHING, WEIGHTS / 273)


def published_cataract(cataract, image, mask, convolve):
    """On its own size, in the order of the released code, without whole levels.

    Source: docs/reference/degradations.md#cataract-haze.
    """
    size = len(image)
    row, column = int(cataract.y * size), int(cataract.x * size)
    rows, columns = np.ogrid[:size, :size]
    distance = np.pad(np.hypot(rows - row, columns - column), 2, mode="symmetric")
    smooth = sum(
        WEIGHTS[i, j] / 273 * distance[i : i + size, j : j + size]
        for i in range(5)
        for j in range(5)
    )
    veil = smooth * mask / (smooth * mask).max()
    blurred = convolve(image, cataract.side, cataract.side, cataract.sigma_px)
    y = 0.8 * blurred + cataract.veil * veil[..., None] * (blurred.max(axis=(0, 1)) - blurred)
    y = np.minimum(y, 1)
    luma = np.array([0.114, 0.587, 0.299])  # blue, green, red swapped: a BGR array read as RGB
    y = np.clip(cataract.contrast * y + (1 - cataract.contrast) * (y @ luma).mean(), 0, 1)
    y = np.clip(cataract.brightness * y, 0, 1)
    grey = (y @ luma)[..., None]
    y = np.clip(cataract.saturation * y + (1 - cataract.saturation) * grey, 0, 1)
    return y * mask[..., None]


@pytest.mark.parametrize("seed", range(4))
def test_cataract_is_the_published_formula_on_its_own_size(field, convolve, seed):
    image, mask = field(512)
    cataract = Cataract.draw(np.random.default_rng(seed))
    expected = published_cataract(cataract, image, mask, convolve)
    np.testing.assert_allclose(cataract(image, mask), expected, atol=1e-10, rtol=0)


def test_cataract_draws_stay_in_the_published_ranges():
    rng = np.random.default_rng(0)
    drawn = [Cataract.draw(rng) for _ in range(300)]
    assert {cataract.side for cataract in drawn} == {1, 3, 5, 7}
    assert {cataract.sigma_px for cataract in drawn} == set(range(10, 31))
    assert all(0.2 <= c.x <= 0.801 and 0.2 <= c.y <= 0.801 for c in drawn)
    assert all(0.6 <= c.veil <= 0.8 and 0.9 <= c.brightness <= 1 for c in drawn)
    assert all(0.9 <= c.contrast <= 1.3 and 0.9 <= c.saturation <= 1.3 for c in drawn)


@pytest.mark.parametrize("strength", [0.3, 1, 3, 10])
def test_the_veil_thickens_away_from_the_clearest_point(field, strength):
    """A black photograph with one white pixel shows the veil alone."""
    mask = field(129)[1]
    image = np.zeros((129, 129, 3))
    image[64, 10] = 1
    veil = Cataract(64.5 / 129, 64.5 / 129, 0.7, 1, 10.0, 1.0, 1.0, 1.0)(image, mask, strength)
    along = veil[64, 66:126, 1]
    assert (np.diff(along) > 0).all()
    assert along[-1] < 1


@pytest.mark.parametrize("strength", [1, 3, 10])
def test_no_strength_turns_the_picture_into_its_negative(strength):
    """Of two neighbours, the brighter one stays the brighter one."""
    image = np.full((64, 64, 3), 0.3)
    image[:, ::2] = 0.5
    cataract = Cataract(0.5, 0.5, 0.8, 1, 10.0, 1.0, 1.0, 1.0, 64)
    hazy = cataract(image, np.ones((64, 64), bool), strength)[5]
    assert (hazy[2:40:2] > hazy[1:39:2]).all()


@pytest.mark.parametrize("strength", [0.5, 1, 3])
def test_strength_multiplies_what_is_lost_for_each_part_kept(strength):
    """On an even field the veil is the field's own level, and only the dimming shows."""
    image = np.full((128, 128, 3), 0.5)
    cataract = Cataract(0.5, 0.5, 0.7, 1, 10.0, 1.0, 1.0, 1.0, 128)
    hazy = cataract(image, np.ones((128, 128), bool), strength)
    clearest = 0.2 * strength / (0.8 + 0.2 * strength)
    farthest = 0.2 * strength / (0.1 + 0.9 * strength)
    # A pixel from the clearest point the veil is a hundredth.
    assert hazy[64, 64, 0] == pytest.approx(0.5 * (1 - clearest), abs=0.01)
    assert hazy[0, 0, 0] == pytest.approx(0.5 * (1 - farthest), abs=1e-9)


def test_the_thickest_veil_at_strength_zero_is_no_veil(field):
    image, mask = field(64)
    cataract = Cataract(0.3, 0.3, 0.8, 1, 10.0, 1.3, 0.9, 1.3, 64)
    single = image.astype(np.float32)
    # float32 divisions next to a millionth.
    np.testing.assert_allclose(cataract(single, mask, 0), single, atol=1e-6)
    assert np.abs(cataract(single, mask, 1) - single).max() > 0.1
