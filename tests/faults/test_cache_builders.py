"""Whatever happens to a store of images or to its builders, no wrong image is ever read from it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numbered
import pytest
from numbered import KEYS, RECIPE, Counting, nobody, picture, right

from bench.data import pixel_store
from bench.data.pixel_store import PixelStore
from bench.locking import lock


@pytest.fixture
def store(tmp_path):
    return PixelStore(tmp_path, RECIPE)


def only(folder, pattern):
    (path,) = folder.glob(pattern)
    return path


DAMAGE = {
    "the last line cut short": ("*.jsonl", lambda b: b[:-5], 1),
    "a digit altered": ("*.jsonl", lambda b: b.replace(b'"number": 4', b'"number": 5'), 1),
    "a line gone": ("*.jsonl", lambda b: b.split(b"\n", 1)[1], 1),
    "bytes that are no text": ("*.jsonl", lambda b: b"\xff\xfe\x00" + b[3:], 1),
    "an empty log": ("*.jsonl", lambda b: b"", 12),
    "half a row of pixels gone": ("*.pixels", lambda b: b[:-20], 1),
    "three rows of pixels gone": ("*.pixels", lambda b: b[: -3 * 48], 3),
}


@pytest.mark.parametrize("case", list(DAMAGE))
def test_a_damaged_row_does_not_count_and_is_made_again(store, case):
    store.fill(KEYS, picture, nobody)
    pattern, damage, lost = DAMAGE[case]
    path = only(store.folder, pattern)
    path.write_bytes(damage(path.read_bytes()))
    assert len(store.rows()) == len(KEYS) - lost
    again = Counting()
    store.fill(KEYS, again, nobody)
    assert len(again.made) == lost
    assert right(store)


def test_a_log_without_its_pixels_counts_for_nothing(store):
    store.fill(KEYS, picture, nobody)
    only(store.folder, "*.pixels").unlink()
    assert store.rows() == {}


def test_lines_are_written_after_their_pixels_are_on_the_disk(store, monkeypatch):
    """A power failure between the two loses the row; the other order would lose its pixels."""
    whole, synced = os.fsync, []

    def note(file):
        inode = os.fstat(file).st_ino
        (name,) = [path.suffix for path in store.folder.iterdir() if path.stat().st_ino == inode]
        synced.append((name, len(store.rows())))
        whole(file)

    monkeypatch.setattr(pixel_store, "COMMIT_SECONDS", 0)
    monkeypatch.setattr(
        pixel_store, "write_json", lambda path, value: None
    )  # it syncs a file of its own
    monkeypatch.setattr(os, "fsync", note)
    store.fill(KEYS[:3], picture, nobody)
    assert synced[:4] == [(".pixels", 0), (".jsonl", 1), (".pixels", 1), (".jsonl", 2)]


def test_a_full_disk_keeps_what_was_written(store, monkeypatch):
    whole, left = os.pwrite, iter(range(5))

    def full(file, content, at):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        return whole(file, content, at)

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(os, "pwrite", full)
        store.fill(KEYS, picture, nobody)
    store.fill(KEYS, picture, nobody)
    assert right(store)


@pytest.mark.parametrize("name", [".pixels", ".jsonl"])
def test_a_disk_without_room_for_a_file_says_so_and_keeps_nothing(store, monkeypatch, name):
    whole = Path.open

    def full(self, mode="r", *rest, **more):
        if self.suffix == name and "x" in mode:
            raise OSError(28, "No space left on device", str(self))
        return whole(self, mode, *rest, **more)

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(Path, "open", full)
        store.fill(KEYS, picture, nobody)
    assert not [*store.folder.glob("*.pixels"), *store.folder.glob("*.jsonl")]


def test_a_write_that_stops_half_way_is_finished(store, monkeypatch):
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, content, at: whole(file, content[:7], at))
    store.fill(KEYS, picture, nobody)
    assert right(store)


BUILDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from bench.data import pixel_store
from numbered import KEYS, RECIPE, picture
pixel_store.COMMIT_SECONDS = 0

def slowly(i):
    time.sleep(0.1)
    sys.stdout.write(f"{i}\\n")  # in one piece, whichever thread
    return picture(i)

pixel_store.PixelStore(Path(sys.argv[2]), RECIPE).fill(KEYS, slowly, lambda _: None)
"""


def builder(root):
    words = [sys.executable, "-c", BUILDER, str(Path(numbered.__file__).parent), str(root)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_a_killed_build_goes_on_where_it_stopped(tmp_path, store):
    killed = builder(tmp_path)
    deadline = time.monotonic() + 20
    while len(store.rows()) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    there = len(store.rows())
    assert 3 <= there < len(KEYS)
    again = Counting()
    store.fill(KEYS, again, nobody)
    assert len(again.made) == len(KEYS) - there
    assert right(store)


def test_of_two_builders_of_the_same_rows_one_builds(tmp_path, store):
    both = [builder(tmp_path) for _ in "ab"]
    made = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert not list(store.folder.glob("work-*"))  # what they were locked by
    assert sorted(map(int, made[0] + made[1])) == list(range(len(KEYS)))
    assert right(store)


def test_two_builders_at_once_do_no_harm_even_if_neither_waits(store, monkeypatch):
    """Another process that takes a claim for dead, or asks for other rows, writes apart."""
    inner = PixelStore(store.folder.parent, RECIPE)

    def meddled(i):
        if i == 2:
            inner.fill(KEYS[1:7], lambda j: picture(j + 1), nobody)
        return picture(i)

    store.fill(KEYS, meddled, nobody)
    assert right(store)


def test_a_builder_waits_for_the_holder_of_the_same_rows(store):
    work = store.folder / f"work-{pixel_store.digest(KEYS)[:16]}"
    reports = []
    with lock(work):
        other = PixelStore(store.folder.parent, RECIPE)

        def someone(done):
            reports.append(done)
            if len(reports) == 2:
                other.fill(KEYS[:-1], picture, nobody)
            if len(reports) == 3:
                raise KeyboardInterrupt  # it may be interrupted while it waits

        with pytest.raises(KeyboardInterrupt):
            store.fill(KEYS, lambda i: pytest.fail("it did not wait"), someone)
    assert reports == [0, 0, 11]
