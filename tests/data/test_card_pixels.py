"""Pixels on a card, or on their way there, are the processor's."""

import numpy as np
import pytest
import torch
from pretend_cuda import COUNTED, CUDA, card

from bench.data.card_pixels import card_pixels, on_card
from bench.data.pixels import ImageSet, Pixels

COUNT, SIDE = 12, 16
COPIES = np.array([-1, 2, -1, 0, -1, -1, 1, -1, -1, -1, -1, 3])  # out of order, on purpose


@pytest.fixture
def pixels():
    rng = np.random.default_rng(0)
    clean, copies = (rng.integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8) for n in (COUNT, 4))
    return Pixels(clean, copies, COPIES)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("resident", [True, False])
def test_batches_are_those_of_the_processor(pixels, resident):
    with card():
        there = card_pixels(pixels, CUDA, resident=resident)
        for indices in ([3, 1, 3], [11, 0, 1], list(range(COUNT))):
            batch = there.batch(np.array(indices))
            assert (batch.device.type == "cuda") == resident
            np.testing.assert_array_equal(batch.cpu().numpy(), pixels.images(np.array(indices)))


@pytest.mark.parametrize("resident", [True, False])
def test_patches_are_those_of_the_processor_degraded_or_not(pixels, resident):
    rng = np.random.default_rng(1)
    with card():
        there = card_pixels(pixels, CUDA, resident=resident)
        for undegraded in ([False] * 5, [True] * 5, [True, False, True, False, True]):
            indices = np.array([3, 1, 11, 6, 0])
            corners = rng.integers(0, SIDE - 5, (5, 2))
            wanted = {"patch_px": 5, "undegraded": np.array(undegraded)}
            cut = there.cut(indices, corners, **wanted)
            expected = pixels.patches(indices, corners, **wanted)
            np.testing.assert_array_equal(cut.cpu().numpy(), expected)
    originals = pixels.patches(indices, corners, patch_px=5, undegraded=np.ones(5, dtype=bool))
    assert (originals != expected).any(), "degraded copies differ, else this would show nothing"


def test_an_image_is_sent_once_however_often_it_is_asked_for(pixels):
    with card():
        there = card_pixels(pixels, CUDA, resident=True)
        there.batch(np.array([1, 2]))
        assert COUNTED["copy in, not awaited"] == 3  # the rows' places, their pixels, the numbers
        COUNTED.clear()
        there.batch(np.array([2, 1, 1]))
        assert dict(COUNTED) == {"copy in, not awaited": 1}
        COUNTED.clear()
        there.batch(np.array([2, 5]))
        assert COUNTED["copy in, not awaited"] == 3


def test_a_prediction_may_ask_first_and_training_add_to_it(pixels):
    with card():
        there = card_pixels(pixels, CUDA, resident=True)
        with torch.inference_mode():
            there.batch(np.array([1, 2]))
        np.testing.assert_array_equal(
            there.batch(np.array([3, 1])).cpu().numpy(), pixels.images(np.array([3, 1]))
        )


def test_what_is_read_ahead_is_made_in_a_thread_only_where_images_are_not_kept(pixels):
    with card():
        items = iter(range(3))
        assert card_pixels(pixels, CUDA, resident=True).ahead(items) is items
        read_ahead = card_pixels(pixels, CUDA, resident=False).ahead(items)
        assert read_ahead is not items
        assert list(read_ahead) == [0, 1, 2]
    assert pixels.ahead(items) is items


@pytest.mark.parametrize(
    ("free_images", "resident"),
    [(2.9, (False, False)), (3, (True, False)), (14.9, (True, False)), (15, (True, True))],
)
def test_as_many_sizes_are_kept_as_half_of_the_free_memory_holds(pixels, free_images, resident):
    """The larger size has four times the pixels: 3 sets of the smaller one, where half is used."""
    small = Pixels(pixels.clean[:, ::2, ::2], pixels.degraded[:, ::2, ::2], COPIES)
    images = ImageSet(small, pixels, [], {})
    one = int(np.prod(small.clean.shape))  # bytes of the smaller size
    moved = on_card(images, CUDA, free_bytes=round(free_images * one * 2 / 3))
    kept = moved.whole.resident, moved.for_patches.resident  # pyright: ignore
    assert kept == resident
    assert moved.own is None
