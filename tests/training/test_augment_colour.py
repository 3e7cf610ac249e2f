"""The colour half of the augmentation."""

import math
from dataclasses import replace

import pytest
import torch

from bench.training.augment import RGB_TO_YIQ, Draws, apply, colour_matrices
from bench.training.augmentations import NONE

SIZE = 16
PLAIN = {"size_px": SIZE, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
FACTORS = ("brightness", "contrast", "saturation")
LUMA = torch.tensor([0.299, 0.587, 0.114])

# A colour is a sum of four products of numbers of order 1, resampled at its own pixel centres.
COLOUR = 16 * torch.finfo(torch.float32).eps
RESAMPLING = 8 * SIZE * torch.finfo(torch.float32).eps


def photographs(n=6, size=SIZE, seed=0):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def still(n=1):
    return NONE.draw(n, torch.Generator()).geometry


def colour(n=1, **changed):
    """A draw that recolours nothing but what is named."""
    unchanged = {name: torch.ones(n, dtype=torch.float64) for name in FACTORS}
    unchanged |= {"hue": torch.zeros(n, dtype=torch.float64)}
    unchanged |= {"gray": torch.zeros(n, dtype=torch.bool)}
    named = {name: torch.full_like(unchanged[name], value) for name, value in changed.items()}
    return colour_matrices(**unchanged | named).float()


def recoloured(images, **changed):
    n = len(images)
    return apply(images, Draws(still(n), colour(n, **changed)), **PLAIN)


def near(actual, expected, tolerance=RESAMPLING):
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)


def test_colours_without_a_change_are_the_identity():
    expected = torch.cat([torch.eye(3), torch.zeros(3, 1)], 1)[None]
    near(colour(), expected, COLOUR)


def test_gray_makes_the_channels_equal_and_keeps_luma():
    images = photographs()
    gray = recoloured(images, gray=True)
    near(gray, torch.einsum("c,nchw->nhw", LUMA, images)[:, None].expand_as(gray))
    assert (images[:, 0] - images[:, 1]).abs().max() > 0.5


def test_no_saturation_is_gray():
    near(recoloured(photographs(), saturation=0.0), recoloured(photographs(), gray=True))


def test_brightness_is_a_factor():
    near(recoloured(photographs(), brightness=0.6), 0.6 * photographs())


def test_no_contrast_leaves_each_image_its_own_mean_luma():
    images = photographs() * torch.tensor([0.2, 0.4, 0.6, 0.7, 0.8, 1.0])[:, None, None, None]
    flat = recoloured(images, contrast=0.0)
    means = torch.einsum("c,nchw->n", LUMA, images) / SIZE**2
    near(flat, means[:, None, None, None].expand_as(flat))
    assert means.unique().numel() == 6


def test_contrast_follows_brightness_and_precedes_saturation():
    images, (b, c, s) = photographs(), (0.7, 0.8, 1.2)
    bright = b * images
    mean = torch.einsum("c,nchw->n", LUMA, bright)[:, None, None, None] / SIZE**2
    contrasted = mean + c * (bright - mean)
    luma = torch.einsum("c,nchw->nhw", LUMA, contrasted)[:, None]
    expected = (luma + s * (contrasted - luma)).clamp(0, 1)
    near(recoloured(images, brightness=b, contrast=c, saturation=s), expected)


def test_hue_keeps_luma_and_turns_chroma_by_its_angle():
    images = 0.4 + 0.2 * photographs()  # far from the clamp
    turned = recoloured(images, hue=0.1)
    before, after = (torch.einsum("yc,nchw->ynhw", RGB_TO_YIQ.float(), x) for x in (images, turned))
    near(after[0], before[0])
    angle = torch.atan2(after[2], after[1]) - torch.atan2(before[2], before[1])
    strong = before[1:].norm(dim=0) > 0.02  # an angle needs a chroma
    near(angle[strong].sub(math.tau * 0.1).sin(), torch.zeros_like(angle[strong]), 1e-3)
    assert (turned - images).abs().max() > 0.01


@pytest.mark.parametrize("field", ["brightness", "contrast", "saturation", "hue"])
def test_colour_factors_fill_their_range_and_no_more(field):
    """2000 draws come within 0.5 % of either end but for one time in 20,000 (0.995 ** 2000)."""
    radius, centre = 0.3, 0.0 if field == "hue" else 1.0
    generator = torch.Generator().manual_seed(0)
    matrix = replace(NONE, **{field: radius}).draw(2000, generator).colour[:, :, :3].double()
    yiq = RGB_TO_YIQ @ matrix @ RGB_TO_YIQ.inverse()  # hue turns its chroma, saturation scales it
    drawn = {
        "brightness": yiq[:, 0, 0],
        "contrast": yiq[:, 0, 0],
        "saturation": yiq[:, 1, 1],
        "hue": torch.atan2(yiq[:, 2, 1], yiq[:, 1, 1]) / math.tau,
    }[field]
    assert drawn.min().item() == pytest.approx(centre - radius, abs=0.01 * radius)
    assert drawn.max().item() == pytest.approx(centre + radius, abs=0.01 * radius)


def test_a_factor_is_never_negative():
    draws = replace(NONE, brightness=3.0).draw(200, torch.Generator().manual_seed(0))
    assert draws.colour.diagonal(dim1=1, dim2=2).min() >= 0


def test_a_full_turn_of_hue_is_none():
    near(recoloured(photographs(), hue=1.0), photographs())


def test_too_bright_is_clamped_once_and_then_normalised():
    images, mean, std = torch.full((1, 3, SIZE, SIZE), 0.9), (0.5, 0.4, 0.3), (0.25, 0.2, 0.1)
    draws = Draws(still(), colour(brightness=1.4))
    result = apply(images, draws, size_px=SIZE, mean=mean, std=std)
    expected = (1 - torch.tensor(mean)) / torch.tensor(std)
    near(result, expected[None, :, None, None].expand_as(result), 1e-5)
