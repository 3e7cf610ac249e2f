"""Workers: as many as this process may use cores, none that goes on when it is left."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bench.data.pixel_store import PixelStore
from bench.data.workers import cores, working


def allow(monkeypatch, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)


def test_of_a_shared_machine_only_the_cores_that_are_ours_count(monkeypatch):
    allow(monkeypatch, 3)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # as on a Mac
    assert cores() == 64


@pytest.mark.parametrize("count", [1, 3])
def test_images_are_made_by_as_many_workers_at_once(monkeypatch, tmp_path, count):
    allow(monkeypatch, count)
    busy, most, lock = [0], [0], threading.Lock()

    def make(_):
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.01)
        with lock:
            busy[0] -= 1
        return np.zeros((2, 2, 3), dtype=np.uint8), {}

    PixelStore(tmp_path, {"size_px": 2}).fill([str(i) for i in range(40)], make, lambda _: None)
    assert most == [count]


def test_who_leaves_waits_only_for_what_was_begun():
    begun = []

    def slow(i):
        begun.append(i)
        time.sleep(0.1)

    with pytest.raises(KeyboardInterrupt), working(ThreadPoolExecutor(2)) as pool:
        waiting = pool.map(slow, range(100))
        next(waiting)
        raise KeyboardInterrupt
    assert len(begun) <= 4  # two, and what their workers went on with meanwhile
