"""How epochs are shared out among the phases of a method."""

import pytest

from bench.recipes.common import shared_out


@pytest.mark.parametrize(
    ("total", "shares", "counts"),
    [
        (35, [10, 10, 15], [10, 10, 15]),
        (8, [10, 10, 15], [2, 2, 4]),
        (8, [25, 5, 15, 5], [4, 1, 2, 1]),
        (8, [1, 70], [1, 7]),
        (2, [25, 5, 15, 5], [1, 1, 1, 1]),
    ],
)
def test_epochs_go_to_phases_by_their_shares_and_none_is_left_out(total, shares, counts):
    assert shared_out(total, shares) == counts


@pytest.mark.parametrize("total", range(4, 60))
def test_no_epoch_is_lost_or_made(total):
    counts = shared_out(total, [0.5, 0.1, 0.3, 0.1])
    assert sum(counts) == total
    assert min(counts) >= 1
