"""A holder or taker that was suspended too long, and what it does when it wakes."""

import os
import time

import pytest
from left_claims import grow_old, is_taken, leave_behind

from bench import locking, store
from bench.errors import LostLock
from bench.locking import claim
from bench.training.checkpoint import save_checkpoint


def test_a_beat_neither_makes_a_claim_again_nor_renews_anothers(tmp_path, monkeypatch, either):
    monkeypatch.setattr(locking, "BEAT_SECONDS", 0.02)
    path = tmp_path / "claim.json"
    with locking.lock(tmp_path) as held:
        assert held
        path.unlink()
        time.sleep(0.2)
        assert not path.exists()
        with pytest.raises(LostLock, match="removed"):
            held.check()
    with locking.lock(tmp_path):
        leave_behind(tmp_path, host="elsewhere", age_seconds=1000)
        before = path.stat().st_mtime
        time.sleep(0.2)
        assert path.stat().st_mtime == before
    assert path.exists()  # and releasing removes one's own alone


def take_over(folder, *, host="elsewhere"):
    """What another machine does to a holder that was silent."""
    leave_behind(folder, host=host)
    for partial in folder.glob("*.partial"):
        partial.unlink()


def test_a_holder_that_was_taken_over_writes_nothing_more(tmp_path, either):
    log = store.EventLog(tmp_path / "events.jsonl")
    with locking.lock(tmp_path) as held:
        assert held
        store.write_json(tmp_path / "spec.json", {"a": 1})
        log.append({"stage": "x"})
        take_over(tmp_path)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        late_writes = [
            lambda: store.write_json(tmp_path / "spec.json", {"a": 2}),
            lambda: store.write_bytes(tmp_path / "outcome.pt", b"x"),
            lambda: log.append({"stage": "y"}),
            lambda: log.forget("x"),
            lambda: save_checkpoint(
                tmp_path / "checkpoint.pt", {}, settings={}, history=[], best=None
            ),
            lambda: held.stopping(lambda: False)(),
        ]
        for write in late_writes:
            with pytest.raises(LostLock, match="took this over"):
                write()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_holder_that_keeps_its_lock_writes(tmp_path, either):
    """As does whoever holds none, and the holder of another folder."""
    (tmp_path / "a").mkdir()
    with locking.lock(tmp_path / "a") as held, locking.lock(tmp_path / "b"):
        assert held
        take_over(tmp_path / "b")
        store.write_bytes(tmp_path / "a" / "x", b"x")
        store.write_bytes(tmp_path / "x", b"x")
        assert held.stopping(lambda: True)() and not held.stopping(lambda: False)()


def test_a_rename_that_was_checked_before_the_takeover_fails_after_it(tmp_path, refuse_flock):
    """A holder suspended between its check and its rename, for however long."""
    refuse_flock()
    path = tmp_path / "DONE"
    partial = store.partial_of(path)
    with locking.lock(tmp_path) as held:
        assert held
        partial.write_text("x")
        held.check()
        grow_old(tmp_path, locking.SILENT_SECONDS + 5)
        with locking.lock(tmp_path) as taker:
            assert taker
            with pytest.raises(FileNotFoundError):
                partial.replace(path)
    assert list(tmp_path.iterdir()) == []


def test_a_partial_file_that_a_taker_removed_is_no_mystery(tmp_path, either):
    with locking.lock(tmp_path):
        partial = store.partial_of(tmp_path / "DONE")
        leave_behind(tmp_path, host="elsewhere")
        with pytest.raises(LostLock):
            store.replace(partial, tmp_path / "DONE")
    with pytest.raises(FileNotFoundError):
        store.replace(partial, tmp_path / "DONE")


def test_two_processes_never_write_under_one_name(tmp_path):
    """In two containers both may be process 1."""
    names = {store.partial_of(tmp_path / "DONE").name for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("DONE.") and name.endswith(".partial") for name in names)


def test_a_taker_that_was_suspended_half_way_takes_nothing_when_it_wakes(tmp_path, refuse_flock):
    refuse_flock()
    holder = {"host": "elsewhere", "pid": 1, "by": "late", "kernel": None}
    with claim.written(tmp_path, holder) as own:
        with claim._changing(own, None, time.time()) as late:
            assert late is not None
            assert not is_taken(tmp_path)  # it may be about to
            os.utime(late.parent, (0, 0))
            with locking.lock(tmp_path) as held:
                assert held
                with pytest.raises(FileNotFoundError):
                    late.rename(tmp_path / "claim.json")
                held.check()


def test_a_holder_that_was_suspended_while_it_let_go_lets_nobody_else_go(tmp_path, refuse_flock):
    refuse_flock()
    leave_behind(tmp_path, host="elsewhere", kernel=None)
    present = claim.look(tmp_path)
    own = tmp_path / "claim.late.partial" / "late"
    own.mkdir(parents=True)
    with claim._changing(own, present, time.time()) as late:
        assert late is not None
        os.utime(late.parent, (0, 0))
        grow_old(tmp_path, locking.SILENT_SECONDS + 5)
        with locking.lock(tmp_path) as held:
            assert held
            with pytest.raises(FileNotFoundError):
                (tmp_path / "claim.json").rename(late / "taken away")
            held.check()
