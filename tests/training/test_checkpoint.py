import errno
import pickle
import random
import resource
import signal
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.errors import DamagedWarning, RequestError
from bench.locking import lock
from bench.training import checkpoint
from bench.training.checkpoint import (
    BestEpoch,
    CheckpointError,
    restore_checkpoint,
    save_checkpoint,
)

SETTINGS = {"fingerprint": "a", "epochs": 3}


def module(seed, width=4):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width))


def weight(part):
    return part.state_dict()["0.weight"]


def save(path, part, *, history=({"epoch": 1, "train": {"loss": 0.5}},), best=None):
    save_checkpoint(path, {"module": part}, settings=SETTINGS, history=list(history), best=best)


def restore(path, part, settings=SETTINGS):
    return restore_checkpoint(path, {"module": part}, settings=settings)


def test_what_is_restored_is_what_was_saved(tmp_path):
    saved, other = module(0), module(1)
    assert not torch.equal(weight(saved), weight(other))
    best = BestEpoch(1, 0.25, dict(module(2).state_dict()))
    save(tmp_path / "c.pt", saved, best=best)
    history, found = restore(tmp_path / "c.pt", other)
    assert history == [{"epoch": 1, "train": {"loss": 0.5}}]
    torch.testing.assert_close(other.state_dict(), saved.state_dict(), rtol=0, atol=0)
    assert found is not None
    assert (found.epoch, found.score) == (1, 0.25)
    torch.testing.assert_close(found.weights, best.weights, rtol=0, atol=0)


def test_torchs_random_stream_goes_on_where_it_was(tmp_path):
    torch.manual_seed(7)
    save(tmp_path / "c.pt", module(0))
    expected = torch.rand(5)
    torch.manual_seed(999)
    assert not torch.equal(torch.rand(5), expected)
    restore(tmp_path / "c.pt", module(0))
    assert torch.equal(torch.rand(5), expected)


def test_without_a_file_nothing_is_restored(tmp_path):
    part, untouched = module(0), module(0)
    assert restore(tmp_path / "none.pt", part) == ([], None)
    assert torch.equal(weight(part), weight(untouched))


@pytest.mark.parametrize("place", ["write", "fsync", "replace"])
def test_a_failed_write_leaves_the_old_checkpoint_and_nothing_else(tmp_path, monkeypatch, place):
    path = tmp_path / "c.pt"
    save(path, module(0))
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    target, name = {
        "write": (torch, "save"),
        "fsync": (checkpoint.os, "fsync"),
        "replace": (Path, "replace"),
    }[place]
    monkeypatch.setattr(target, name, full)
    with pytest.raises(CheckpointError, match=r"c\.pt: No space left on device.*same command"):
        save(path, module(1))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    save(path, module(1))
    assert path.read_bytes() != before


def test_a_full_disk_is_one_of_our_errors():
    """/dev/full takes no byte; torch must not turn that into an error of its own."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError, match="No space left"):
        checkpoint._write_synced(full, {"weights": torch.zeros(100_000)})


@pytest.mark.parametrize("room", [100_000, 590_000, 600_300])
def test_a_disk_that_fills_up_in_the_middle_is_too(tmp_path, room):
    """The state takes 600,700 bytes; torch's own writer reports the first two as something else."""
    usual = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            checkpoint._write_synced(tmp_path / "c.pt", {"weights": torch.zeros(150_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, usual)


def test_a_write_killed_half_way_leaves_the_old_checkpoint(tmp_path):
    """A dead process leaves a partial file, neither read nor in the way; the next holder of the
    folder's lock removes it."""
    path = tmp_path / "c.pt"
    save(path, module(0))
    left = tmp_path / "c.pt.0123456789abcdef.partial"
    left.write_bytes(path.read_bytes()[:100])
    part = module(1)
    restore(path, part)
    assert torch.equal(weight(part), weight(module(0)))
    save(path, module(2))
    assert set(tmp_path.iterdir()) == {left, path}
    with lock(tmp_path):
        assert not left.exists()


def set_aside_and_said(path):
    """Nothing is restored, the file has another name, and a warning says both."""
    content, part = path.read_bytes(), module(1)
    with pytest.warns(DamagedWarning, match=r"c\.pt is damaged .*; it is c\.pt\.damaged"):
        assert restore(path, part) == ([], None)
    assert torch.equal(weight(part), weight(module(1)))
    assert not path.exists()
    aside = path.with_name("c.pt.damaged")
    assert aside.read_bytes() == content
    aside.unlink()


def test_a_truncated_checkpoint_is_named_wherever_it_ends(tmp_path):
    path = tmp_path / "c.pt"
    save(path, module(0))
    whole = path.read_bytes()
    for length in range(0, len(whole), 211):
        path.write_bytes(whole[:length])
        set_aside_and_said(path)


def test_a_flipped_bit_is_found_or_harmless(tmp_path):
    """Never a silent other weight; bits in the archive's padding and dates mean nothing."""
    path, rng = tmp_path / "c.pt", random.Random(0)
    save(path, module(0))
    whole, found = path.read_bytes(), 0
    for _ in range(150):
        content = bytearray(whole)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        part = module(1)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            restore(path, part)
        if said:
            found += 1
            path.with_name("c.pt.damaged").unlink()
        else:
            torch.testing.assert_close(part.state_dict(), module(0).state_dict(), rtol=0, atol=0)
    assert found > 50


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps({"epoch": 3})])
def test_a_file_of_another_kind_is_named(tmp_path, content):
    path = tmp_path / "c.pt"
    path.write_bytes(content)
    set_aside_and_said(path)


class Bomb:
    """Unpickled, it touches a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    path, touched = tmp_path / "c.pt", tmp_path / "touched"
    torch.save(Bomb(touched), path)
    set_aside_and_said(path)
    assert not touched.exists()
    torch.save(Bomb(touched), path)
    torch.load(path, weights_only=False)
    assert touched.exists()  # the bomb does work


def test_a_folder_in_its_place_is_set_aside(tmp_path):
    path = tmp_path / "c.pt"
    path.mkdir()
    with pytest.warns(DamagedWarning, match="no plain file"):
        assert restore(path, module(1)) == ([], None)
    assert not path.exists()
    save(path, module(0))
    part = module(1)
    restore(path, part)
    assert torch.equal(weight(part), weight(module(0)))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE])
def test_a_moment_in_which_nothing_can_be_read_costs_no_checkpoint(tmp_path, monkeypatch, number):
    path = tmp_path / "c.pt"
    save(path, module(0))

    def refused(*_, **__):
        raise OSError(number, "refused")

    monkeypatch.setattr(checkpoint.zipfile, "ZipFile", refused)
    with pytest.raises(CheckpointError, match=r"cannot read checkpoint .*: refused"):
        restore(path, module(1))
    assert path.is_file()


def test_a_torch_file_that_is_no_checkpoint_is_named(tmp_path):
    path = tmp_path / "c.pt"
    torch.save(module(0).state_dict(), path)
    set_aside_and_said(path)


def test_other_settings_are_refused_before_anything_changes(tmp_path):
    save(tmp_path / "c.pt", module(0))
    part = module(1)
    with pytest.raises(RequestError, match=r"epochs 3, now 4.*delete the file"):
        restore(tmp_path / "c.pt", part, {"fingerprint": "a", "epochs": 4})
    assert torch.equal(weight(part), weight(module(1)))


def test_a_module_of_another_shape_is_refused(tmp_path):
    save(tmp_path / "c.pt", module(0))
    with pytest.raises(CheckpointError, match=r"does not fit this module.*delete the file"):
        restore(tmp_path / "c.pt", module(0, width=5))
