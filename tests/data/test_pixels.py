"""Which copy of an image a run sees: the degraded one where it was chosen."""

from typing import Any

import numpy as np
import pytest

from bench.data.pixels import Pixels

SIDE = 8


@pytest.fixture
def pixels():
    """Four images as bright as their number; 1 and 3 are degraded, to 11 and 13."""
    x = np.arange(SIDE, dtype=np.uint8)
    places = 20 * x[:, None] + 30 * x  # rows and columns apart
    grey = np.arange(4, dtype=np.uint8)[:, None, None] + places.astype(np.uint8)
    clean: Any = np.repeat(grey[..., None], 3, axis=3)
    copies: Any = clean[[1, 3]] + 10
    return Pixels(clean, copies, np.array([-1, 0, -1, 1]))


def test_chosen_images_are_their_degraded_copies(pixels):
    assert pixels.images(np.array([3, 0, 1, 2]))[:, 0, 0, 0].tolist() == [13, 0, 11, 2]


def test_patches_are_cut_from_the_degraded_copy_unless_the_clean_one_is_wanted(pixels):
    numbers, corners = np.array([3, 3, 2, 2]), np.zeros((4, 2), int)
    wanted = np.array([False, True, False, True])
    cut = pixels.patches(numbers, corners, patch_px=4, undegraded=wanted)
    assert cut[:, 0, 0, 0].tolist() == [13, 3, 2, 2]


def test_a_corner_is_x_before_y(pixels):
    (cut,) = pixels.patches(np.array([1]), np.array([[2, 1]]), patch_px=4, undegraded=np.zeros(1))
    assert np.array_equal(cut, pixels.images(np.array([1]))[0, 1:5, 2:6])
