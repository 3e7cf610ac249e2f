"""README, reproduction page and their picture are those that the committed records give."""

from functools import cache

import pytest
from paths import ROOT

from bench.reporting.reproduction.files import generated

pytestmark = pytest.mark.slow


@cache
def files():
    """Made by the first test, not by a fixture: those are traced for coverage."""
    return generated(ROOT)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "results/REPRODUCTION.md",
        "results/figures/overview.csv",
        "results/figures/overview.svg",
    ],
)
def test_generated_files_are_current(name):
    same = files()[name] == (ROOT / name).read_bytes()
    assert same, f"{name} is out of date: run `bench pages` and read the diff"


def test_nothing_else_is_generated():
    assert len(files()) == 4
