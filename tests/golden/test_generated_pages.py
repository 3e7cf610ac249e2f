"""README, reproduction page and their picture are those that the committed records give."""

import pytest
from paths import ROOT

from bench.reporting.reproduction.files import generated

pytestmark = pytest.mark.slow


def test_generated_files_are_current():
    """One test, since making any of them scores every committed study."""
    made = generated(ROOT)
    assert set(made) == {
        "README.md",
        "results/REPRODUCTION.md",
        "results/figures/overview.csv",
        "results/figures/overview.svg",
    }
    old = [name for name, content in made.items() if content != (ROOT / name).read_bytes()]
    assert not old, "out of date: run `bench pages` and read the diff"
