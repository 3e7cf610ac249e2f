"""Where the cache lies, in environments that do not say it."""

from pathlib import Path

import pytest

from bench.data.datasets import cache_folder
from bench.errors import RequestError


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "BENCH_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)


def homeless():
    raise RuntimeError("Could not determine home directory.")


def test_without_a_home_the_cache_is_asked_for():
    with pytest.raises(RequestError, match=r"give --cache DIR, or set \$BENCH_CACHE"):
        cache_folder(None)


@pytest.mark.parametrize(
    ("name", "value", "folder"),
    [("BENCH_CACHE", "/c", "/c"), ("XDG_CACHE_HOME", "/x", "/x/comcl-bench")],
)
def test_what_is_said_needs_no_home(monkeypatch, name, value, folder):
    monkeypatch.setenv(name, value)
    assert cache_folder(None) == Path(folder)
    assert cache_folder(Path("here")) == Path("here")


def test_an_empty_variable_says_nothing(monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/somebody"))
    assert cache_folder(None) == Path("/home/somebody/.cache/comcl-bench")
