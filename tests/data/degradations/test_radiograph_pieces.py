"""Each piece of a radiograph's degradation against its formula, in double precision."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from bench.data.degradations.radiograph_detail import Jpeg, Pixelation, Unsharpness, coarser
from bench.data.degradations.radiograph_noise import (
    GaussianNoise,
    ImpulseNoise,
    QuantumNoise,
    SpeckleNoise,
)
from bench.data.degradations.radiograph_tone import Brightness, Contrast, Gamma, Grey

SIDE = 400
WHOLE = np.ones((SIDE, SIDE), bool)


def flat(value: float, side: int = SIDE) -> np.ndarray:
    return np.full((side, side, 3), value)


def ramp(side: int) -> np.ndarray:
    plane = np.linspace(0.1, 0.9, side)[None] * np.linspace(0.6, 1.0, side)[:, None]
    return np.repeat(plane[..., None], 3, axis=2)


def moments(piece, value, strength=1.0):
    plane = piece(flat(value), WHOLE, strength)[..., 0]
    return plane.mean(), plane.std()


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("piece", "value", "sd"),
    [
        (QuantumNoise(60, 1), 0.3, np.sqrt(0.3 / 60)),
        (GaussianNoise(0.04, 1), 0.5, 0.04),
        (SpeckleNoise(0.15, 1), 0.4, 0.15 * 0.4),
    ],
)
def test_noise_keeps_the_mean_and_has_the_stated_spread(piece, value, sd, strength):
    """No value is near 0 or 1, where clipping would cut it; four standard errors of 160,000."""
    mean, spread = moments(piece, value, strength)
    count = SIDE**2
    assert mean == pytest.approx(value, abs=4 * strength * sd / np.sqrt(count))
    # The kurtosis of these Poisson counts is at most 3 + 1 / 4.5, so a share of 1 / sqrt(2 n).
    assert spread == pytest.approx(strength * sd, rel=4.3 / np.sqrt(2 * count))


def test_quanta_are_whole_counts():
    plane = QuantumNoise(10, 3)(flat(0.45), WHOLE)[..., 0]
    assert np.abs(plane * 10 - np.rint(plane * 10)).max() < 1e-9
    assert len(np.unique(plane)) > 5


def test_dead_pixels_are_black_or_white_half_each():
    plane = ImpulseNoise(0.09, 2)(flat(0.5), WHOLE)[..., 0]
    tolerance = 4 * np.sqrt(0.045 * 0.955) / SIDE
    assert (plane == 0).mean() == pytest.approx(0.045, abs=tolerance)
    assert (plane == 1).mean() == pytest.approx(0.045, abs=tolerance)
    assert ((plane == 0) | (plane == 1) | (plane == 0.5)).all()


def test_the_noise_is_the_seeds():
    one, again, other = (GaussianNoise(0.1, seed)(flat(0.5), WHOLE) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


@pytest.mark.parametrize(("side", "sigma"), [(3, 0.8), (5, 1.1), (9, 1.7), (11, 2.0)])
def test_a_blur_at_224_px_is_torchvisions_kernel(side, sigma):
    """Of a single bright point: the outer product of the cut and normalised Gaussian."""
    assert Unsharpness(side).sigma_px == pytest.approx(sigma)
    image = np.zeros((224, 224, 3))
    image[100, 90] = 1.0
    taps = np.exp(-0.5 * ((np.arange(side) - side // 2) / sigma) ** 2)
    taps /= taps.sum()
    half = side // 2
    got = Unsharpness(side)(image, np.ones((224, 224), bool))[..., 0]
    window = got[100 - half : 101 + half, 90 - half : 91 + half]
    np.testing.assert_allclose(window, np.outer(taps, taps), atol=1e-6)
    assert got.sum() == pytest.approx(1, abs=1e-5)


def test_a_blur_spans_the_same_share_of_a_larger_image():
    def spread(side):
        image = np.zeros((side, side, 3))
        image[side // 2, side // 2] = 1.0
        plane = Unsharpness(9)(image, np.ones((side, side), bool))[..., 0]
        at = np.arange(side) - side // 2
        return np.sqrt((plane.sum(axis=0) * at**2).sum() / plane.sum()) / side

    # A cut kernel of 9 taps is a little narrower than the Gaussian that stands for it elsewhere.
    assert spread(672) == pytest.approx(spread(224), rel=0.05)


def test_the_padding_does_not_bleed_into_a_blurred_image():
    mask = np.zeros((224, 224), bool)
    mask[:, 60:160] = True
    image = flat(0.6, 224) * mask[..., None]
    got = Unsharpness(9)(image, mask)[..., 0]
    np.testing.assert_allclose(got[mask], 0.6, atol=1e-6)


def test_pixels_are_averages_of_squares():
    image = ramp(224)
    got = Pixelation(0.25)(image, np.ones((224, 224), bool))[..., 0]
    squares = image[..., 0].reshape(56, 4, 56, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(got, np.kron(squares, np.ones((4, 4))), atol=1e-6)


def test_compression_is_pillows_own():
    image = ramp(64)
    file = BytesIO()
    Image.fromarray(np.rint(image[..., 0] * 255).astype(np.uint8)).save(file, "JPEG", quality=15)
    expected = np.asarray(Image.open(file)) / 255
    got = Jpeg(15)(image, np.ones((64, 64), bool))[..., 0]
    np.testing.assert_allclose(got, expected, atol=1e-9)
    assert (coarser(15, 1.0), coarser(50, 2.0), coarser(50, 0.5)) == (15, 25, 75)


def test_brightness_contrast_and_gamma_are_their_formulas():
    image = ramp(64)
    whole = np.ones((64, 64), bool)
    plane = image[..., 0]
    np.testing.assert_allclose(Brightness(0.7)(image, whole)[..., 0], 0.7 * plane, atol=1e-9)
    np.testing.assert_allclose(Brightness(1.4)(image, whole)[..., 0], np.minimum(1.4 * plane, 1))
    mean = plane.mean()
    darker = mean + 0.6 * (plane - mean)
    np.testing.assert_allclose(Contrast(0.6)(image, whole)[..., 0], darker, atol=1e-9)
    np.testing.assert_allclose(Gamma(1.6)(image, whole)[..., 0], plane**1.6, atol=1e-9)


def test_contrast_leaves_the_mean_of_what_the_image_shows():
    mask = np.zeros((64, 64), bool)
    mask[:, :40] = True
    image = ramp(64) * mask[..., None]
    got = Contrast(0.5)(image, mask)[..., 0]
    assert got[mask].mean() == pytest.approx(image[..., 0][mask].mean(), abs=1e-9)


def test_grey_weighs_the_channels():
    colour = flat(0.0, 8) + np.array([0.9, 0.5, 0.1])
    got = Grey()(colour, np.ones((8, 8), bool))
    np.testing.assert_allclose(got, 0.299 * 0.9 + 0.587 * 0.5 + 0.114 * 0.1, atol=1e-6)
