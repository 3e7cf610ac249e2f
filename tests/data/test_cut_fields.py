"""Free crops of photographs whose round field the camera cuts off at the top and bottom."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.field_of_view import crop, find, whole_frame
from bench.data.patches import FRAME, corners, crop_pool
from bench.data.pixels import visible_part
from bench.data.twin.draw import photograph
from bench.seeding import generator_for

SIDE, PATCH, COUNT = 256, 64, 40
SIZES: Any = {"image_px": SIDE, "patch_px": PATCH}


@pytest.fixture(scope="module")
def drawn():
    """Squares (12, S, S, 3) of drawn photographs, and what is visible of each."""
    taken = [
        photograph(str(n), 1, grade=0, quality=0, size_px=SIDE, seed=0).image for n in range(12)
    ]
    fields = [find(image) for image in taken]
    squares = [crop(image, field, SIDE) for image, field in zip(taken, fields, strict=True)]
    return np.stack(squares), np.stack([visible_part(field) for field in fields])


def cut_off(visible):
    return (visible != [0, 0, 1, 1]).any(axis=1)


def black(squares, visible):
    """(N,) the largest black part of the free crops of each square, and their corners."""
    entries = np.repeat(np.arange(len(squares)), COUNT)
    pool = crop_pool(np.arange(len(squares)))
    at = corners(pool, entries, **SIZES, rng=generator_for(0), visible=visible)
    cut = [squares[i][y : y + PATCH, x : x + PATCH] for i, (x, y) in zip(entries, at, strict=True)]
    parts = (np.stack(cut).max(axis=3) == 0).mean(axis=(1, 2))
    return parts.reshape(-1, COUNT).max(axis=1), at.reshape(-1, COUNT, 2)


def test_what_is_visible_is_what_is_lit(drawn):
    squares, visible = drawn
    assert 0 < cut_off(visible).sum() < len(squares)
    for square, (_, y0, _, y1) in zip(squares, visible, strict=True):
        rows = np.flatnonzero((square.max(axis=2) > 0).any(axis=1))
        # Less than a hundredth of the side counts as whole, and a row at the cut may be half lit.
        assert abs(rows[0] - y0 * SIDE) <= 3 and abs(rows[-1] + 1 - y1 * SIDE) <= 3


def test_no_free_crop_reaches_into_the_black_bars(drawn):
    squares, visible = drawn
    cut = cut_off(visible)
    assert black(squares, visible)[0].max() <= 0.05
    # The bars are 14 % of the radius high, so that crops used to hold up to a quarter of black.
    assert black(squares, None)[0][cut].max() > 0.1


def test_crops_of_whole_photographs_are_where_they_were(drawn):
    squares, visible = drawn
    cut = cut_off(visible)
    (_, now), (_, before) = black(squares, visible), black(squares, None)
    assert np.array_equal(now[~cut], before[~cut])
    assert not np.array_equal(now[cut], before[cut])


def test_centres_fill_what_is_left_of_the_disc_evenly():
    """A band from 0.2 to 0.9 of the side: patches of 64 on 256 have rows 52 to 166."""
    count = 40_000
    visible = np.array([[0, 0.2, 1, 0.9]])
    pool = crop_pool(np.zeros(1))
    entries = np.zeros(count, np.int64)
    x, y = corners(pool, entries, **SIZES, rng=generator_for(0), visible=visible).T
    rows, columns = np.mgrid[0:193, 0:193]  # 192 is the last corner, 96 the disc's radius
    disc = np.hypot(rows - 96, columns - 96) <= 96
    left = disc & (rows >= 51) & (rows <= 166)  # 51.2 and 230.4 end within a pixel's half
    assert left[y, x].all()
    for part in (columns < 48, rows < 80, np.hypot(rows - 96, columns - 96) < 40, rows == 166):
        expected = (left & part).sum() / left.sum()
        assert abs(part[y, x].mean() - expected) < 5 * np.sqrt(expected / count)


def test_the_crop_of_a_field_too_narrow_for_it_has_the_field_in_its_middle():
    pool = crop_pool(np.zeros(1))
    where = {"rng": generator_for(0), "visible": np.array([[0, 0.3, 1, 0.4]])}
    at = corners(pool, np.zeros(20, np.int64), **SIZES, **where)
    assert (np.abs(at[:, 1] + PATCH / 2 - 0.35 * SIDE) <= 1).all()
    assert len(np.unique(at[:, 0])) > 10


ends = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(ends, ends, st.integers(8, 64), st.integers(0, 50), st.sampled_from([None, FRAME]))
def test_free_crops_lie_in_the_image_and_in_what_is_visible(across, down, patch_px, seed, region):
    visible = np.array([[across[0], down[0], across[1], down[1]]])
    pool = crop_pool(np.zeros(1))
    sizes: Any = {"image_px": 128, "patch_px": patch_px, "region": region}
    at = corners(pool, np.zeros(10, np.int64), **sizes, rng=generator_for(seed), visible=visible)
    assert (at >= 0).all() and (at + patch_px <= 128).all()
    for axis, (low, high) in enumerate((across, down)):
        if (high - low) * 128 >= patch_px + 1:  # room for whole pixels
            assert (at[:, axis] >= low * 128 - 0.5).all()
            assert (at[:, axis] + patch_px <= high * 128 + 0.5).all()


def test_crops_anywhere_on_a_padded_radiograph_leave_the_padding_out():
    """150 of 200 columns are of the radiograph, the rest black on both sides."""
    visible = visible_part(whole_frame(150, 200))[None]
    pool = crop_pool(np.zeros(1))
    entries = np.zeros(500, np.int64)
    where: Any = {**SIZES, "region": FRAME}
    inside, anywhere = (
        corners(pool, entries, **where, rng=generator_for(0), visible=shown)
        for shown in (visible, None)
    )
    assert inside[:, 0].min() >= SIDE / 8 - 0.5
    assert inside[:, 0].max() + PATCH <= SIDE * 7 / 8 + 0.5
    assert anywhere[:, 0].min() < SIDE / 8 - 10
