"""Which settings name a run: all of the first study's, and a later one where it is changed."""

import json

import pytest
from paths import GOLDEN

from bench.protocol.presets import field_names, is_hashed
from bench.protocol.settings import ADDED_LATER, NOT_HASHED

FIRST = json.loads((GOLDEN / "first_settings.json").read_text())
"""The settings that the first study's runs are named by. Never renewed: add to ADDED_LATER."""


def test_a_setting_younger_than_the_first_study_is_declared():
    assert field_names() - set(FIRST) - set(NOT_HASHED) == ADDED_LATER


def test_no_setting_of_the_first_study_went_away_or_left_the_name():
    assert set(FIRST) <= field_names()
    assert not set(FIRST) & {*ADDED_LATER, *NOT_HASHED}


@pytest.mark.parametrize(
    ("value", "later", "hashed"),
    [
        (None, set(), True),
        (None, {"data.limit"}, False),
        (300, {"data.limit"}, True),
        (None, {"data.folds"}, True),
    ],
)
def test_a_later_setting_names_a_run_only_where_it_is_changed(value, later, hashed):
    assert is_hashed("data.limit", value, frozenset(later)) == hashed


def test_how_a_folder_is_read_never_does():
    assert not any(is_hashed(name, "chest") for name in NOT_HASHED)
