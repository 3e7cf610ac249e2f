"""What is found in a folder: damaged claims, leftovers, file systems that lack something."""

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest
from left_claims import dead_pid, is_taken, leave_behind

from bench import locking
from bench.locking import kernel

DAY_SECONDS = 86_400.0


def test_a_claim_dated_in_the_future_expires(tmp_path, either):
    leave_behind(tmp_path, host="elsewhere", age_seconds=-DAY_SECONDS)
    assert locking.owner_of(tmp_path) is None
    assert is_taken(tmp_path)
    leave_behind(tmp_path, host="elsewhere", age_seconds=-locking.SILENT_SECONDS / 2)
    assert not is_taken(tmp_path)


DAMAGED = {
    "empty": b"",
    "cut short": b'{"host": "a", "pi',
    "no JSON": b"claimed",
    "not UTF-8": b'{"host": "\xff\xfe", "pid": 1, "by": "x"}',
    "a list": b"[]",
    "null": b"null",
    "without fields": b"{}",
    "wrong types": b'{"host": 1, "pid": "x", "by": []}',
    "true for a number": b'{"host": "a", "pid": true, "by": "x"}',
    "deeply nested": b"[" * 60_000,
    "a number too long": b'{"host": "a", "by": "x", "pid": ' + b"9" * 5000 + b"}",
    "far too large": b'{"host": "a", "pid": 1, "by": "' + b"x" * 2**20 + b'"}',
}


@pytest.mark.parametrize("case", list(DAMAGED))
def test_a_damaged_claim_is_nobodys(tmp_path, either, case):
    (tmp_path / "claim.json").write_bytes(DAMAGED[case])
    assert locking.owner_of(tmp_path) is None
    with locking.lock(tmp_path) as held:
        assert held
        held.check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "folder with files", "pipe", "broken link"])
def test_what_is_no_file_is_no_claim(tmp_path, either, kind):
    path = tmp_path / "claim.json"
    if kind.startswith("folder"):
        path.mkdir()
    if kind == "folder with files":
        (path / "x").write_text("x")
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "broken link":
        path.symlink_to(tmp_path / "nowhere")
    assert locking.owner_of(tmp_path) is None
    with locking.lock(tmp_path) as held:
        assert held
        held.check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", kernel.REFUSED)
def test_a_file_system_without_flock_is_leased(tmp_path, refuse_flock, number):
    refuse_flock(number)
    with locking.lock(tmp_path) as first, locking.lock(tmp_path) as second:
        assert first
        assert not second
        assert json.loads((tmp_path / "claim.json").read_text())["kernel"] is None
    assert list(tmp_path.iterdir()) == []


def test_a_failing_disk_is_no_file_system_without_flock(tmp_path, refuse_flock):
    refuse_flock(errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        is_taken(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_links_is_locked_all_the_same(tmp_path, either, monkeypatch):
    """FAT, some FUSE and network file systems."""

    def refused(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    leave_behind(tmp_path, host="elsewhere", age_seconds=locking.SILENT_SECONDS + 5)
    assert is_taken(tmp_path)


def test_what_killed_processes_left_is_removed_and_what_counts_stays(tmp_path, either):
    """Of older versions, too."""
    leave_behind(tmp_path, pid=dead_pid(), age_seconds=2 * locking.SILENT_SECONDS)
    for name in ("claim.0a.partial", "claim.burial.partial", "DONE.7.partial", "c.pt.partial"):
        (tmp_path / name).write_text("x")
    for name in ("claim.1b.partial", "claim.none.change.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("x")
    (tmp_path / "events.jsonl").write_text("x")
    with locking.lock(tmp_path) as held:
        assert held
        assert sorted(path.name for path in tmp_path.iterdir()) == ["claim.json", "events.jsonl"]
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path, either, monkeypatch):
    def full(self, *_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(Path, "write_text", full)
        is_taken(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert is_taken(tmp_path)


def test_a_folder_that_another_removes_meanwhile_is_made_again(tmp_path, monkeypatch):
    folder, whole, left = tmp_path / "work", fcntl.flock, iter(range(2))

    def removed(*words):
        if next(left, None) is not None:
            folder.rmdir()
        return whole(*words)

    monkeypatch.setattr(fcntl, "flock", removed)
    with locking.lock(folder) as held:
        assert held
        held.check()
