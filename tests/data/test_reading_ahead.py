import threading
import time

import pytest

from bench.data.reading_ahead import AHEAD, ahead


def test_items_come_in_order_and_to_their_end():
    assert list(ahead(iter(range(50)))) == list(range(50))
    assert list(ahead(iter(()))) == []


def test_some_are_made_before_they_are_asked_for_and_no_more_than_a_few():
    made = []

    def items():
        for number in range(50):
            made.append(number)
            yield number

    taken = ahead(items())
    assert next(taken) == 0
    deadline = time.monotonic() + 10
    while len(made) < AHEAD + 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    # The one that was taken, those in the queue, and one that waits for room.
    assert AHEAD + 1 <= len(made) <= AHEAD + 2
    taken.close()


def test_what_making_one_raises_is_raised_where_it_is_asked_for():
    def items():
        yield 1
        raise OSError("the disk is gone")

    taken = ahead(items())
    assert next(taken) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(taken)


def test_whoever_stops_asking_stops_the_thread():
    before = threading.active_count()
    taken = ahead(iter(range(10**9)))
    next(taken)
    assert threading.active_count() == before + 1
    taken.close()
    assert threading.active_count() == before
